/* SPDX-License-Identifier: MIT */
/* What a check of a seal found. */
#define _GNU_SOURCE /* vasprintf */
#include "sim/formats/apfs/seal_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX (1u << 20)

static const char *const fault_names[APFS_SEAL_FAULT_MAX] = {
	[APFS_SEAL_FAULT_FLAG] = "flag",     [APFS_SEAL_FAULT_ROOT] = "root-hash",
	[APFS_SEAL_FAULT_NODE] = "node",     [APFS_SEAL_FAULT_STRUCTURE] = "structure",
	[APFS_SEAL_FAULT_DATA] = "data",     [APFS_SEAL_FAULT_COVER] = "cover",
	[APFS_SEAL_FAULT_UNREAD] = "unread",
};

const char *apfs_seal_fault_name(enum apfs_seal_fault f)
{
	return f < APFS_SEAL_FAULT_MAX ? fault_names[f] : "unknown";
}

void apfs_seal_report_release(struct apfs_seal_report *r)
{
	for (size_t i = 0; i < r->n_findings; i++) {
		free(r->findings[i].text);
		for (size_t k = 0; k < r->findings[i].n_paths; k++)
			free(r->findings[i].paths[k]);
	}
	free(r->findings);
	*r = (struct apfs_seal_report){0};
}

/* Is @what the neighbour of a finding of the same kind? Then that one grows. */
static bool join(struct apfs_seal_report *r, const struct apfs_seal_finding *what)
{
	if (what->fault != APFS_SEAL_FAULT_DATA)
		return false;
	for (size_t i = r->n_findings; i--;) {
		struct apfs_seal_finding *f = &r->findings[i];

		if (f->fault != what->fault || f->first_id != what->first_id)
			continue;
		if (f->offset + f->length == what->offset) {
			f->length += what->length;
			return true;
		}
		if (what->offset + what->length == f->offset) {
			f->offset = what->offset;
			f->length += what->length;
			f->block = what->block;
			return true;
		}
	}
	return false;
}

int seal_find(struct seal_check *s, const struct apfs_seal_finding *what, struct err *e,
	      const char *fmt, ...)
{
	struct apfs_seal_report *r = s->report;
	struct apfs_seal_finding *list;
	va_list ap;
	int n;

	r->faults++;
	if (join(r, what) || r->n_findings >= s->max_findings)
		return 0;
	list = reallocarray(r->findings, r->n_findings + 1, sizeof(*list));
	if (!list)
		return err_set(e, E_NOMEM, "findings: out of memory");
	r->findings = list;
	list[r->n_findings] = *what;
	va_start(ap, fmt);
	n = vasprintf(&list[r->n_findings].text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(e, E_NOMEM, "findings: out of memory");
	r->n_findings++;
	return 0;
}

static int cmp_findings(const void *a, const void *b)
{
	const struct apfs_seal_finding *x = a, *y = b;

	if (x->fault != y->fault)
		return x->fault < y->fault ? -1 : 1;
	if (x->first_id != y->first_id)
		return x->first_id < y->first_id ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

void seal_findings_sort(struct apfs_seal_report *r)
{
	if (r->n_findings)
		qsort(r->findings, r->n_findings, sizeof(*r->findings), cmp_findings);
}

int seal_progress(struct seal_check *s, struct err *e)
{
	uint64_t done = s->report->node_bytes + s->report->data_bytes;
	uint64_t all = s->plain.info.alloc_blocks * APFS_BLOCK_SIZE;

	if (!s->opts->progress ||
	    s->opts->progress(s->opts->ctx, done, all < done ? done : all) >= 0)
		return 0;
	return err_set(e, E_CANCELED, "stopped");
}

/* ---- ids ---- */

void seal_ids_release(struct seal_ids *s)
{
	free(s->ids);
	*s = (struct seal_ids){0};
}

int seal_ids_add(struct seal_ids *s, uint64_t id, struct err *e)
{
	if (s->n && s->ids[s->n - 1] == id)
		return 0;
	if (s->n == IDS_MAX)
		return err_set(e, E_OVERFLOW,
			       "more than %u streams of attributes or clones", IDS_MAX);
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		uint64_t *p = reallocarray(s->ids, cap, sizeof(*p));

		if (!p)
			return err_set(e, E_NOMEM, "seal: out of memory");
		s->ids = p;
		s->cap = cap;
	}
	s->ids[s->n++] = id;
	return 0;
}

static int cmp_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void seal_ids_sort(struct seal_ids *s)
{
	if (s->n)
		qsort(s->ids, s->n, sizeof(*s->ids), cmp_ids);
}

bool seal_ids_has(const struct seal_ids *s, uint64_t id)
{
	return s->n && bsearch(&id, s->ids, s->n, sizeof(*s->ids), cmp_ids);
}
