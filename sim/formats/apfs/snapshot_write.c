/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/snapshot_write.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/sha256.h"
#include "sim/formats/apfs/common.h"

#define INUM_FIRST (1ull << 40)

uint64_t apfs_snapshot_inum(uint64_t next_obj_id)
{
	uint64_t first = INUM_FIRST | (next_obj_id & APFS_INO_SYSTEM_MARK);

	return next_obj_id < first ? first : next_obj_id;
}

/*
 * The hash of what makes the snapshot unique, with the bits of a random UUID (RFC 4122):
 * what is written does not depend on chance.
 */
static int make_uuid(const struct apfs_uuid *volume, uint64_t xid, const char *name,
		     struct apfs_uuid *ret, struct err *e)
{
	struct {
		struct apfs_uuid volume;
		le64 xid;
		char name[APFS_SNAPSHOT_NAME_MAX];
	} from = {.volume = *volume, .xid = to_le64(xid)};
	uint8_t hash[SHA256_SIZE];
	struct sha256 sha = {.ctx = NULL};
	int rc = sha256_init(&sha, e);

	memcpy(from.name, name, strnlen(name, sizeof(from.name) - 1));
	if (rc == 0)
		rc = sha256_of(&sha, &from, sizeof(from), hash, e);
	sha256_release(&sha);
	if (rc != 0)
		return rc;
	memcpy(ret->b, hash, sizeof(ret->b));
	ret->b[6] = (uint8_t)(0x40 | (ret->b[6] & 0x0f));
	ret->b[8] = (uint8_t)(0x80 | (ret->b[8] & 0x3f));
	return 0;
}

int apfs_snapshot_ext_write(struct apfs_out *out, const struct apfs_mapping *where,
			    const struct apfs_uuid *uuid, const char *name,
			    struct apfs_mappings *map, struct err *e)
{
	struct apfs_mapping m = *where;
	struct apfs_snap_meta_ext *ext;
	struct apfs_uuid own;
	uint8_t *block;
	int rc = make_uuid(uuid, m.xid, name, &own, e);

	if (rc == 0)
		rc = apfs_out_block(out, &block, &m.paddr, e);
	if (rc != 0)
		return rc;
	ext = (struct apfs_snap_meta_ext *)block;
	ext->sme_version = to_le32(APFS_SNAP_META_EXT_VERSION);
	ext->sme_snap_xid = to_le64(m.xid);
	ext->sme_uuid = own;
	apfs_obj_seal(block, m.oid, m.xid, APFS_OBJ_VIRTUAL | APFS_OT_SNAP_META_EXT, 0);
	return apfs_mappings_add(map, &m, e);
}

static int add_metadata(struct apfs_btree *t, const struct apfs_snapshot_entry *s,
			struct err *e)
{
	const struct apfs_j_key key = {to_le64(s->xid | (uint64_t)APFS_REC_SNAP_METADATA
								<< APFS_REC_TYPE_SHIFT)};
	uint8_t raw[sizeof(struct apfs_j_snap_metadata_val) + APFS_SNAPSHOT_NAME_MAX];
	struct apfs_j_snap_metadata_val *val = (struct apfs_j_snap_metadata_val *)raw;
	const size_t name_len = strlen(s->name) + 1;

	*val = (struct apfs_j_snap_metadata_val){
		.extentref_tree_oid = to_le64(s->extentref),
		.sblock_oid = to_le64(s->superblock),
		.create_time = to_le64((uint64_t)s->create_ns),
		.change_time = to_le64((uint64_t)s->change_ns),
		.inum = to_le64(s->inum),
		.extentref_tree_type = to_le32(APFS_OBJ_PHYSICAL | APFS_OT_BTREE),
		.flags = to_le32(s->flags),
		.name_len = to_le16((uint16_t)name_len),
	};
	memcpy(val->name, s->name, name_len);
	return apfs_btree_add(t, &key, sizeof(key), raw, sizeof(*val) + name_len, e);
}

static int add_name(struct apfs_btree *t, const struct apfs_snapshot_entry *s,
		    struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_snap_name_key) + APFS_SNAPSHOT_NAME_MAX];
	struct apfs_j_snap_name_key *key = (struct apfs_j_snap_name_key *)raw;
	const struct apfs_j_snap_name_val val = {to_le64(s->xid)};
	const size_t name_len = strlen(s->name) + 1;

	key->hdr.obj_id_and_type = to_le64(
		APFS_OBJ_ID_MASK | (uint64_t)APFS_REC_SNAP_NAME << APFS_REC_TYPE_SHIFT);
	key->name_len = to_le16((uint16_t)name_len);
	memcpy(key->name, s->name, name_len);
	return apfs_btree_add(t, raw, sizeof(*key) + name_len, &val, sizeof(val), e);
}

static int by_name(const void *pa, const void *pb)
{
	const struct apfs_snapshot_entry *const *a = pa, *const *b = pb;

	return strcmp((*a)->name, (*b)->name);
}

/* Names have the highest id, so that they are behind the snapshots themselves. */
static int add_all(struct apfs_btree *t, const struct apfs_snapshot_entry *v, size_t n,
		   struct err *e)
{
	const struct apfs_snapshot_entry **names;
	int rc = 0;

	if (n == 0)
		return 0;
	names = calloc(n, sizeof(const struct apfs_snapshot_entry *));
	if (!names)
		return err_set(e, E_NOMEM, "out of memory for snapshots");
	for (size_t i = 0; i < n && rc == 0; i++) {
		names[i] = &v[i];
		rc = add_metadata(t, &v[i], e);
	}
	qsort(names, n, sizeof(const struct apfs_snapshot_entry *), by_name);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_name(t, names[i], e);
	free(names);
	return rc;
}

int apfs_snapmeta_write(struct apfs_out *out, uint64_t xid,
			const struct apfs_snapshot_entry *v, size_t n,
			struct apfs_tree_at *ret, struct err *e)
{
	struct apfs_btree t;

	apfs_btree_init(&t, &apfs_snapmeta_tree, out, xid, NULL, NULL);
	int rc = add_all(&t, v, n, e);

	if (rc == 0)
		rc = apfs_btree_finish(&t, &ret->root, e);
	ret->n_blocks = t.n_nodes;
	apfs_btree_release(&t);
	return rc;
}

int apfs_snapshot_superblock_write(struct apfs_out *out, uint64_t xid,
				   const struct apfs_superblock *sb, uint64_t *ret_block,
				   struct err *e)
{
	uint8_t *block;
	int rc = apfs_out_block(out, &block, ret_block, e);

	if (rc != 0)
		return rc;
	struct apfs_superblock *copy = (struct apfs_superblock *)block;

	*copy = *sb;
	copy->apfs_omap_oid = to_le64(APFS_OID_INVALID);
	copy->apfs_extentref_tree_oid = to_le64(APFS_OID_INVALID);
	copy->apfs_snap_meta_tree_oid = to_le64(APFS_OID_INVALID);
	copy->apfs_root_to_xid = to_le64(0);
	apfs_obj_seal(block, *ret_block, xid, APFS_OBJ_PHYSICAL | APFS_OT_FS, 0);
	return 0;
}
