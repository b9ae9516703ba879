/* SPDX-License-Identifier: MIT */
/* No two entries of a collection may hold the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/fileset/internal.h"

struct range {
	uint64_t start, end;
	const char *id;
};

struct ranges {
	struct range *r;
	size_t n, cap;
};

static int add(struct ranges *all, const struct range *r, struct err *e)
{
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		struct range *grown = realloc(all->r, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "out of memory");
		all->r = grown;
		all->cap = cap;
	}
	all->r[all->n++] = *r;
	return 0;
}

/* Symbols may be shared; code and data not. */
static int add_segments(struct ranges *all, const struct macho *m, const char *id,
			struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < m->nsegs; i++) {
		const struct macho_segment *s = &m->segs[i];
		const struct range range = {s->vmaddr, s->vmaddr + s->vmsize, id};

		if (s->vmsize && strcmp(s->name, "__LINKEDIT") != 0)
			r = add(all, &range, e);
	}
	return r;
}

static int add_kext(struct ranges *all, const struct fileset *f,
		    const struct kext_entry *k, struct err *e)
{
	struct macho m;
	int r;

	if (!k->has_code)
		return 0;
	r = fileset_kext_macho(f, k, &m, e);
	if (r)
		return r;
	r = add_segments(all, &m, k->id, e);
	macho_release(&m);
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

int fileset_check_overlap(const struct fileset *f, struct err *e)
{
	struct ranges all = {.n = 0};
	int r = f->has_kernel ? add_segments(&all, &f->kernel, FILESET_KERNEL_ID, e) : 0;

	for (size_t i = 0; !r && i < f->n_kexts; i++)
		r = add_kext(&all, f, &f->kext[i], e);
	if (!r && all.n)
		qsort(all.r, all.n, sizeof(*all.r), by_start);
	for (size_t i = 1; !r && i < all.n; i++)
		if (all.r[i].start < all.r[i - 1].end)
			r = err_set(e, E_CORRUPT, "%s and %s overlap at 0x%llx",
				    all.r[i - 1].id, all.r[i].id,
				    (unsigned long long)all.r[i].start);
	free(all.r);
	return r;
}
