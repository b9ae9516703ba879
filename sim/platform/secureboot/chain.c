/* SPDX-License-Identifier: MIT */
/* Walking the chain: rows in order, until one fails. */
#include <stdio.h>
#include <string.h>

#include "sim/base/clock.h"
#include "sim/platform/csr.h"
#include "sim/platform/secureboot/breadcrumbs.h"
#include "sim/platform/secureboot/chain_impl.h"
#include "sim/platform/secureboot/layout.h"

#define FILE_MAX (512u << 20)

static walk_check *const checks[SB_N_AGAINST] = {
	[SB_BY_FUSE] = walk_by_fuse,
	[SB_BY_SIGNATURE] = walk_by_signature,
	[SB_BY_SYNTAX] = walk_by_syntax,
	[SB_BY_SEP] = walk_by_sep,
	[SB_BY_NSIH] = walk_by_nsih,
	[SB_BY_MANIFEST] = walk_by_manifest,
	[SB_BY_OWNER] = walk_by_owner,
	[SB_BY_NOTHING] = walk_by_nothing,
	[SB_BY_SEAL] = NULL,
};

enum img4_result walk_read(struct walk *w, enum sb_volume v, const char *path,
			   struct err *e)
{
	int64_t start = clock_ns();
	int r;

	buf_clear(&w->file);
	r = w->b->files->read(w->b->files->ctx, v, path, FILE_MAX, &w->file, e);
	w->step->read_ns += clock_ns() - start;
	snprintf(w->step->path, sizeof(w->step->path), "%s", path);
	w->step->size = w->file.len;
	switch (r) {
	case 0:
		return IMG4_OK;
	case -(int)E_NOTFOUND:
		return IMG4_ENOENT;
	case -(int)E_CORRUPT:
	case -(int)E_BADHASH:
	case -(int)E_OVERFLOW:
		return IMG4_EILSEQ;
	default:
		w->error = r;
		return IMG4_ENOMEM;
	}
}

void walk_set_nsih(struct walk *w, const uint8_t nsih[static IMG4_DIGEST_LEN])
{
	struct sb_result *r = w->r;

	memcpy(r->nsih, nsih, sizeof(r->nsih));
	lp_digest_text(nsih, r->boot_manifest_hash);
	snprintf(r->boot_objects_path, sizeof(r->boot_objects_path), "/%s/boot/%s",
		 r->group, r->boot_manifest_hash);
}

static enum img4_result keep_root_hash(struct walk *w, struct span data, struct err *e)
{
	static const char hex[] = "0123456789ABCDEF";
	struct sb_result *r = w->r;
	const uint8_t *hash;
	struct isys isys;
	int n;

	if (isys_parse(data.p, data.len, &isys, e))
		return IMG4_EILSEQ;
	memcpy(r->root_hash, data.p, ISYS_SIZE);
	r->has_root_hash = true;
	if (isys_hash(&isys, SB_BLOCK_SIZE, &hash, e))
		return IMG4_EILSEQ;
	n = snprintf(r->root_snapshot, sizeof(r->root_snapshot), SB_SNAPSHOT_PREFIX);
	for (size_t i = 0; i < ISYS_HASH_LEN; i++) {
		r->root_snapshot[n++] = hex[hash[i] >> 4];
		r->root_snapshot[n++] = hex[hash[i] & 15];
	}
	r->root_snapshot[n] = '\0';
	return IMG4_OK;
}

/* The file of this step becomes @file; what @data points to stays where it is. */
static void take_file(struct walk *w, struct buf *file, struct span data,
		      struct span *ret)
{
	buf_release(file);
	*file = w->file;
	w->file = (struct buf)BUF_INIT;
	*ret = data;
}

enum img4_result walk_keep(struct walk *w, struct span data, struct err *e)
{
	struct sb_result *r = w->r;

	switch (w->row->object) {
	case FOURCC('k', 'r', 'n', 'l'):
	case FOURCC('f', 'u', 'o', 's'):
		take_file(w, &r->kernel_file, data, &r->kernel);
		memcpy(r->kernel_path, w->step->path, sizeof(r->kernel_path));
		return IMG4_OK;
	case FOURCC('a', 'u', 'x', 'k'):
		take_file(w, &r->auxkc_file, data, &r->auxkc);
		r->has_auxkc = true;
		return IMG4_OK;
	case FOURCC('i', 's', 'y', 's'):
	case FOURCC('x', 's', 'y', 's'):
		return keep_root_hash(w, data, e);
	default:
		return IMG4_OK;
	}
}

static void finish_step(struct walk *w, enum img4_result result, const struct err *e)
{
	struct sb_step *s = w->step;

	s->result = result;
	if (result)
		snprintf(s->why, sizeof(s->why), "%.*s", (int)sizeof(s->why) - 1, e->msg);
	breadcrumbs_step(w->r->breadcrumbs, sizeof(w->r->breadcrumbs), s);
	if (w->b->step)
		w->b->step(w->b->step_ctx, s);
}

/* XNU's own check of the signed root hash is an input of its decision, not an end. */
static void note_result(struct walk *w, enum img4_result result)
{
	struct sb_result *r = w->r;

	if (w->row->stage == SB_XNU)
		r->root_hash_result = result;
	if (!result || w->row->on_failure == SB_GOES_ON)
		return;
	r->end = w->row->on_failure;
	r->result = result;
}

static int walk_row(struct walk *w, struct err *e)
{
	struct err why = ERR_INIT;
	enum img4_result result;
	bool skip = false;
	int64_t start;

	w->step = &w->r->step[w->r->n_steps];
	*w->step = (struct sb_step){.row = w->row};
	start = clock_ns();
	result = checks[w->row->against](w, &skip, &why);
	w->step->ns = clock_ns() - start - w->step->read_ns;
	if (w->error) {
		if (e)
			*e = why;
		return w->error;
	}
	if (skip)
		return 0;
	w->r->n_steps++;
	finish_step(w, result, &why);
	note_result(w, result);
	return 0;
}

static int walk_rows(struct walk *w, struct err *e)
{
	size_t n;
	const struct sb_row *row =
		sb_rows(w->b->machine->secure_boot, w->b->recovery, &n);
	int r = 0;

	for (size_t i = 0; !r && w->r->end == SB_GOES_ON && i < n; i++) {
		w->row = &row[i];
		if (w->row->against == SB_BY_SEAL)
			continue;
		if (w->r->n_steps == SB_STEPS_MAX)
			return err_set(e, E_OVERFLOW, "a chain of more than %u steps",
				       SB_STEPS_MAX);
		r = walk_row(w, e);
	}
	return r;
}

int sb_boot_verify(const struct sb_boot *b, struct sb_result *ret, struct err *e)
{
	struct walk w = {.b = b, .r = ret};
	int r;

	*ret = (struct sb_result){.end = SB_GOES_ON};
	memcpy(ret->group, b->group, sizeof(ret->group));
	r = walk_rows(&w, e);
	if (!r)
		breadcrumbs_end(ret->breadcrumbs, sizeof(ret->breadcrumbs), ret->end);
	buf_release(&w.llb);
	buf_release(&w.iboot);
	buf_release(&w.file);
	return r;
}

void sb_result_release(struct sb_result *r)
{
	buf_release(&r->kernel_file);
	buf_release(&r->auxkc_file);
	r->kernel = r->auxkc = (struct span){NULL, 0};
}

uint32_t sb_result_csr(const struct sb_result *r)
{
	uint32_t csr;

	if (!r->has_policy)
		return 0;
	csr = (uint32_t)lp_number(&r->policy, LP_SIP0);
	if (lp_true(&r->policy, LP_SIP1))
		csr |= CSR_ALLOW_UNAUTHENTICATED_ROOT;
	return csr;
}
