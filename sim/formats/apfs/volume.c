/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/fsrecords.h"
#include "sim/formats/apfs/layout.h"

#define FORMATTED_BY "kextlab APFS writer"

/* apfs_meta_crypto of a volume that is not encrypted, as Macs write it. */
#define CRYPTO_MAJOR   5
#define CRYPTO_CLASS_F 6
#define CRYPTO_KEY_REV 1

#define FIRST_DOC_ID 3 /* MIN_DOC_ID, APFS Reference p. 98 */

/* The trees of a volume, and how many blocks it owns. */
struct parts {
	uint64_t root_oid, extentref, snapmeta, omap;
	uint64_t n_blocks;
};

static int write_fs_tree(struct apfs_writer *w, const struct apfs_fs *fs,
			 struct apfs_mappings *map, struct parts *p, struct err *e)
{
	struct apfs_btree t;
	int rc = 0;

	apfs_btree_init(&t, &apfs_fs_tree, &w->out, APFS_XID_LIVE, &w->next_oid, map);
	for (size_t i = 0; i < fs->recs.n && rc == 0; i++) {
		const struct apfs_record *r = &fs->recs.v[i];

		rc = apfs_btree_add(&t, apfs_record_key(&fs->recs, r), r->key_len,
				    apfs_record_val(&fs->recs, r), r->val_len, e);
	}
	if (rc == 0)
		rc = apfs_btree_finish(&t, &p->root_oid, e);
	p->n_blocks += t.n_nodes;
	apfs_btree_release(&t);
	return rc;
}

static int write_extentref_tree(struct apfs_writer *w, const struct apfs_fs *fs,
				struct parts *p, struct err *e)
{
	const uint64_t type = (uint64_t)APFS_REC_EXTENT << APFS_REC_TYPE_SHIFT;
	const uint64_t kind = (uint64_t)APFS_KIND_NEW << APFS_PEXT_KIND_SHIFT;
	struct apfs_btree t;
	int rc = 0;

	apfs_btree_init(&t, &apfs_extentref_tree, &w->out, APFS_XID_LIVE, NULL, NULL);
	for (size_t i = 0; i < fs->n_runs && rc == 0; i++) {
		const struct apfs_run *run = &fs->runs[i];
		const struct apfs_j_key key = {to_le64(run->block | type)};
		const struct apfs_j_phys_ext_val val = {
			.len_and_kind = to_le64(run->count | kind),
			.owning_obj_id = to_le64(run->owner),
			.refcnt = to_le32(1),
		};

		rc = apfs_btree_add(&t, &key, sizeof(key), &val, sizeof(val), e);
	}
	if (rc == 0)
		rc = apfs_btree_finish(&t, &p->extentref, e);
	p->n_blocks += t.n_nodes;
	apfs_btree_release(&t);
	return rc;
}

/* Empty: snapshots come with sealed volumes. */
static int write_snapmeta_tree(struct apfs_writer *w, struct parts *p, struct err *e)
{
	struct apfs_btree t;

	apfs_btree_init(&t, &apfs_snapmeta_tree, &w->out, APFS_XID_LIVE, NULL, NULL);
	int rc = apfs_btree_finish(&t, &p->snapmeta, e);

	p->n_blocks += t.n_nodes;
	apfs_btree_release(&t);
	return rc;
}

static void fill_identity(struct apfs_superblock *sb, const struct apfs_container_spec *c,
			  size_t index)
{
	const struct apfs_volume_spec *v = &c->volumes[index];
	const le64 time = to_le64((uint64_t)c->time_ns);

	sb->apfs_magic = to_le32(APFS_FS_MAGIC);
	sb->apfs_fs_index = to_le32((uint32_t)index);
	sb->apfs_features = to_le64(APFS_FEATURE_HARDLINK_MAP |
				    (v->in_group ? APFS_FEATURE_VOLGRP_SYSTEM_INO : 0));
	sb->apfs_incompatible_features =
		to_le64(v->case_sensitive ? APFS_INCOMPAT_NORMALIZATION_INSENSITIVE
					  : APFS_INCOMPAT_CASE_INSENSITIVE);
	sb->apfs_unmount_time = time;
	sb->apfs_last_mod_time = time;
	sb->apfs_meta_crypto.major_version = to_le16(CRYPTO_MAJOR);
	sb->apfs_meta_crypto.persistent_class = to_le32(CRYPTO_CLASS_F);
	sb->apfs_meta_crypto.key_revision = to_le16(CRYPTO_KEY_REV);
	sb->apfs_fs_flags = to_le64(APFS_FS_UNENCRYPTED);
	memcpy(sb->apfs_vol_uuid.b, v->uuid, sizeof(v->uuid));
	memcpy(sb->apfs_formatted_by.id, FORMATTED_BY, sizeof(FORMATTED_BY));
	sb->apfs_formatted_by.timestamp = time;
	sb->apfs_formatted_by.last_xid = to_le64(APFS_XID_BOOTSTRAP);
	memcpy(sb->apfs_volname, v->name, strlen(v->name));
	sb->apfs_next_doc_id = to_le32(FIRST_DOC_ID);
	sb->apfs_role = to_le16(v->role);
	if (v->in_group)
		memcpy(sb->apfs_volume_group_id.b, c->group_uuid, sizeof(c->group_uuid));
}

static void fill_contents(struct apfs_superblock *sb, const struct apfs_fs *fs,
			  const struct parts *p)
{
	const le32 physical = to_le32(APFS_OBJ_PHYSICAL | APFS_OT_BTREE);

	sb->apfs_root_tree_type = to_le32(APFS_OBJ_VIRTUAL | APFS_OT_BTREE);
	sb->apfs_extentref_tree_type = physical;
	sb->apfs_snap_meta_tree_type = physical;
	sb->apfs_omap_oid = to_le64(p->omap);
	sb->apfs_root_tree_oid = to_le64(p->root_oid);
	sb->apfs_extentref_tree_oid = to_le64(p->extentref);
	sb->apfs_snap_meta_tree_oid = to_le64(p->snapmeta);
	sb->apfs_next_obj_id = to_le64(fs->next_id);
	sb->apfs_num_files = to_le64(fs->n_files);
	sb->apfs_num_directories = to_le64(fs->n_dirs);
	sb->apfs_num_symlinks = to_le64(fs->n_symlinks);
	sb->apfs_fs_alloc_count = to_le64(p->n_blocks);
	sb->apfs_total_blocks_alloced = to_le64(p->n_blocks);
}

/* The superblock itself does not count among the blocks of a volume. */
static int write_superblock(struct apfs_writer *w, size_t index, const struct apfs_fs *fs,
			    const struct parts *p, struct err *e)
{
	struct apfs_mapping m = {.oid = w->next_oid++, .xid = APFS_XID_LIVE};
	uint8_t *block;
	int rc = apfs_out_block(&w->out, &block, &m.paddr, e);

	if (rc != 0)
		return rc;
	fill_identity((struct apfs_superblock *)block, w->spec, index);
	fill_contents((struct apfs_superblock *)block, fs, p);
	apfs_obj_seal(block, m.oid, m.xid, APFS_OBJ_VIRTUAL | APFS_OT_FS, 0);
	return apfs_mappings_add(&w->volumes, &m, e);
}

static int write_parts(struct apfs_writer *w, const struct apfs_fs *fs, struct parts *p,
		       struct err *e)
{
	struct apfs_mappings map = {.v = NULL};
	uint64_t omap_blocks = 0;
	int rc = write_fs_tree(w, fs, &map, p, e);

	if (rc == 0)
		rc = write_extentref_tree(w, fs, p, e);
	if (rc == 0)
		rc = write_snapmeta_tree(w, p, e);
	if (rc == 0)
		rc = apfs_omap_write(&w->out, APFS_XID_LIVE, 0, &map, &p->omap,
				     &omap_blocks, e);
	p->n_blocks += omap_blocks;
	apfs_mappings_release(&map);
	return rc;
}

int apfs_volume_write(struct apfs_writer *w, size_t index, struct err *e)
{
	struct apfs_fs fs;
	int rc = apfs_fs_collect(&fs, &w->spec->volumes[index], &w->out, e);

	if (rc == 0) {
		struct parts p = {.n_blocks = fs.n_data_blocks};

		rc = write_parts(w, &fs, &p, e);
		if (rc == 0)
			rc = write_superblock(w, index, &fs, &p, e);
	}
	apfs_fs_release(&fs);
	return rc;
}
