/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/edit_extents.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/formats/apfs/raw.h"

void edit_extents_release(struct edit_extents *l)
{
	free(l->v);
	*l = (struct edit_extents){.v = NULL};
}

/* Extents that are new stay as they are: apfsck looks for their start near a use. */
static bool continues(const struct edit_extent *a, const struct edit_extent *b)
{
	return a->update && b->update && a->block + a->count == b->block &&
	       a->refcnt == b->refcnt;
}

int edit_extents_add(struct edit_extents *l, const struct edit_extent *one, struct err *e)
{
	if (l->n > 0 && continues(&l->v[l->n - 1], one)) {
		l->v[l->n - 1].count += one->count;
		return 0;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct edit_extent *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for extents");
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *one;
	return 0;
}

/* A list that is consumed from the front, piece by piece. */
struct reader {
	const struct edit_extents *l;
	size_t i;
	struct edit_extent left; /* of l->v[i]; count 0: at the end */
};

static void take(struct reader *r, uint64_t count)
{
	r->left.block += count;
	r->left.count -= count;
	if (r->left.count > 0)
		return;
	r->i++;
	r->left = r->i < r->l->n ? r->l->v[r->i] : (struct edit_extent){.count = 0};
}

static void reader_init(struct reader *r, const struct edit_extents *l)
{
	*r = (struct reader){.l = l};
	r->left = l->n > 0 ? l->v[0] : (struct edit_extent){.count = 0};
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Blocks of which both lists speak. */
static int both(const struct edit_extent *older, const struct edit_extent *younger,
		struct edit_extents *ret, struct edit_extents *ret_unowned, struct err *e)
{
	struct edit_extent sum = *older;

	if (!younger->update)
		return err_set(e, E_CORRUPT,
			       "extents: block %" PRIu64 " is new in two states",
			       younger->block);
	if (__builtin_add_overflow(older->refcnt, younger->refcnt, &sum.refcnt) ||
	    (!older->update && sum.refcnt < 0))
		return err_set(e, E_CORRUPT,
			       "extents: block %" PRIu64 " has %d owners and loses %d",
			       younger->block, older->refcnt, younger->refcnt);
	if (sum.refcnt != 0)
		return edit_extents_add(ret, &sum, e);
	return older->update ? 0 : edit_extents_add(ret_unowned, &sum, e);
}

int edit_extents_merge(const struct edit_extents *older,
		       const struct edit_extents *younger, struct edit_extents *ret,
		       struct edit_extents *ret_unowned, struct err *e)
{
	struct reader a, b;
	int rc = 0;

	reader_init(&a, older);
	reader_init(&b, younger);
	while (rc == 0 && (a.left.count > 0 || b.left.count > 0)) {
		struct edit_extent pa = a.left, pb = b.left;

		if (pb.count == 0 || (pa.count > 0 && pa.block < pb.block)) {
			/* Up to where the other begins. */
			if (pb.count > 0)
				pa.count = min(pa.count, pb.block - pa.block);
			rc = edit_extents_add(ret, &pa, e);
			take(&a, pa.count);
		} else if (pa.count == 0 || pb.block < pa.block) {
			if (pa.count > 0)
				pb.count = min(pb.count, pa.block - pb.block);
			rc = edit_extents_add(ret, &pb, e);
			take(&b, pb.count);
		} else {
			pa.count = pb.count = min(pa.count, pb.count);
			rc = both(&pa, &pb, ret, ret_unowned, e);
			take(&a, pa.count);
			take(&b, pa.count);
		}
	}
	return rc;
}

int edit_extents_disown(const struct edit_extents *all, struct edit_extents *ret,
			struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < all->n && rc == 0; i++) {
		struct edit_extent x = all->v[i];

		if (x.update)
			return err_set(e, E_CORRUPT,
				       "extents: block %" PRIu64
				       " changes its owners and is nobody's",
				       x.block);
		x.refcnt = -x.refcnt;
		x.owner = UINT64_MAX;
		x.update = true;
		rc = edit_extents_add(ret, &x, e);
	}
	return rc;
}
