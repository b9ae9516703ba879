/* SPDX-License-Identifier: MIT */
/* Object maps in memory. */
#include <inttypes.h>
#include <stdlib.h>

#include "sim/formats/apfs/edit_impl.h"

static int add_entry(void *ctx, const struct apfs_cursor *at, struct err *e)
{
	struct edit_omap *om = ctx;
	const struct apfs_omap_val *val = (const struct apfs_omap_val *)at->val;
	const struct apfs_mapping m = {
		.oid = at->key.id,
		.xid = at->key.num,
		.paddr = le64_get(val->ov_paddr),
		.flags = le32_get(val->ov_flags),
	};
	const uint32_t known = APFS_OMAP_VAL_DELETED | APFS_OMAP_VAL_NOHEADER;

	if (m.flags & ~known)
		return err_set(e, E_UNSUPPORTED,
			       "object map: object %#" PRIx64 ": ov_flags %#x", m.oid,
			       m.flags);
	if (le32_get(val->ov_size) != APFS_BLOCK_SIZE &&
	    !(m.flags & APFS_OMAP_VAL_DELETED))
		return err_set(e, E_UNSUPPORTED,
			       "object map: object %#" PRIx64 ": ov_size %u", m.oid,
			       le32_get(val->ov_size));
	return apfs_mappings_add(&om->map, &m, e);
}

static int check_header(struct edit_omap *om, const struct apfs_omap *raw, struct err *e)
{
	om->flags = le32_get(raw->om_flags);
	om->snapshot_tree = le64_get(raw->om_snapshot_tree_oid);
	om->snap_count = le32_get(raw->om_snap_count);
	if (om->flags & ~APFS_OMAP_MANUALLY_MANAGED)
		return err_set(e, E_UNSUPPORTED,
			       "block %" PRIu64 ": object map: om_flags %#x", om->block,
			       om->flags);
	if (le64_get(raw->om_pending_revert_min) || le64_get(raw->om_pending_revert_max))
		return err_set(e, E_UNSUPPORTED,
			       "block %" PRIu64 ": object map: a revert is pending",
			       om->block);
	return 0;
}

int edit_omap_load(struct apfs_edit *ed, uint64_t block, struct edit_omap *om,
		   struct err *e)
{
	struct apfs_tree tree;
	struct apfs_blk *b;

	*om = (struct edit_omap){.block = block};
	int rc = apfs_omap_open(ed->c, block, &tree, e);

	if (rc == 0)
		rc = apfs_blk_get(ed->c, block, true, &b, e);
	if (rc != 0)
		return rc;
	rc = check_header(om, (const struct apfs_omap *)b->data, e);
	apfs_blk_put(ed->c, b);
	if (rc == 0)
		rc = edit_tree_scan(&tree, add_entry, om, &om->nodes, e);
	return rc != 0 ? rc : edit_blocks_add(&om->nodes, block, e);
}

void edit_omap_release(struct edit_omap *om)
{
	apfs_mappings_release(&om->map);
	edit_blocks_release(&om->nodes);
}

static int by_oid(const void *pa, const void *pb)
{
	const struct apfs_mapping *a = pa, *b = pb;

	if (a->oid != b->oid)
		return a->oid < b->oid ? -1 : 1;
	return a->xid < b->xid ? -1 : a->xid > b->xid;
}

void edit_omap_sort(struct edit_omap *om)
{
	if (om->unsorted && om->map.n > 1)
		qsort(om->map.v, om->map.n, sizeof(*om->map.v), by_oid);
	om->unsorted = false;
}

struct apfs_mapping *edit_omap_find(struct edit_omap *om, uint64_t oid, uint64_t xid)
{
	const struct apfs_mapping want = {.oid = oid, .xid = xid};
	size_t lo = 0, hi = om->map.n;

	edit_omap_sort(om);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (by_oid(&om->map.v[mid], &want) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && om->map.v[lo - 1].oid == oid ? &om->map.v[lo - 1] : NULL;
}

int edit_omap_add(struct edit_omap *om, const struct apfs_mapping *m, struct err *e)
{
	om->dirty = true;
	om->unsorted = true;
	return apfs_mappings_add(&om->map, m, e);
}
