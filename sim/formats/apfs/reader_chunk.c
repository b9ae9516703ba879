/* SPDX-License-Identifier: MIT */
/* File-info records: the hashes of content (APFS Reference p. 155). */
#include "sim/formats/apfs/reader_verify.h"

#include <inttypes.h>
#include <string.h>

int apfs_chunk_parse(const struct apfs_key *key, const uint8_t *val, size_t val_len,
		     struct apfs_chunk *ret, struct err *e)
{
	const struct apfs_j_file_data_hash_val *h = (const void *)val;
	uint64_t kind = key->num >> APFS_FILE_INFO_TYPE_SHIFT, blocks;

	*ret = (struct apfs_chunk){.id = key->id,
				   .off = key->num & APFS_FILE_INFO_LBA_MASK};
	if (kind != APFS_FILE_INFO_DATA_HASH)
		return err_set(e, E_UNSUPPORTED,
			       "file info of %#" PRIx64 ": type %" PRIu64
			       " is no data hash",
			       key->id, kind);
	if (val_len < sizeof(*h) || val_len != sizeof(*h) + h->hash_size ||
	    h->hash_size != APFS_SEAL_HASH_LEN)
		return err_set(e, E_CORRUPT,
			       "file info of %#" PRIx64 ": %zu bytes are no SHA-256",
			       key->id, val_len);
	blocks = le16_get(h->hashed_len);
	if (!blocks || ret->off % APFS_BLOCK_SIZE)
		return err_set(e, E_CORRUPT,
			       "file info of %#" PRIx64 ": %" PRIu64
			       " blocks at offset %" PRIu64,
			       key->id, blocks, ret->off);
	if (blocks > APFS_CHUNK_MAX / APFS_BLOCK_SIZE)
		return err_set(e, E_UNSUPPORTED,
			       "file info of %#" PRIx64 ": one hash for %" PRIu64
			       " blocks",
			       key->id, blocks);
	ret->len = (uint32_t)blocks * APFS_BLOCK_SIZE;
	memcpy(ret->hash, h->hash, sizeof(ret->hash));
	return 0;
}

static bool covers(const struct apfs_chunk *c, uint64_t id, uint64_t off)
{
	return c->len && c->id == id && off >= c->off && off - c->off < c->len;
}

int apfs_chunk_find(struct apfs_volume *v, uint64_t id, uint64_t off,
		    struct apfs_chunk *ret, struct err *e)
{
	struct apfs_key want = {
		.id = id,
		.type = APFS_REC_FILE_INFO,
		.num = (uint64_t)APFS_FILE_INFO_DATA_HASH << APFS_FILE_INFO_TYPE_SHIFT |
		       off,
		.name = "",
	};
	struct apfs_cursor cur;
	int r;

	ret->len = 0;
	apfs_cursor_init(&cur, &v->fs);
	r = apfs_cursor_seek_last(&cur, &want, e);
	if (!r && !cur.end && cur.key.id == id && cur.key.type == want.type &&
	    cur.key.num >> APFS_FILE_INFO_TYPE_SHIFT == APFS_FILE_INFO_DATA_HASH) {
		r = apfs_chunk_parse(&cur.key, cur.val, cur.val_len, ret, e);
		ret->leaf = cur.at[cur.depth - 1].b->bno;
	}
	apfs_cursor_release(&cur);
	if (r || covers(ret, id, off))
		return r;
	ret->len = 0;
	err_set(e, E_BADHASH,
		"data of %#" PRIx64 ": there is no hash for offset %" PRIu64, id, off);
	if (v->verify)
		apfs_verify_failed(v->verify,
				   &(struct apfs_bad_hash){.id = id, .offset = off});
	return -E_BADHASH;
}
