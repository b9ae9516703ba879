/* SPDX-License-Identifier: MIT */
/* Extent-reference trees on disk. */
#include <inttypes.h>

#include "sim/base/ckd.h"
#include "sim/formats/apfs/edit_impl.h"

struct load {
	struct apfs_edit *ed;
	struct edit_extents *ret;
	uint64_t end; /* behind the extent before */
};

static int add_record(void *ctx, const struct apfs_cursor *at, struct err *e)
{
	struct load *l = ctx;
	const struct apfs_j_phys_ext_val *val = (const void *)at->val;
	struct edit_extent x = {.block = at->key.id};
	uint64_t raw;
	unsigned kind;

	if (at->val_len != sizeof(*val))
		return err_set(e, E_CORRUPT, "extent of block %" PRIu64 ": %zu bytes",
			       x.block, at->val_len);
	raw = le64_get(val->len_and_kind);
	kind = (unsigned)(raw >> APFS_PEXT_KIND_SHIFT);
	x.count = raw & APFS_PEXT_LEN_MASK;
	x.owner = le64_get(val->owning_obj_id);
	x.refcnt = (int32_t)le32_get(val->refcnt);
	x.update = kind == APFS_KIND_UPDATE;
	if (kind != APFS_KIND_NEW && kind != APFS_KIND_UPDATE)
		return err_set(e, E_CORRUPT, "extent of block %" PRIu64 ": kind %u",
			       x.block, kind);
	if (!x.count || !range_inside(x.block, x.count, l->ed->c->blocks) ||
	    x.block < l->end)
		return err_set(e, E_CORRUPT,
			       "extent of block %" PRIu64 ": %" PRIu64
			       " blocks, which is not possible",
			       x.block, x.count);
	if (x.refcnt == 0 || (!x.update && x.refcnt < 0))
		return err_set(e, E_CORRUPT, "extent of block %" PRIu64 ": refcnt %d",
			       x.block, x.refcnt);
	l->end = x.block + x.count;
	return edit_extents_add(l->ret, &x, e);
}

int edit_extents_load(struct apfs_edit *ed, uint64_t root, struct edit_extents *ret,
		      struct edit_blocks *nodes, struct err *e)
{
	const struct apfs_tree tree = {
		.c = ed->c, .kind = &edit_extentref_kind, .root = root};
	struct load l = {.ed = ed, .ret = ret};

	return edit_tree_scan(&tree, add_record, &l, nodes, e);
}

static int add_extent(struct apfs_btree *t, const struct edit_extent *x, struct err *e)
{
	const uint64_t type = (uint64_t)APFS_REC_EXTENT << APFS_REC_TYPE_SHIFT;
	const uint64_t kind = x->update ? APFS_KIND_UPDATE : APFS_KIND_NEW;
	const struct apfs_j_key key = {to_le64(x->block | type)};
	const struct apfs_j_phys_ext_val val = {
		.len_and_kind = to_le64(x->count | kind << APFS_PEXT_KIND_SHIFT),
		.owning_obj_id = to_le64(x->owner),
		.refcnt = to_le32((uint32_t)x->refcnt),
	};

	return apfs_btree_add(t, &key, sizeof(key), &val, sizeof(val), e);
}

int edit_extents_write(struct apfs_edit *ed, const struct edit_extents *l,
		       struct apfs_tree_at *ret, struct err *e)
{
	struct apfs_btree t;
	int rc = 0;

	apfs_btree_init(&t, &apfs_extentref_tree, &ed->out, ed->xid, NULL, NULL);
	for (size_t i = 0; i < l->n && rc == 0; i++)
		rc = add_extent(&t, &l->v[i], e);
	if (rc == 0)
		rc = apfs_btree_finish(&t, &ret->root, e);
	ret->n_blocks = t.n_nodes;
	apfs_btree_release(&t);
	return rc;
}
