/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/state.h"

#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/fsrecords.h"

/* ---- The file-system tree ---- */

/* One record for each piece of a stream (p. 155). */
static int add_hashes(struct apfs_btree *t, const struct apfs_stream_hashes *h,
		      struct err *e)
{
	struct {
		struct apfs_j_file_data_hash_val val;
		uint8_t hash[SHA256_SIZE];
	} v = {.val.hash_size = SHA256_SIZE};
	struct apfs_j_file_info_key key = {
		.hdr = {to_le64(h->owner | (uint64_t)APFS_REC_FILE_INFO
						   << APFS_REC_TYPE_SHIFT)}};
	const uint8_t *hash = h->hash;
	int rc = 0;

	for (uint64_t at = 0; at < h->n_blocks && rc == 0; at += APFS_HASHED_BLOCKS) {
		uint64_t n = h->n_blocks - at;

		if (n > APFS_HASHED_BLOCKS)
			n = APFS_HASHED_BLOCKS;
		key.info_and_lba = to_le64((uint64_t)APFS_FILE_INFO_DATA_HASH
						   << APFS_FILE_INFO_TYPE_SHIFT |
					   at * APFS_BLOCK_SIZE);
		v.val.hashed_len = to_le16((uint16_t)n);
		memcpy(v.hash, hash, SHA256_SIZE);
		hash += SHA256_SIZE;
		rc = apfs_btree_add(t, &key, sizeof(key), &v, sizeof(v), e);
	}
	return rc;
}

/*
 * Hashes come behind all other records of their id: they have the highest type. Both
 * lists are sorted.
 */
static int add_records(struct apfs_btree *t, const struct apfs_fs *fs, struct err *e)
{
	const struct apfs_stream_hashes *h = fs->streams.hashes;
	const struct apfs_stream_hashes *end = h ? h + fs->streams.n_hashes : NULL;
	int rc = 0;

	for (size_t i = 0; i < fs->recs.n && rc == 0; i++) {
		const struct apfs_record *r = &fs->recs.v[i];

		for (; h < end && h->owner < r->id && rc == 0; h++)
			rc = add_hashes(t, h, e);
		if (rc == 0)
			rc = apfs_btree_add(t, apfs_record_key(&fs->recs, r), r->key_len,
					    apfs_record_val(&fs->recs, r), r->val_len, e);
	}
	for (; h < end && rc == 0; h++)
		rc = add_hashes(t, h, e);
	return rc;
}

static int write_fs_tree(const struct apfs_state_spec *spec, const struct apfs_fs *fs,
			 struct apfs_state *ret, struct err *e)
{
	struct sha256 sha = {.ctx = NULL};
	struct apfs_btree t;
	int rc = ret->sealed ? sha256_init(&sha, e) : 0;

	if (rc != 0)
		return rc;
	apfs_btree_init(&t, ret->sealed ? &apfs_sealed_fs_tree : &apfs_fs_tree, spec->out,
			spec->xid, spec->next_oid, spec->map);
	t.sha = ret->sealed ? &sha : NULL;
	rc = add_records(&t, fs, e);
	if (rc == 0)
		rc = apfs_btree_finish(&t, &ret->root_oid, e);
	ret->n_blocks += t.n_nodes;
	memcpy(ret->root_hash, t.root_hash, sizeof(ret->root_hash));
	apfs_btree_release(&t);
	sha256_release(&sha);
	return rc;
}

/* ---- The whole ---- */

/* What makes the tree a sealed one. */
static int write_seal(const struct apfs_state_spec *spec, struct apfs_state *ret,
		      struct err *e)
{
	const struct apfs_mapping where = {.oid = (*spec->next_oid)++, .xid = spec->xid};
	struct apfs_tree_at fext;
	int rc = apfs_fext_write(spec->out, spec->xid, &ret->streams, &fext, e);

	if (rc != 0)
		return rc;
	ret->fext = fext.root;
	ret->integrity_oid = where.oid;
	ret->n_blocks += fext.n_blocks + 1;
	return apfs_integrity_write(spec->out, &where, ret->root_hash, spec->map, e);
}

int apfs_state_write(const struct apfs_state_spec *spec, struct apfs_state *ret,
		     struct err *e)
{
	struct apfs_fs fs;

	*ret = (struct apfs_state){.sealed = spec->volume->sealed};
	int rc = apfs_fs_collect(&fs, spec->volume, spec->first_id, spec->out, e);
	/* Hashes are complete, or nobody writes to them any more. */
	int flushed = apfs_out_flush(spec->out, rc == 0 ? e : NULL);

	if (rc == 0)
		rc = flushed;
	if (rc == 0)
		rc = write_fs_tree(spec, &fs, ret, e);
	ret->streams = fs.streams;
	fs.streams = (struct apfs_streams){.runs = NULL};
	ret->next_id = fs.next_id;
	ret->n_files = fs.n_files;
	ret->n_dirs = fs.n_dirs;
	ret->n_symlinks = fs.n_symlinks;
	ret->n_blocks += ret->streams.n_blocks;
	apfs_fs_release(&fs);
	if (rc == 0 && ret->sealed)
		rc = write_seal(spec, ret, e);
	apfs_streams_sort_by_block(&ret->streams);
	return rc;
}

void apfs_state_release(struct apfs_state *s)
{
	apfs_streams_release(&s->streams);
}

void apfs_state_fill(const struct apfs_state *s, struct apfs_superblock *sb)
{
	const le32 physical = to_le32(APFS_OBJ_PHYSICAL | APFS_OT_BTREE);
	uint64_t incompat = le64_get(sb->apfs_incompatible_features);

	incompat &= ~APFS_INCOMPAT_SEALED_VOLUME;
	incompat |= s->sealed ? APFS_INCOMPAT_SEALED_VOLUME : 0;
	sb->apfs_incompatible_features = to_le64(incompat);
	sb->apfs_root_tree_type = to_le32(APFS_OBJ_VIRTUAL | APFS_OT_BTREE);
	sb->apfs_extentref_tree_type = physical;
	sb->apfs_snap_meta_tree_type = physical;
	sb->apfs_fext_tree_type = s->sealed ? physical : to_le32(0);
	sb->apfs_root_tree_oid = to_le64(s->root_oid);
	sb->apfs_integrity_meta_oid = to_le64(s->integrity_oid);
	sb->apfs_fext_tree_oid = to_le64(s->fext);
	sb->apfs_next_obj_id = to_le64(s->next_id);
	sb->apfs_num_files = to_le64(s->n_files);
	sb->apfs_num_directories = to_le64(s->n_dirs);
	sb->apfs_num_symlinks = to_le64(s->n_symlinks);
	sb->apfs_num_other_fsobjects = to_le64(0);
}
