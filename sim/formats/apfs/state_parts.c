/* SPDX-License-Identifier: MIT */
/* The parts of a state beside its file-system tree: state.h. */
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/state.h"

/* The root hash follows the struct: where Macs have it, and as early as it may be. */
#define ROOT_HASH_OFFSET sizeof(struct apfs_integrity_meta)

static int finish(struct apfs_btree *t, int rc, struct apfs_tree_at *ret, struct err *e)
{
	if (rc == 0)
		rc = apfs_btree_finish(t, &ret->root, e);
	ret->n_blocks = t->n_nodes;
	apfs_btree_release(t);
	return rc;
}

int apfs_extentref_write(struct apfs_out *out, uint64_t xid, const struct apfs_run *runs,
			 size_t n, struct apfs_tree_at *ret, struct err *e)
{
	const uint64_t type = (uint64_t)APFS_REC_EXTENT << APFS_REC_TYPE_SHIFT;
	const uint64_t kind = (uint64_t)APFS_KIND_NEW << APFS_PEXT_KIND_SHIFT;
	struct apfs_btree t;
	int rc = 0;

	apfs_btree_init(&t, &apfs_extentref_tree, out, xid, NULL, NULL);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct apfs_j_key key = {to_le64(runs[i].block | type)};
		const struct apfs_j_phys_ext_val val = {
			.len_and_kind = to_le64(runs[i].count | kind),
			.owning_obj_id = to_le64(runs[i].owner),
			.refcnt = to_le32(1),
		};

		rc = apfs_btree_add(&t, &key, sizeof(key), &val, sizeof(val), e);
	}
	return finish(&t, rc, ret, e);
}

int apfs_fext_write(struct apfs_out *out, uint64_t xid, struct apfs_streams *s,
		    struct apfs_tree_at *ret, struct err *e)
{
	struct apfs_btree t;
	int rc = 0;

	apfs_streams_sort_by_owner(s);
	apfs_btree_init(&t, &apfs_fext_tree, out, xid, NULL, NULL);
	for (size_t i = 0; i < s->n_runs && rc == 0; i++) {
		const struct apfs_run *run = &s->runs[i];
		const struct apfs_fext_tree_key key = {
			.private_id = to_le64(run->owner),
			.logical_addr = to_le64(run->offset * APFS_BLOCK_SIZE),
		};
		const struct apfs_fext_tree_val val = {
			.len_and_flags = to_le64(run->count * APFS_BLOCK_SIZE),
			.phys_block_num = to_le64(run->block),
		};

		rc = apfs_btree_add(&t, &key, sizeof(key), &val, sizeof(val), e);
	}
	return finish(&t, rc, ret, e);
}

int apfs_integrity_write(struct apfs_out *out, const struct apfs_mapping *where,
			 const uint8_t root_hash[APFS_ROOT_HASH_SIZE],
			 struct apfs_mappings *map, struct err *e)
{
	struct apfs_mapping m = *where;
	uint8_t *block;
	int rc = apfs_out_block(out, &block, &m.paddr, e);

	if (rc != 0)
		return rc;
	struct apfs_integrity_meta *im = (struct apfs_integrity_meta *)block;

	im->im_version = to_le32(APFS_INTEGRITY_VERSION_2);
	im->im_hash_type = to_le32(APFS_HASH_SHA256);
	im->im_root_hash_offset = to_le32(ROOT_HASH_OFFSET);
	memcpy(block + ROOT_HASH_OFFSET, root_hash, APFS_ROOT_HASH_SIZE);
	apfs_obj_seal(block, m.oid, m.xid, APFS_OBJ_VIRTUAL | APFS_OT_INTEGRITY_META, 0);
	return apfs_mappings_add(map, &m, e);
}
