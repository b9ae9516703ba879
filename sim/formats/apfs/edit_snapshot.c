/* SPDX-License-Identifier: MIT */
/*
 * Making and deleting snapshots (APFS Reference p. 117), and going back to one.
 *
 * A snapshot takes over the extent references of the live state, which starts a new list;
 * of a sealed state it takes over the tree of the files' extents, and the live state gets
 * a copy, for apfsck counts the blocks for each. All virtual objects stay where they are.
 */
#include "sim/formats/apfs/edit_snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"

/* ---- Trees of files' extents ---- */

static int copy_record(void *ctx, const struct apfs_cursor *at, struct err *e)
{
	struct apfs_fext_tree_key key = {to_le64(at->key.id), to_le64(at->key.num)};

	return apfs_btree_add(ctx, &key, sizeof(key), at->val, at->val_len, e);
}

static struct apfs_tree fext_tree(struct apfs_edit *ed, const struct apfs_superblock *sb)
{
	return (struct apfs_tree){.c = ed->c,
				  .kind = &apfs_fext_tree_kind,
				  .root = le64_get(sb->apfs_fext_tree_oid)};
}

/* The live state gets a copy of the tree that @from has. */
int edit_fext_copy(struct apfs_edit *ed, struct edit_volume *v,
		   const struct apfs_superblock *from, struct err *e)
{
	const struct apfs_tree tree = fext_tree(ed, from);
	struct apfs_btree t;
	uint64_t root;
	int rc = edit_settle(ed, e);

	apfs_btree_init(&t, &apfs_fext_tree, &ed->out, ed->xid, NULL, NULL);
	if (rc == 0)
		rc = edit_tree_scan(&tree, copy_record, &t, NULL, e);
	if (rc == 0)
		rc = apfs_btree_finish(&t, &root, e);
	apfs_btree_release(&t);
	if (rc != 0)
		return rc;
	v->sb.apfs_fext_tree_oid = to_le64(root);
	edit_volume_gain(v, t.n_nodes);
	return 0;
}

int edit_fext_free(struct apfs_edit *ed, struct edit_volume *v,
		   const struct apfs_superblock *sb, struct err *e)
{
	const struct apfs_tree tree = fext_tree(ed, sb);
	struct edit_blocks nodes = {.v = NULL};
	int rc = 0;

	if (!edit_volume_sealed(sb))
		return 0;
	rc = edit_settle(ed, e);
	if (rc == 0)
		rc = edit_tree_scan(&tree, NULL, NULL, &nodes, e);
	if (rc == 0)
		rc = edit_volume_free_list(ed, v, &nodes, e);
	edit_blocks_release(&nodes);
	return rc;
}

int edit_volume_free_live(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	int rc = edit_volume_extents(ed, v, e);

	if (rc == 0)
		rc = edit_volume_free_extents(ed, v, &v->extents, e);
	return rc == 0 ? edit_fext_free(ed, v, &v->sb, e) : rc;
}

/* ---- Making one ---- */

/*
 * Every snapshot has an object of its own. A Mac keeps them as versions of one object,
 * but then 7-Zip reads no object whose id is higher.
 */
static int add_extended(struct apfs_edit *ed, struct edit_volume *v, const char *name,
			struct err *e)
{
	const struct apfs_mapping where = {.oid = ed->next_oid++, .xid = ed->xid};

	v->sb.apfs_snap_meta_ext_oid = to_le64(where.oid);
	edit_volume_gain(v, 1);
	v->omap.dirty = v->omap.unsorted = true;
	return apfs_snapshot_ext_write(&ed->out, &where, &v->sb.apfs_vol_uuid, name,
				       &v->omap.map, e);
}

/* The tree of extent references goes to the snapshot; the live state starts another. */
static int hand_over_extents(struct apfs_edit *ed, struct edit_volume *v,
			     uint64_t *ret_root, struct err *e)
{
	struct apfs_tree_at at;

	*ret_root = le64_get(v->sb.apfs_extentref_tree_oid);
	if (v->extents_dirty) {
		int rc = edit_volume_free_list(ed, v, &v->extents_nodes, e);

		if (rc == 0)
			rc = edit_extents_write(ed, &v->extents, &at, e);
		if (rc != 0)
			return rc;
		*ret_root = at.root;
		edit_volume_gain(v, at.n_blocks);
	}
	v->extents.n = 0;
	v->extents_nodes.n = 0;
	v->extents_loaded = v->extents_dirty = true;
	return 0;
}

static int check_new_name(const struct edit_volume *v, const char *name, struct err *e)
{
	size_t i;
	int rc = apfs_name_check(name, e);

	if (rc != 0)
		return err_ctx(e, "snapshot");
	if (edit_snapshots_find(&v->snaps, name, &i, NULL) == 0)
		return err_set(e, E_EXISTS, "snapshot '%s' exists", name);
	return 0;
}

static int write_snapshot(struct apfs_edit *ed, struct edit_volume *v, const char *name,
			  struct err *e)
{
	struct apfs_snapshot_entry s = {
		.name = name,
		.xid = ed->xid,
		.inum = apfs_snapshot_inum(le64_get(v->sb.apfs_next_obj_id)),
		.create_ns = ed->time_ns,
		.change_ns = ed->time_ns};
	int rc = hand_over_extents(ed, v, &s.extentref, e);

	v->sb.apfs_next_obj_id = to_le64(s.inum + 1);
	if (rc == 0)
		rc = add_extended(ed, v, name, e);
	if (rc == 0)
		rc = apfs_snapshot_superblock_write(&ed->out, ed->xid, &v->sb,
						    &s.superblock, e);
	if (rc == 0)
		rc = edit_snapshots_add(&v->snaps, &s, e);
	if (rc != 0)
		return rc;
	v->snaps.dirty = v->omap.dirty = v->dirty = true;
	v->sb.apfs_num_snapshots = to_le64(v->snaps.n);
	return 0;
}

int apfs_edit_snapshot_create(struct apfs_edit *ed, unsigned slot, const char *name,
			      struct err *e)
{
	struct edit_volume *v;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc == 0)
		rc = check_new_name(v, name, e);
	if (rc == 0)
		rc = write_snapshot(ed, v, name, e);
	if (rc != 0)
		return rc;
	/* What is live from now on is younger than the snapshot. */
	edit_next_xid(ed);
	return edit_volume_sealed(&v->sb) ? edit_fext_copy(ed, v, &v->sb, e) : 0;
}

/* ---- Deleting one ---- */

/* Whoever follows snapshot @i: the next one, or the live state. */
struct heir {
	struct edit_extents extents; /* owned */
	struct edit_blocks nodes;    /* owned; of its tree */
};

static void heir_release(struct heir *h)
{
	edit_extents_release(&h->extents);
	edit_blocks_release(&h->nodes);
}

static int heir_write(struct apfs_edit *ed, struct edit_volume *v,
		      struct apfs_snapshot_entry *to, struct heir *h, struct err *e)
{
	struct apfs_tree_at at;
	int rc = edit_volume_free_list(ed, v, &h->nodes, e);

	if (rc == 0)
		rc = edit_extents_write(ed, &h->extents, &at, e);
	if (rc != 0)
		return rc;
	to->extentref = at.root;
	edit_volume_gain(v, at.n_blocks);
	return 0;
}

/* What snapshot @i owned goes to the one after it, or is freed. */
static int bequeath(struct apfs_edit *ed, struct edit_volume *v, size_t i, struct err *e)
{
	struct edit_extents from = {.v = NULL}, unowned = {.v = NULL}, *young;
	struct heir h = {.extents = {.v = NULL}};
	struct heir merged = {.extents = {.v = NULL}};
	struct edit_blocks nodes = {.v = NULL};
	const bool live = i + 1 == v->snaps.n;
	int rc = edit_settle(ed, e);

	if (rc == 0)
		rc = edit_extents_load(ed, v->snaps.v[i].extentref, &from, &nodes, e);
	if (rc == 0)
		rc = live ? edit_volume_extents(ed, v, e)
			  : edit_extents_load(ed, v->snaps.v[i + 1].extentref, &h.extents,
					      &h.nodes, e);
	young = live ? &v->extents : &h.extents;
	if (rc == 0)
		rc = edit_extents_merge(&from, young, &merged.extents, &unowned, e);
	if (rc == 0)
		rc = edit_volume_free_extents(ed, v, &unowned, e);
	if (rc == 0)
		rc = edit_volume_free_list(ed, v, &nodes, e);
	if (rc == 0 && live) {
		edit_extents_release(&v->extents);
		v->extents = merged.extents;
		merged.extents = (struct edit_extents){.v = NULL};
		v->extents_dirty = true;
	} else if (rc == 0) {
		merged.nodes = h.nodes;
		h.nodes = (struct edit_blocks){.v = NULL};
		rc = heir_write(ed, v, &v->snaps.v[i + 1], &merged, e);
	}
	heir_release(&h);
	heir_release(&merged);
	edit_extents_release(&from);
	edit_extents_release(&unowned);
	edit_blocks_release(&nodes);
	return rc;
}

/*
 * The extended metadata of snapshot @i. The live state then names that of the youngest
 * snapshot that is left: @sb is its superblock, NULL when there is none.
 */
static int drop_extended(struct apfs_edit *ed, struct edit_volume *v, uint64_t xid,
			 const struct apfs_superblock *sb, struct err *e)
{
	const uint64_t oid = le64_get(v->sb.apfs_snap_meta_ext_oid);
	struct apfs_mappings *map = &v->omap.map;
	struct apfs_mapping *m = oid ? edit_omap_find(&v->omap, oid, xid) : NULL;
	int rc = 0;

	if (m && m->xid == xid) {
		rc = edit_volume_free_blocks(ed, v, m->paddr, 1, e);
		map->n--;
		memmove(m, m + 1, (size_t)(map->v + map->n - m) * sizeof(*m));
	}
	if (oid && !edit_omap_find(&v->omap, oid, UINT64_MAX))
		v->sb.apfs_snap_meta_ext_oid =
			sb ? sb->apfs_snap_meta_ext_oid : to_le64(0);
	return rc;
}

/* The superblock of a snapshot does not count among the volume's blocks. */
static int free_own(struct apfs_edit *ed, struct edit_volume *v, size_t i, struct err *e)
{
	struct apfs_superblock sb;
	int rc = edit_settle(ed, e);

	if (rc == 0)
		rc = edit_snapshot_superblock(ed, v, i, &sb, e);
	if (rc == 0)
		rc = edit_fext_free(ed, v, &sb, e);
	return rc != 0 ? rc : edit_space_free(&ed->space, v->snaps.v[i].superblock, 1, e);
}

int edit_snapshot_forget(struct apfs_edit *ed, struct edit_volume *v, size_t i,
			 struct err *e)
{
	const uint64_t xid = v->snaps.v[i].xid;
	struct apfs_superblock youngest;
	int rc = free_own(ed, v, i, e);

	edit_snapshots_remove(&v->snaps, i);
	if (rc == 0 && v->snaps.n > 0)
		rc = edit_snapshot_superblock(ed, v, v->snaps.n - 1, &youngest, e);
	if (rc == 0)
		rc = drop_extended(ed, v, xid, v->snaps.n > 0 ? &youngest : NULL, e);
	v->sb.apfs_num_snapshots = to_le64(v->snaps.n);
	v->snaps.dirty = v->omap.dirty = v->dirty = true;
	return rc;
}

int edit_snapshot_check_root(const struct edit_volume *v, size_t i, struct err *e)
{
	if (le64_get(v->sb.apfs_root_to_xid) != v->snaps.v[i].xid)
		return 0;
	return err_set(e, E_PERM, "snapshot '%s' is the one to root from",
		       v->snaps.v[i].name);
}

int apfs_edit_snapshot_delete(struct apfs_edit *ed, unsigned slot, const char *name,
			      struct err *e)
{
	struct edit_volume *v;
	size_t i;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc == 0)
		rc = edit_snapshots_find(&v->snaps, name, &i, e);
	if (rc == 0)
		rc = edit_snapshot_check_root(v, i, e);
	if (rc == 0)
		rc = bequeath(ed, v, i, e);
	if (rc == 0)
		rc = edit_snapshot_forget(ed, v, i, e);
	return rc != 0 ? rc : edit_volume_sweep(ed, v, e);
}
