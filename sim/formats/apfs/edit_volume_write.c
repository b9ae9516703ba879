/* SPDX-License-Identifier: MIT */
/* What is dirty of a volume, written to new blocks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/edit_impl.h"
#include "sim/formats/apfs/layout.h"

static int write_extents(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	struct apfs_tree_at at;
	int rc = edit_volume_free_list(ed, v, &v->extents_nodes, e);

	if (rc == 0)
		rc = edit_extents_write(ed, &v->extents, &at, e);
	if (rc != 0)
		return rc;
	v->sb.apfs_extentref_tree_oid = to_le64(at.root);
	edit_volume_gain(v, at.n_blocks);
	return 0;
}

static int write_snapshots(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	struct apfs_tree_at at;
	int rc = edit_volume_free_list(ed, v, &v->snaps.nodes, e);

	if (rc == 0)
		rc = apfs_snapmeta_write(&ed->out, ed->xid, v->snaps.v, v->snaps.n, &at,
					 e);
	if (rc != 0)
		return rc;
	v->sb.apfs_snap_meta_tree_oid = to_le64(at.root);
	v->sb.apfs_num_snapshots = to_le64(v->snaps.n);
	edit_volume_gain(v, at.n_blocks);
	return 0;
}

static int write_omap(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	struct apfs_omap_spec spec = {.xid = ed->xid,
				      .flags = v->omap.flags,
				      .map = &v->omap.map,
				      .n_snapshots = v->snaps.n};
	uint64_t *xids = calloc(v->snaps.n + 1, sizeof(*xids));
	uint64_t oid, n_blocks;

	if (!xids)
		return err_set(e, E_NOMEM, "out of memory for an object map");
	for (size_t i = 0; i < v->snaps.n; i++)
		xids[i] = v->snaps.v[i].xid;
	spec.snapshots = xids;
	int rc = edit_volume_free_list(ed, v, &v->omap.nodes, e);

	if (rc == 0)
		rc = apfs_omap_write(&ed->out, &spec, &oid, &n_blocks, e);
	free(xids);
	if (rc != 0)
		return rc;
	v->sb.apfs_omap_oid = to_le64(oid);
	edit_volume_gain(v, n_blocks);
	return 0;
}

/* Of the blocks that are reserved for a volume, those that it uses count as reserved. */
static uint64_t reserved(const struct apfs_superblock *sb, uint64_t alloc)
{
	uint64_t reserve = le64_get(sb->apfs_fs_reserve_block_count);

	return alloc < reserve ? alloc : reserve;
}

/*
 * What was ever allocated and freed. On a Mac's volume the two differ by less than what
 * it has, so that freeing all of that would overtake the first.
 */
static void check_totals(struct apfs_superblock *sb)
{
	if (le64_get(sb->apfs_total_blocks_freed) >
	    le64_get(sb->apfs_total_blocks_alloced))
		sb->apfs_total_blocks_alloced = sb->apfs_total_blocks_freed;
}

static int check_quota(const struct apfs_superblock *sb, struct err *e)
{
	uint64_t quota = le64_get(sb->apfs_fs_quota_block_count);

	if (quota != 0 && le64_get(sb->apfs_fs_alloc_count) > quota)
		return err_set(e, E_NOSPC,
			       "the volume has %" PRIu64 " blocks, at most %" PRIu64,
			       le64_get(sb->apfs_fs_alloc_count), quota);
	return 0;
}

/* The superblock itself does not count among the blocks of a volume. */
static int write_superblock(struct apfs_edit *ed, struct edit_volume *v,
			    uint64_t alloc_before, struct err *e)
{
	struct apfs_mapping *old = edit_omap_find(&ed->omap, v->oid, ed->xid);
	uint8_t *block;
	uint64_t paddr;
	int rc = check_quota(&v->sb, e);

	check_totals(&v->sb);
	if (rc == 0)
		rc = edit_space_free(&ed->space, old->paddr, 1, e);
	if (rc == 0)
		rc = apfs_out_block(&ed->out, &block, &paddr, e);
	if (rc != 0)
		return rc;
	ed->space.reserve_delta +=
		(int64_t)(reserved(&v->sb, le64_get(v->sb.apfs_fs_alloc_count)) -
			  reserved(&v->sb, alloc_before));
	memcpy(block, v->block, sizeof(v->block));
	apfs_obj_seal(block, v->oid, ed->xid, APFS_OBJ_VIRTUAL | APFS_OT_FS, 0);
	old->paddr = paddr;
	old->xid = ed->xid;
	ed->omap.dirty = true;
	return 0;
}

int edit_volume_write(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	const struct apfs_mapping *old = edit_omap_find(&ed->omap, v->oid, ed->xid);
	uint64_t alloc_before;
	struct apfs_blk *b;
	int rc = apfs_blk_get(ed->c, old->paddr, true, &b, e);

	if (rc != 0)
		return rc;
	alloc_before =
		le64_get(((const struct apfs_superblock *)b->data)->apfs_fs_alloc_count);
	apfs_blk_put(ed->c, b);
	if (v->extents_dirty)
		rc = write_extents(ed, v, e);
	if (rc == 0 && v->snaps.dirty)
		rc = write_snapshots(ed, v, e);
	if (rc == 0 && (v->omap.dirty || v->snaps.dirty))
		rc = write_omap(ed, v, e);
	return rc != 0 ? rc : write_superblock(ed, v, alloc_before, e);
}
