/* SPDX-License-Identifier: MIT */
/* A volume of a new container: its state, a snapshot of it, its superblock. */
#include <stdio.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/layout.h"
#include "sim/formats/apfs/snapshot_write.h"
#include "sim/formats/apfs/state.h"

#define FORMATTED_BY "kextlab APFS writer"

/* apfs_meta_crypto of a volume that is not encrypted, as Macs write it. */
#define CRYPTO_MAJOR   5
#define CRYPTO_CLASS_F 6
#define CRYPTO_KEY_REV 1

#define FIRST_DOC_ID 3 /* MIN_DOC_ID, APFS Reference p. 98 */

/* A volume that is being written. */
struct volume {
	struct apfs_writer *w;
	const struct apfs_volume_spec *spec;
	struct apfs_mappings map;  /* owned: its virtual objects */
	struct apfs_state state;   /* owned */
	struct apfs_superblock sb; /* what is known of the live one */
	uint64_t n_blocks;	   /* apfs_fs_alloc_count */
	uint64_t snapshot_xid;	   /* 0: no snapshot */
	char snapshot[APFS_SNAPSHOT_NAME_MAX];
};

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

static void set_alloc_count(struct volume *v)
{
	v->sb.apfs_fs_alloc_count = to_le64(v->n_blocks);
	v->sb.apfs_total_blocks_alloced = to_le64(v->n_blocks);
}

/* ---- The snapshot ---- */

static void name_snapshot(struct volume *v)
{
	size_t len = strlen(v->spec->snapshot);

	memcpy(v->snapshot, v->spec->snapshot, len + 1);
	for (size_t i = 0;
	     i < APFS_ROOT_HASH_SIZE && v->spec->snapshot == APFS_SNAPSHOT_OF_ROOT_HASH;
	     i++)
		snprintf(v->snapshot + len + 2 * i, 3, "%02X", v->state.root_hash[i]);
}

/*
 * The snapshot keeps the extent references; the live volume, which has allocated nothing
 * since, gets an empty tree, and its own tree of a sealed volume's extents.
 */
static int write_snapshot(struct volume *v, uint64_t extentref,
			  struct apfs_snapshot_entry *ret, struct err *e)
{
	struct apfs_out *out = &v->w->out;
	const struct apfs_mapping ext = {.oid = v->w->next_oid++,
					 .xid = v->snapshot_xid};
	struct apfs_tree_at empty, fext;

	name_snapshot(v);
	*ret = (struct apfs_snapshot_entry){
		.name = v->snapshot,
		.xid = v->snapshot_xid,
		.extentref = extentref,
		.inum = apfs_snapshot_inum(v->state.next_id),
		.create_ns = v->w->spec->time_ns,
		.change_ns = v->w->spec->time_ns,
	};
	v->state.next_id = ret->inum + 1;
	v->sb.apfs_next_obj_id = to_le64(v->state.next_id);
	v->sb.apfs_snap_meta_ext_oid = to_le64(ext.oid);
	v->n_blocks++;
	set_alloc_count(v);
	int rc = apfs_snapshot_ext_write(out, &ext, &v->sb.apfs_vol_uuid, v->snapshot,
					 &v->map, e);

	if (rc == 0)
		rc = apfs_snapshot_superblock_write(out, v->snapshot_xid, &v->sb,
						    &ret->superblock, e);
	if (rc == 0)
		rc = apfs_extentref_write(out, v->w->xid, NULL, 0, &empty, e);
	if (rc != 0)
		return rc;
	v->n_blocks += empty.n_blocks;
	v->sb.apfs_extentref_tree_oid = to_le64(empty.root);
	v->sb.apfs_num_snapshots = to_le64(1);
	if (v->spec->root_from_snapshot)
		v->sb.apfs_root_to_xid = to_le64(v->snapshot_xid);
	if (!v->spec->sealed)
		return 0;
	rc = apfs_fext_write(out, v->w->xid, &v->state.streams, &fext, e);
	if (rc == 0) {
		v->n_blocks += fext.n_blocks;
		v->sb.apfs_fext_tree_oid = to_le64(fext.root);
	}
	return rc;
}

/* ---- The whole ---- */

/* Content and trees; a snapshot owns what is written here. */
static int write_state(struct volume *v, struct apfs_tree_at *ret_extentref,
		       struct err *e)
{
	struct apfs_writer *w = v->w;
	const struct apfs_state_spec spec = {
		.volume = v->spec,
		.xid = v->snapshot_xid ? v->snapshot_xid : w->xid,
		.out = &w->out,
		.next_oid = &w->next_oid,
		.map = &v->map,
	};
	int rc = apfs_state_write(&spec, &v->state, e);

	if (rc == 0)
		rc = apfs_extentref_write(&w->out, spec.xid, v->state.streams.runs,
					  v->state.streams.n_runs, ret_extentref, e);
	if (rc != 0)
		return rc;
	v->n_blocks = v->state.n_blocks + ret_extentref->n_blocks;
	apfs_state_fill(&v->state, &v->sb);
	v->sb.apfs_extentref_tree_oid = to_le64(ret_extentref->root);
	return 0;
}

static int write_maps(struct volume *v, const struct apfs_snapshot_entry *snapshot,
		      struct err *e)
{
	const size_t n = v->snapshot_xid ? 1 : 0;
	const struct apfs_omap_spec omap = {
		.xid = v->w->xid,
		.map = &v->map,
		.snapshots = &v->snapshot_xid,
		.n_snapshots = n,
	};
	struct apfs_tree_at snapmeta;
	uint64_t oid, n_omap;
	int rc = apfs_snapmeta_write(&v->w->out, v->w->xid, snapshot, n, &snapmeta, e);

	if (rc == 0)
		rc = apfs_omap_write(&v->w->out, &omap, &oid, &n_omap, e);
	if (rc != 0)
		return rc;
	v->n_blocks += snapmeta.n_blocks + n_omap;
	v->sb.apfs_snap_meta_tree_oid = to_le64(snapmeta.root);
	v->sb.apfs_omap_oid = to_le64(oid);
	return 0;
}

/* The superblock itself does not count among the blocks of a volume. */
static int write_superblock(struct volume *v, size_t index, struct err *e)
{
	struct apfs_writer *w = v->w;
	struct apfs_mapping m = {.oid = w->next_oid++, .xid = w->xid};
	uint8_t *block;
	int rc = apfs_out_block(&w->out, &block, &m.paddr, e);

	if (rc != 0)
		return rc;
	set_alloc_count(v);
	memcpy(block, &v->sb, sizeof(v->sb));
	apfs_obj_seal(block, m.oid, m.xid, APFS_OBJ_VIRTUAL | APFS_OT_FS, 0);
	w->fs_oid[index] = m.oid;
	return apfs_mappings_add(&w->volumes, &m, e);
}

static void report(const struct volume *v, struct apfs_sealed *ret)
{
	*ret = (struct apfs_sealed){.snapshot_xid = v->snapshot_xid};
	memcpy(ret->root_hash, v->state.root_hash, sizeof(ret->root_hash));
	memcpy(ret->snapshot, v->snapshot, sizeof(ret->snapshot));
}

int apfs_volume_write(struct apfs_writer *w, size_t index, struct apfs_sealed *ret,
		      struct err *e)
{
	struct volume v = {.w = w, .spec = &w->spec->volumes[index]};
	struct apfs_snapshot_entry snapshot = {.name = ""};
	struct apfs_tree_at extentref;
	int rc;

	v.snapshot_xid = v.spec->snapshot ? APFS_XID_SNAPSHOT : 0;
	fill_identity(&v.sb, w->spec, index);
	rc = write_state(&v, &extentref, e);
	if (rc == 0 && v.snapshot_xid)
		rc = write_snapshot(&v, extentref.root, &snapshot, e);
	if (rc == 0)
		rc = write_maps(&v, &snapshot, e);
	if (rc == 0)
		rc = write_superblock(&v, index, e);
	report(&v, ret);
	apfs_state_release(&v.state);
	apfs_mappings_release(&v.map);
	return rc;
}
