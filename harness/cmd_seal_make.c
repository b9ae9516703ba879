/* SPDX-License-Identifier: MIT */
/* kextlab seal make: a folder of the host as a sealed volume. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "harness/cmd_seal.h"
#include "harness/new_file.h"
#include "sim/base/clock.h"
#include "sim/formats/apfs/seal_make.h"

struct make {
	const char *tree;
	struct apfs_seal_make opts;
	struct apfs_sealed sealed;
};

/*
 * The time that all files get is part of what is sealed, so that it must not be now: the
 * same tree is to have the same root hash.
 */
static int take_time(const struct seal_words *w, int64_t *ret_ns, struct err *e)
{
	const char *text = w->time ? w->time : getenv("SOURCE_DATE_EPOCH");
	struct stat st;
	char *end;
	long long s;

	if (!text || !*text) {
		if (stat(w->args[0], &st))
			return err_sys(e, "%s", w->args[0]);
		*ret_ns = (int64_t)st.st_mtime * NS_PER_S;
		return 0;
	}
	errno = 0;
	s = strtoll(text, &end, 10);
	if (errno || *end || s < 0 || s > INT64_MAX / NS_PER_S)
		return err_set(e, E_INVAL, "'%s' is no time in seconds", text);
	*ret_ns = s * NS_PER_S;
	return 0;
}

static int make_part(void *ctx, const char *part, struct err *e)
{
	struct make *m = ctx;

	return apfs_seal_make(m->tree, part, &m->opts, &m->sealed, e);
}

static int print_made(const struct seal_words *w, const struct make *m, double seconds)
{
	char hash[2 * APFS_SEAL_HASH_LEN + 1];

	if (w->json)
		return cmd_print_json(json_pack(
			"{s:s, s:o, s:s?, s:I, s:f}", "image", w->output, "root_hash",
			seal_hash_json(m->sealed.root_hash), "snapshot",
			*m->sealed.snapshot ? m->sealed.snapshot : NULL, "snapshot_xid",
			(json_int_t)m->sealed.snapshot_xid, "seconds", seconds));
	hex_text(m->sealed.root_hash, APFS_SEAL_HASH_LEN, hash);
	printf("root hash   %s\n", hash);
	if (*m->sealed.snapshot)
		printf("snapshot    %s (transaction %" PRIu64 ")\n", m->sealed.snapshot,
		       m->sealed.snapshot_xid);
	return EXIT_PASSED;
}

int seal_make(const void *words)
{
	const struct seal_words *w = words;
	struct make m = {
		.tree = w->args[0],
		.opts = {.volume = w->name,
			 .snapshot = !w->no_snapshot,
			 .case_sensitive = w->case_sensitive},
	};
	struct err e = ERR_INIT;
	int64_t start = clock_ns();
	int r;

	if (!w->output)
		return cmd_usage_error("seal", "make TREE -o IMAGE");
	r = take_time(w, &m.opts.time_ns, &e);
	if (!r)
		r = new_file(w->output, make_part, &m, &e);
	if (r)
		return cmd_error(&e);
	return print_made(w, &m, (double)(clock_ns() - start) / NS_PER_S);
}
