/* SPDX-License-Identifier: MIT */
/* kextlab seal break and fix: the two that write to an image. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness/cmd_seal.h"
#include "images/seal_break.h"
#include "images/seal_fix.h"
#include "sim/base/clock.h"
#include "sim/base/nearest.h"

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- break ---- */

static int unknown_kind(const char *name)
{
	const char *names[SEAL_BREAK_N];
	char hint[NEAREST_HINT_MAX];

	for (int i = 0; i < SEAL_BREAK_N; i++)
		names[i] = seal_break_rows[i].name;
	return cmd_usage_error("seal", "unknown kind of damage '%s'%s", name,
			       nearest_hint(name, names, SEAL_BREAK_N, hint));
}

static int take_offset(const char *text, uint64_t *ret, struct err *e)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	if (errno || *end || *text < '0' || *text > '9')
		return err_set(e, E_INVAL, "'%s' is no offset", text);
	return 0;
}

static int print_broken(const struct seal_words *w, const struct seal_break_result *r)
{
	const struct apfs_seal_broken *b = &r->bit;

	if (w->json && r->in_place)
		return cmd_print_json(json_pack(
			"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:i}", "image",
			w->args[0], "kind", w->args[1], "where", r->state, "what",
			b->what, "block", (json_int_t)b->block, "at", (json_int_t)b->at,
			"disk_offset", (json_int_t)r->disk_offset, "before", b->before,
			"after", b->after));
	if (w->json)
		return cmd_print_json(json_pack("{s:s, s:s, s:s, s:s}", "image",
						w->args[0], "kind", w->args[1], "where",
						r->state, "what", b->what));
	printf("%s: %s\n", r->state, b->what);
	if (r->in_place)
		printf("  block %" PRIu64 ", byte %u (byte %" PRIu64
		       " of the disk): 0x%02x -> 0x%02x\n",
		       b->block, b->at, r->disk_offset, b->before, b->after);
	else
		printf("  in a new transaction\n");
	return EXIT_PASSED;
}

int seal_break_image(const void *words)
{
	const struct seal_words *w = words;
	struct seal_break_spec spec = {
		.kind = seal_break_by_name(w->args[1]),
		.volume = w->volume,
		.snapshot = w->snapshot,
		.path = w->n_args > 2 ? w->args[2] : NULL,
	};
	struct seal_break_result result;
	struct err e = ERR_INIT;
	int r = 0;

	if (spec.kind == SEAL_BREAK_N)
		return unknown_kind(w->args[1]);
	if (w->n_args > 3)
		r = take_offset(w->args[3], &spec.offset, &e);
	if (!r)
		r = seal_break(w->args[0], &spec, now_ns(), &result, &e);
	return r ? cmd_error(&e) : print_broken(w, &result);
}

/* ---- fix ---- */

static void print_line(void *ctx, const char *line)
{
	(void)ctx;
	puts(line);
}

int seal_fix_image(const void *words)
{
	const struct seal_words *w = words;
	const struct seal_fix how = {
		.volume = w->volume,
		.revert = w->revert,
		.dry_run = w->dry_run,
		.time_ns = now_ns(),
		.say = print_line,
	};
	struct seal_fixed fixed;
	struct err e = ERR_INIT;

	if (seal_fix(w->args[0], &how, &fixed, &e))
		return cmd_error(&e);
	if (!fixed.changed)
		puts("nothing was changed");
	else if (w->dry_run)
		puts("nothing was changed: --dry-run");
	return fixed.holds ? EXIT_PASSED : EXIT_FAILED;
}
