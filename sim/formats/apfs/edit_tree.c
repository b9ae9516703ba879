/* SPDX-License-Identifier: MIT */
/* Reading whole trees, records and nodes. */
#include <stdlib.h>

#include "sim/formats/apfs/edit_impl.h"

int edit_blocks_add(struct edit_blocks *l, uint64_t block, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		uint64_t *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for a list of blocks");
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = block;
	return 0;
}

void edit_blocks_release(struct edit_blocks *l)
{
	free(l->v);
	*l = (struct edit_blocks){.v = NULL};
}

static bool parse_extent(const struct apfs_tree *t, const uint8_t *p, size_t len,
			 struct apfs_key *ret)
{
	uint64_t v = len == sizeof(struct apfs_j_key) ? get_le64(p) : 0;

	(void)t;
	*ret = (struct apfs_key){
		.id = v & APFS_OBJ_ID_MASK,
		.type = (uint8_t)(v >> APFS_REC_TYPE_SHIFT),
		.name = "",
	};
	return ret->type == APFS_REC_EXTENT;
}

static bool parse_xid(const struct apfs_tree *t, const uint8_t *p, size_t len,
		      struct apfs_key *ret)
{
	(void)t;
	if (len != sizeof(le64))
		return false;
	*ret = (struct apfs_key){.id = get_le64(p), .name = ""};
	return true;
}

const struct apfs_tree_kind edit_extentref_kind = {
	.name = "extent-reference tree",
	.subtype = APFS_OT_EXTENTREF_TREE,
	.parse = parse_extent,
};
const struct apfs_tree_kind edit_omap_snapshot_kind = {
	.name = "snapshot tree of an object map",
	.subtype = APFS_OT_OMAP_SNAPSHOT,
	.key_size = sizeof(le64),
	.val_size = sizeof(struct apfs_omap_snapshot),
	.parse = parse_xid,
};

/* The nodes between the root and the record that @cur is at, but for those in @last. */
static int note_nodes(const struct apfs_cursor *cur, uint64_t *last,
		      struct edit_blocks *nodes, struct err *e)
{
	int rc = 0;

	for (unsigned d = 0; nodes && d < cur->depth && rc == 0; d++) {
		uint64_t block = cur->at[d].b->bno;

		if (block != last[d])
			rc = edit_blocks_add(nodes, block, e);
		last[d] = block;
	}
	return rc;
}

int edit_tree_scan(const struct apfs_tree *t, edit_record_fn record, void *ctx,
		   struct edit_blocks *nodes, struct err *e)
{
	const struct apfs_key first = {.name = ""};
	uint64_t last[APFS_TREE_DEPTH] = {0}; /* block 0 is no node */
	struct apfs_cursor cur;

	apfs_cursor_init(&cur, t);
	int rc = apfs_cursor_seek(&cur, &first, e);

	if (rc == 0 && cur.end) /* empty: a root alone */
		rc = note_nodes(&cur, last, nodes, e);
	while (rc == 0 && !cur.end) {
		rc = note_nodes(&cur, last, nodes, e);
		if (rc == 0 && record)
			rc = record(ctx, &cur, e);
		if (rc == 0)
			rc = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	return rc;
}
