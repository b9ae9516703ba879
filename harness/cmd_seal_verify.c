/* SPDX-License-Identifier: MIT */
/* kextlab seal verify: does the seal hold? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cmd_seal.h"
#include "sim/base/clock.h"
#include "sim/platform/secureboot/layout.h"

#define PROGRESS_MS 100

struct verify {
	const struct seal_words *w;
	struct seal_place place;
	struct apfs_volume *v;
	uint64_t xid;			       /* of the snapshot; 0: live */
	uint8_t root_hash[APFS_SEAL_HASH_LEN]; /* asked for */
	struct apfs_seal_report report;
	double seconds;
	bool terminal; /* there is a live line to clear */
	int64_t shown_ms;
};

/* ---- progress ---- */

static int show_progress(void *ctx, uint64_t done, uint64_t all)
{
	struct verify *x = ctx;
	int64_t now = clock_ms();

	if (now - x->shown_ms < PROGRESS_MS)
		return 0;
	x->shown_ms = now;
	fprintf(stderr, "\r  %" PRIu64 " of %" PRIu64 " MB ", done / 1000000,
		all / 1000000);
	return 0;
}

static void clear_progress(const struct verify *x)
{
	if (x->terminal && x->shown_ms)
		fprintf(stderr, "\r%40s\r", "");
}

/* ---- the check ---- */

/* The root hash of --root-hash. */
static int take_root_hash(struct verify *x, struct err *e)
{
	const char *text = x->w->root_hash;

	if (strlen(text) == 2 * sizeof(x->root_hash) &&
	    !sb_hex_parse(text, x->root_hash, sizeof(x->root_hash), e))
		return 0;
	return err_set(e, E_INVAL, "--root-hash wants 64 hexadecimal digits");
}

/* Not the whole: what the seal says, and the root node. */
static int check_root(struct verify *x, struct err *e)
{
	struct apfs_seal_report *report = &x->report;
	int r = apfs_seal_info_get(x->v, &report->info, e);

	if (!r && !report->info.sealed)
		r = err_set(e, E_INVAL, "the volume is not sealed");
	return r ? r : apfs_volume_verify(x->v, x->w->root_hash ? x->root_hash : NULL, e);
}

static int check(struct verify *x, struct err *e)
{
	struct apfs_seal_opts opts = {
		.root_hash = x->w->root_hash ? x->root_hash : NULL,
		.progress = x->terminal ? show_progress : NULL,
		.ctx = x,
	};
	int64_t start = clock_ns();
	int r = x->w->full ? apfs_seal_check(x->v, &opts, &x->report, e)
			   : check_root(x, e);

	x->seconds = (double)(clock_ns() - start) / NS_PER_S;
	clear_progress(x);
	return r;
}

/* ---- the verdict ---- */

static void print_finding(const struct apfs_seal_finding *f)
{
	printf("  %s\n", f->text);
	if (f->length)
		printf("    offset %" PRIu64 ", %" PRIu64 " bytes", f->offset, f->length);
	if (f->length && f->block)
		printf(", from block %" PRIu64 " on", f->block);
	if (f->length)
		putchar('\n');
	for (size_t i = 0; i < f->n_paths; i++)
		printf("    %s\n", f->paths[i]);
	if (f->more_paths)
		printf("    and %" PRIu64 " more\n", f->more_paths);
}

static void print_text(const struct verify *x, const struct err *bad)
{
	const struct apfs_seal_report *r = &x->report;
	uint64_t bytes = r->node_bytes + r->data_bytes;
	char state[APFS_NAME_BUF + 64];
	bool holds = !bad && !r->faults;

	if (!x->v)
		printf("the seal does not hold: '%s' cannot be read\n", x->w->args[0]);
	else
		printf("%s: '%s', %s\n",
		       holds		? "the seal holds"
		       : r->info.sealed ? "the seal does not hold"
					: "there is no seal",
		       x->place.volume.name,
		       seal_state_text(&x->place, x->xid, state, sizeof(state)));
	if (bad)
		printf("  %s\n", bad->msg);
	for (size_t i = 0; i < r->n_findings; i++)
		print_finding(&r->findings[i]);
	if (r->faults > r->n_findings)
		printf("  faults in all: %" PRIu64 "\n", r->faults);
	if (x->w->full)
		printf("  %" PRIu64 " nodes, %" PRIu64 " files and folders, %" PRIu64
		       " pieces of content; %.1f MB in %.2f s, %.2f GB/s\n",
		       r->nodes, r->inodes, r->chunks, (double)bytes / 1e6, x->seconds,
		       x->seconds > 0 ? (double)bytes / 1e9 / x->seconds : 0.0);
	else if (holds)
		printf("  the root node was checked; --full checks what is below it\n");
}

static json_t *finding_json(const struct apfs_seal_finding *f)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < f->n_paths; i++)
		json_array_append_new(paths, json_string(f->paths[i]));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "fault",
			 apfs_seal_fault_name(f->fault), "text", f->text, "block",
			 (json_int_t)f->block, "first_id", (json_int_t)f->first_id,
			 "last_id", (json_int_t)f->last_id, "offset",
			 (json_int_t)f->offset, "length", (json_int_t)f->length, "paths",
			 paths, "more_paths", (json_int_t)f->more_paths);
}

static json_t *verdict_json(const struct verify *x, const struct err *bad)
{
	const struct apfs_seal_report *r = &x->report;
	const struct apfs_snapshot *snap = seal_place_snapshot(&x->place, x->xid);
	json_t *findings = json_array(), *j;

	for (size_t i = 0; i < r->n_findings; i++)
		json_array_append_new(findings, finding_json(&r->findings[i]));
	j = json_pack("{s:s, s:s, s:s?, s:I, s:b, s:b, s:o, s:I, s:o}", "image",
		      x->w->args[0], "volume", x->place.volume.name, "snapshot",
		      snap ? snap->name : NULL, "snapshot_xid", (json_int_t)x->xid,
		      "holds", !bad && !r->faults, "full", x->w->full, "seal",
		      seal_info_json(&r->info), "faults",
		      (json_int_t)(bad ? 1 : r->faults), "findings", findings);
	if (bad)
		json_object_set_new(j, "error", json_string(bad->msg));
	if (x->w->full)
		json_object_set_new(
			j, "checked",
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:f}", "nodes",
				  (json_int_t)r->nodes, "inodes", (json_int_t)r->inodes,
				  "chunks", (json_int_t)r->chunks, "node_bytes",
				  (json_int_t)r->node_bytes, "data_bytes",
				  (json_int_t)r->data_bytes, "seconds", x->seconds));
	return j;
}

/* Is @e about the seal, so that it is a verdict and no failure of the check? */
static bool is_verdict(const struct verify *x, const struct err *e)
{
	bool no_seal = x->v && e->code == E_INVAL && !x->report.info.sealed;

	return e->code == E_BADHASH || e->code == E_CORRUPT || no_seal;
}

static int verdict(struct verify *x, const struct err *bad)
{
	int status = bad || x->report.faults ? EXIT_FAILED : EXIT_PASSED;

	if (!x->w->json)
		print_text(x, bad);
	else if (cmd_print_json(verdict_json(x, bad)))
		return EXIT_INFRA;
	return status;
}

int seal_verify(const void *words)
{
	const struct seal_words *w = words;
	struct verify x = {.w = w, .terminal = !w->json && isatty(STDERR_FILENO)};
	struct err e = ERR_INIT;
	int status, r = seal_place_open(&x.place, w->args[0], w->volume, &e);

	if (!r && w->root_hash)
		r = take_root_hash(&x, &e);
	if (!r)
		r = seal_place_state(&x.place, w->snapshot, &x.v, &x.xid, &e);
	if (!r)
		r = check(&x, &e);
	if (r && !is_verdict(&x, &e))
		status = cmd_error(&e);
	else
		status = verdict(&x, r ? &e : NULL);
	apfs_seal_report_release(&x.report);
	apfs_volume_close(x.v);
	seal_place_close(&x.place);
	return status;
}
