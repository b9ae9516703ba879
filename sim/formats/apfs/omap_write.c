/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/layout.h"

static int by_oid(const void *pa, const void *pb)
{
	const struct apfs_mapping *a = pa, *b = pb;

	if (a->oid != b->oid)
		return a->oid < b->oid ? -1 : 1;
	return a->xid < b->xid ? -1 : a->xid > b->xid;
}

static int write_tree(struct apfs_btree *t, struct apfs_mappings *m, uint64_t *ret_root,
		      struct err *e)
{
	int rc = 0;

	if (m->n > 1)
		qsort(m->v, m->n, sizeof(*m->v), by_oid);
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		const struct apfs_mapping *o = &m->v[i];
		const struct apfs_omap_key key = {to_le64(o->oid), to_le64(o->xid)};
		const struct apfs_omap_val val = {
			.ov_flags = to_le32(o->flags),
			.ov_size = to_le32(APFS_BLOCK_SIZE),
			.ov_paddr = to_le64(o->paddr),
		};

		rc = apfs_btree_add(t, &key, sizeof(key), &val, sizeof(val), e);
	}
	return rc != 0 ? rc : apfs_btree_finish(t, ret_root, e);
}

static int write_snapshots(struct apfs_out *out, const struct apfs_omap_spec *s,
			   uint64_t *ret_root, uint64_t *ret_blocks, struct err *e)
{
	const struct apfs_omap_snapshot val = {.oms_flags = to_le32(0)};
	struct apfs_btree t;
	int rc = 0;

	apfs_btree_init(&t, &apfs_omap_snapshot_tree, out, s->xid, NULL, NULL);
	for (size_t i = 0; i < s->n_snapshots && rc == 0; i++) {
		const le64 key = to_le64(s->snapshots[i]);

		rc = apfs_btree_add(&t, &key, sizeof(key), &val, sizeof(val), e);
	}
	if (rc == 0)
		rc = apfs_btree_finish(&t, ret_root, e);
	*ret_blocks += t.n_nodes;
	apfs_btree_release(&t);
	return rc;
}

static void fill_omap(struct apfs_omap *om, const struct apfs_omap_spec *s, uint64_t tree,
		      uint64_t snapshot_tree)
{
	om->om_flags = to_le32(s->flags);
	om->om_tree_type = to_le32(APFS_OBJ_PHYSICAL | APFS_OT_BTREE);
	om->om_snapshot_tree_type = to_le32(APFS_OBJ_PHYSICAL | APFS_OT_BTREE);
	om->om_tree_oid = to_le64(tree);
	if (s->n_snapshots == 0)
		return;
	om->om_snap_count = to_le32((uint32_t)s->n_snapshots);
	om->om_snapshot_tree_oid = to_le64(snapshot_tree);
	om->om_most_recent_snap = to_le64(s->snapshots[s->n_snapshots - 1]);
}

int apfs_omap_write(struct apfs_out *out, const struct apfs_omap_spec *s,
		    uint64_t *ret_oid, uint64_t *ret_blocks, struct err *e)
{
	struct apfs_btree t;
	uint64_t root, snapshot_root = 0;
	uint8_t *block;

	apfs_btree_init(&t, &apfs_omap_tree, out, s->xid, NULL, NULL);
	int rc = write_tree(&t, s->map, &root, e);

	apfs_btree_release(&t);
	*ret_blocks = t.n_nodes + 1;
	if (rc == 0 && s->n_snapshots > 0)
		rc = write_snapshots(out, s, &snapshot_root, ret_blocks, e);
	if (rc == 0)
		rc = apfs_out_block(out, &block, ret_oid, e);
	if (rc != 0)
		return rc;
	fill_omap((struct apfs_omap *)block, s, root, snapshot_root);
	apfs_obj_seal(block, *ret_oid, s->xid, APFS_OBJ_PHYSICAL | APFS_OT_OMAP, 0);
	return 0;
}
