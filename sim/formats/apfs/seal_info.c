/* SPDX-License-Identifier: MIT */
/* The integrity metadata of a sealed volume (APFS Reference p. 150), read strictly. */
#include "sim/formats/apfs/reader_verify.h"

#include <inttypes.h>
#include <string.h>

#define VERSION_MAX APFS_INTEGRITY_VERSION_2

static const char *const hash_names[] = {
	[APFS_HASH_SHA256] = "SHA-256",
	[APFS_HASH_SHA512_256] = "SHA-512/256",
	[APFS_HASH_SHA384] = "SHA-384",
	[APFS_HASH_SHA512] = "SHA-512",
};
#define N_HASHES (sizeof(hash_names) / sizeof(hash_names[0]))

static int bad_field(uint64_t bno, const char *field, uint64_t value, const char *why,
		     struct err *e)
{
	return err_set(e, E_CORRUPT,
		       "block %" PRIu64 ": integrity metadata: %s is %#" PRIx64 ", %s",
		       bno, field, value, why);
}

static int check_hash_type(uint64_t bno, uint32_t type, struct err *e)
{
	const char *name = type && type < N_HASHES ? hash_names[type] : "unknown";

	if (type == APFS_HASH_SHA256)
		return 0;
	return err_set(e, E_UNSUPPORTED,
		       "block %" PRIu64
		       ": integrity metadata: im_hash_type is %u (%s), only "
		       "SHA-256 is supported",
		       bno, type, name);
}

/* What the flag and the transaction that broke the seal say must be of one mind. */
static int check_broken(const struct apfs_seal_info *i, uint64_t newest_xid,
			struct err *e)
{
	if (i->flags & ~APFS_SEAL_BROKEN)
		return bad_field(i->block, "im_flags", i->flags, "which has unknown bits",
				 e);
	if (!i->broken && i->broken_xid)
		return bad_field(i->block, "im_broken_xid", i->broken_xid,
				 "but the seal is not marked as broken", e);
	if (i->broken_xid > newest_xid)
		return bad_field(i->block, "im_broken_xid", i->broken_xid,
				 "a transaction to come", e);
	return 0;
}

static int check_reserved(const struct apfs_integrity_meta *im, uint64_t bno,
			  struct err *e)
{
	for (size_t k = 0; k < sizeof(im->im_reserved) / sizeof(im->im_reserved[0]); k++)
		if (le64_get(im->im_reserved[k]))
			return bad_field(bno, "im_reserved", le64_get(im->im_reserved[k]),
					 "not zero", e);
	return 0;
}

int apfs_integrity_parse(const uint8_t block[APFS_BLOCK_SIZE], uint64_t bno,
			 uint64_t newest_xid, struct apfs_seal_info *ret, struct err *e)
{
	const struct apfs_integrity_meta *im = (const void *)block;
	int r;

	*ret = (struct apfs_seal_info){
		.sealed = true,
		.block = bno,
		.oid = le64_get(im->im_o.o_oid),
		.xid = le64_get(im->im_o.o_xid),
		.version = le32_get(im->im_version),
		.flags = le32_get(im->im_flags),
		.hash_type = le32_get(im->im_hash_type),
		.hash_offset = le32_get(im->im_root_hash_offset),
		.broken_xid = le64_get(im->im_broken_xid),
	};
	ret->broken = ret->flags & APFS_SEAL_BROKEN;
	if (!ret->version || ret->version > VERSION_MAX)
		return err_set(e, E_UNSUPPORTED,
			       "block %" PRIu64 ": integrity metadata: im_version is %u",
			       bno, ret->version);
	r = check_hash_type(bno, ret->hash_type, e);
	if (!r)
		r = check_broken(ret, newest_xid, e);
	if (!r)
		r = check_reserved(im, bno, e);
	if (r)
		return r;
	if (ret->hash_offset < sizeof(*im) || ret->hash_offset % 8 ||
	    ret->hash_offset > APFS_BLOCK_SIZE - APFS_SEAL_HASH_LEN)
		return bad_field(bno, "im_root_hash_offset", ret->hash_offset,
				 "which is no place for a hash", e);
	memcpy(ret->root_hash, block + ret->hash_offset, sizeof(ret->root_hash));
	return 0;
}

/* A sealed volume names two things that others have not. */
static int check_superblock(const struct apfs_volume *v, struct err *e)
{
	if (!le64_get(v->sb.apfs_integrity_meta_oid))
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": volume superblock: sealed, but "
			       "apfs_integrity_meta_oid is 0",
			       v->sb_bno);
	if (le32_get(v->sb.apfs_fext_tree_type) != (APFS_OBJ_PHYSICAL | APFS_OT_BTREE) ||
	    !le64_get(v->sb.apfs_fext_tree_oid))
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64
			       ": volume superblock: sealed, but the extent "
			       "tree has apfs_fext_tree_oid %#" PRIx64 " and type %#x",
			       v->sb_bno, le64_get(v->sb.apfs_fext_tree_oid),
			       le32_get(v->sb.apfs_fext_tree_type));
	return 0;
}

int apfs_seal_info_get(struct apfs_volume *v, struct apfs_seal_info *ret, struct err *e)
{
	struct apfs_obj_want want = {
		.what = "integrity metadata",
		.oid = le64_get(v->sb.apfs_integrity_meta_oid),
		.type = APFS_OT_INTEGRITY_META,
	};
	struct apfs_omap_entry at;
	struct apfs_blk *b = NULL;
	int r;

	*ret = (struct apfs_seal_info){0};
	if (!v->info.sealed)
		return 0;
	r = check_superblock(v, e);
	if (r)
		return r;
	r = apfs_omap_find(&v->omap, want.oid, v->fs.xid, &at, e);
	if (r)
		return err_ctx(e, "integrity metadata");
	want.xid = at.xid;
	r = apfs_obj_get(v->c, at.bno, &want, &b, e);
	if (r)
		return r;
	r = apfs_integrity_parse(b->data, at.bno, v->c->xid, ret, e);
	apfs_blk_put(v->c, b);
	return r;
}
