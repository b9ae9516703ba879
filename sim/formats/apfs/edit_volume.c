/* SPDX-License-Identifier: MIT */
/* A volume of a transaction: loaded whole but for its files, written where it changed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/edit_impl.h"

/* ---- Loading ---- */

static int load_superblock(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	struct apfs_obj_want want = {
		.what = "volume superblock", .oid = v->oid, .type = APFS_OT_FS};
	const struct apfs_mapping *m = edit_omap_find(&ed->omap, v->oid, ed->xid);
	struct apfs_blk *b;

	if (!m)
		return err_set(e, E_CORRUPT, "object map: no volume superblock %#" PRIx64,
			       v->oid);
	want.xid = m->xid;
	int rc = apfs_obj_get(ed->c, m->paddr, &want, &b, e);

	if (rc != 0)
		return rc;
	memcpy(v->block, b->data, sizeof(v->block));
	apfs_blk_put(ed->c, b);
	if (le32_get(v->sb.apfs_magic) != APFS_FS_MAGIC)
		return err_set(e, E_CORRUPT, "block %" PRIu64 ": apfs_magic", m->paddr);
	return 0;
}

#define INCOMPAT_KNOWN                                                                   \
	(APFS_INCOMPAT_CASE_INSENSITIVE | APFS_INCOMPAT_NORMALIZATION_INSENSITIVE |      \
	 APFS_INCOMPAT_SEALED_VOLUME)

/* What would have to be understood to keep it right. */
static int check_superblock(const struct apfs_superblock *sb, struct err *e)
{
	const struct {
		const char *name;
		uint64_t value;
	} unknown[] = {
		{"apfs_readonly_compatible_features",
		 le64_get(sb->apfs_readonly_compatible_features)},
		{"apfs_incompatible_features",
		 le64_get(sb->apfs_incompatible_features) & ~INCOMPAT_KNOWN},
		{"apfs_revert_to_xid", le64_get(sb->apfs_revert_to_xid)},
		{"apfs_revert_to_sblock_oid", le64_get(sb->apfs_revert_to_sblock_oid)},
		{"apfs_er_state_oid", le64_get(sb->apfs_er_state_oid)},
		{"apfs_doc_id_tree_oid", le64_get(sb->apfs_doc_id_tree_oid)},
		{"apfs_doc_id_index_tree_oid", le64_get(sb->apfs_doc_id_index_tree_oid)},
		{"apfs_prev_doc_id_tree_oid", le64_get(sb->apfs_prev_doc_id_tree_oid)},
		{"apfs_sec_root_tree_oid", le64_get(sb->apfs_sec_root_tree_oid)},
	};

	if (!(le64_get(sb->apfs_fs_flags) & APFS_FS_UNENCRYPTED))
		return err_set(e, E_UNSUPPORTED, "encrypted volume");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (unknown[i].value != 0)
			return err_set(e, E_UNSUPPORTED, "%s is %#" PRIx64,
				       unknown[i].name, unknown[i].value);
	return 0;
}

struct pairing {
	const struct edit_snapshots *s;
	size_t i;
};

/* Object map and snapshot tree must speak of the same snapshots. */
static int pair(void *ctx, const struct apfs_cursor *at, struct err *e)
{
	struct pairing *p = ctx;
	const struct apfs_omap_snapshot *val = (const void *)at->val;

	if (le32_get(val->oms_flags) != 0)
		return err_set(e, E_UNSUPPORTED,
			       "object map: snapshot %" PRIu64 ": oms_flags %#x",
			       at->key.id, le32_get(val->oms_flags));
	if (p->i >= p->s->n || p->s->v[p->i].xid != at->key.id)
		return err_set(e, E_CORRUPT,
			       "object map: snapshot %" PRIu64
			       " is not in the snapshot tree",
			       at->key.id);
	p->i++;
	return 0;
}

static int pair_snapshots(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	const struct apfs_tree tree = {.c = ed->c,
				       .kind = &edit_omap_snapshot_kind,
				       .root = v->omap.snapshot_tree};
	struct pairing p = {.s = &v->snaps};
	int rc = 0;

	if (v->omap.snapshot_tree != 0)
		rc = edit_tree_scan(&tree, pair, &p, &v->omap.nodes, e);
	if (rc == 0 && (p.i != v->snaps.n || v->omap.snap_count != v->snaps.n ||
			le64_get(v->sb.apfs_num_snapshots) != v->snaps.n))
		rc = err_set(
			e, E_CORRUPT,
			"%zu snapshots; om_snap_count %u, apfs_num_snapshots %" PRIu64,
			v->snaps.n, v->omap.snap_count,
			le64_get(v->sb.apfs_num_snapshots));
	return rc;
}

static int load(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	int rc = load_superblock(ed, v, e);

	if (rc == 0)
		rc = check_superblock(&v->sb, e);
	if (rc == 0)
		rc = edit_omap_load(ed, le64_get(v->sb.apfs_omap_oid), &v->omap, e);
	if (rc == 0)
		rc = edit_snapshots_load(ed, le64_get(v->sb.apfs_snap_meta_tree_oid),
					 &v->snaps, e);
	return rc != 0 ? rc : pair_snapshots(ed, v, e);
}

int edit_volume_get(struct apfs_edit *ed, unsigned slot, struct edit_volume **ret,
		    struct err *e)
{
	struct edit_volume *v;

	if (slot >= APFS_NX_MAX_FILE_SYSTEMS || !le64_get(edit_nx(ed)->nx_fs_oid[slot]))
		return err_set(e, E_NOTFOUND, "no volume in slot %u", slot);
	*ret = ed->volume[slot];
	if (*ret)
		return 0;
	v = calloc(1, sizeof(*v));
	if (!v)
		return err_set(e, E_NOMEM, "out of memory for a volume");
	v->slot = slot;
	v->oid = le64_get(edit_nx(ed)->nx_fs_oid[slot]);
	int rc = load(ed, v, e);

	if (rc != 0) {
		edit_volume_free(v);
		return err_ctx(e, "volume in slot %u", slot);
	}
	*ret = ed->volume[slot] = v;
	return 0;
}

void edit_volume_free(struct edit_volume *v)
{
	if (!v)
		return;
	edit_omap_release(&v->omap);
	edit_snapshots_release(&v->snaps);
	edit_extents_release(&v->extents);
	edit_blocks_release(&v->extents_nodes);
	free(v);
}

int edit_volume_extents(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	int rc = 0;

	if (!v->extents_loaded)
		rc = edit_extents_load(ed, le64_get(v->sb.apfs_extentref_tree_oid),
				       &v->extents, &v->extents_nodes, e);
	v->extents_loaded = rc == 0;
	return rc;
}

/* ---- Counting ---- */

static void add_to(le64 *field, uint64_t n)
{
	*field = to_le64(le64_get(*field) + n);
}

void edit_volume_gain(struct edit_volume *v, uint64_t n)
{
	add_to(&v->sb.apfs_fs_alloc_count, n);
	add_to(&v->sb.apfs_total_blocks_alloced, n);
	v->dirty = true;
}

int edit_volume_free_blocks(struct apfs_edit *ed, struct edit_volume *v, uint64_t block,
			    uint64_t count, struct err *e)
{
	uint64_t have = le64_get(v->sb.apfs_fs_alloc_count);

	if (have < count)
		return err_set(e, E_CORRUPT,
			       "apfs_fs_alloc_count is %" PRIu64
			       " and more blocks are to be freed",
			       have);
	v->sb.apfs_fs_alloc_count = to_le64(have - count);
	add_to(&v->sb.apfs_total_blocks_freed, count);
	v->dirty = true;
	return edit_space_free(&ed->space, block, count, e);
}

int edit_volume_free_list(struct apfs_edit *ed, struct edit_volume *v,
			  struct edit_blocks *l, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < l->n && rc == 0; i++)
		rc = edit_volume_free_blocks(ed, v, l->v[i], 1, e);
	l->n = 0;
	return rc;
}

int edit_volume_free_extents(struct apfs_edit *ed, struct edit_volume *v,
			     const struct edit_extents *l, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < l->n && rc == 0; i++)
		if (!l->v[i].update)
			rc = edit_volume_free_blocks(ed, v, l->v[i].block, l->v[i].count,
						     e);
	return rc;
}
