/* SPDX-License-Identifier: MIT */
/*
 * The live state becomes that of a snapshot. On a Mac this ends all younger snapshots,
 * and so it does here: what is younger than the snapshot goes, be it an object or an
 * extent, and then what is live is what the snapshot has.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "sim/formats/apfs/edit_snapshot.h"

/* Free the blocks that are new in the tree at @root, and the tree. */
static int free_extents_of(struct apfs_edit *ed, struct edit_volume *v, uint64_t root,
			   struct err *e)
{
	struct edit_extents l = {.v = NULL};
	struct edit_blocks nodes = {.v = NULL};
	int rc = edit_extents_load(ed, root, &l, &nodes, e);

	if (rc == 0)
		rc = edit_volume_free_extents(ed, v, &l, e);
	if (rc == 0)
		rc = edit_volume_free_list(ed, v, &nodes, e);
	edit_extents_release(&l);
	edit_blocks_release(&nodes);
	return rc;
}

static int drop_younger_snapshots(struct apfs_edit *ed, struct edit_volume *v, size_t i,
				  struct err *e)
{
	int rc = 0;

	while (v->snaps.n > i + 1 && rc == 0) {
		size_t last = v->snaps.n - 1;

		rc = free_extents_of(ed, v, v->snaps.v[last].extentref, e);
		if (rc == 0)
			rc = edit_snapshot_forget(ed, v, last, e);
	}
	return rc;
}

/* Versions younger than @xid were for the live state and the snapshots that are gone. */
static int drop_younger_objects(struct apfs_edit *ed, struct edit_volume *v, uint64_t xid,
				struct err *e)
{
	struct apfs_mappings *map = &v->omap.map;
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < map->n; i++) {
		const struct apfs_mapping m = map->v[i];

		if (m.xid <= xid)
			map->v[kept++] = m;
		else if (rc == 0 && !(m.flags & APFS_OMAP_VAL_DELETED))
			rc = edit_volume_free_blocks(ed, v, m.paddr, 1, e);
	}
	map->n = kept;
	v->omap.dirty = true;
	return rc;
}

/* What makes up the content of a state; name, role and the like stay. */
static void take_content(struct apfs_superblock *to, const struct apfs_superblock *from)
{
	to->apfs_incompatible_features = from->apfs_incompatible_features;
	to->apfs_fs_flags = from->apfs_fs_flags;
	to->apfs_root_tree_type = from->apfs_root_tree_type;
	to->apfs_root_tree_oid = from->apfs_root_tree_oid;
	to->apfs_num_files = from->apfs_num_files;
	to->apfs_num_directories = from->apfs_num_directories;
	to->apfs_num_symlinks = from->apfs_num_symlinks;
	to->apfs_num_other_fsobjects = from->apfs_num_other_fsobjects;
	to->apfs_integrity_meta_oid = from->apfs_integrity_meta_oid;
	to->apfs_fext_tree_oid = from->apfs_fext_tree_oid;
	to->apfs_fext_tree_type = from->apfs_fext_tree_type;
}

static int revert(struct apfs_edit *ed, struct edit_volume *v, size_t i, struct err *e)
{
	const uint64_t xid = v->snaps.v[i].xid;
	struct apfs_superblock sb;
	int rc = edit_settle(ed, e);

	if (rc == 0)
		rc = edit_snapshot_superblock(ed, v, i, &sb, e);
	if (rc == 0)
		rc = edit_volume_free_live(ed, v, e);
	if (rc == 0)
		rc = drop_younger_snapshots(ed, v, i, e);
	if (rc == 0)
		rc = drop_younger_objects(ed, v, xid, e);
	if (rc != 0)
		return rc;
	v->extents.n = 0;
	v->extents_dirty = v->dirty = true;
	take_content(&v->sb, &sb);
	v->sb.apfs_last_mod_time = to_le64((uint64_t)ed->time_ns);
	rc = edit_volume_sealed(&sb) ? edit_fext_copy(ed, v, &sb, e) : 0;
	return rc != 0 ? rc : edit_volume_sweep(ed, v, e);
}

int apfs_edit_revert(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	struct edit_volume *v;
	size_t at = 0;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc == 0)
		rc = edit_snapshots_find(&v->snaps, name, &at, e);
	for (size_t i = at + 1; rc == 0 && i < v->snaps.n; i++)
		rc = edit_snapshot_check_root(v, i, e);
	return rc != 0 ? rc : revert(ed, v, at, e);
}
