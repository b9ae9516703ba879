/* SPDX-License-Identifier: MIT */
/*
 * Checking while reading. Nodes: the hash of a cached block is kept beside it, so that a
 * block is hashed once for each time it is read from the disk. Content: a table remembers
 * which chunks were right, by what they are and where they lie. Both parts count: the
 * extents are not sealed, and may send two files, or two reads of one, to other places.
 */
#include "sim/formats/apfs/reader_verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_SLOTS (1u << 16) /* 1 GiB of chunks as Macs make them */

/* A chunk that was right. One that spans two extents is not remembered. */
struct seen {
	uint64_t id, off;
	uint64_t disk_off; /* byte in the container; 0: a hole */
	uint32_t len;	   /* 0: empty slot */
};

struct apfs_verify {
	uint8_t root_hash[APFS_SEAL_HASH_LEN];
	bool lax; /* APFS_SKIP_CHECKSUMS: a wrong hash is none */
	struct sha256 sha;
	struct apfs_verify_stats stats;
	struct apfs_bad_hash bad;
	bool has_bad;
	struct seen *seen; /* owned, SEEN_SLOTS */
	struct buf scratch;
};

void apfs_verify_free(struct apfs_verify *k)
{
	if (!k)
		return;
	sha256_release(&k->sha);
	buf_release(&k->scratch);
	free(k->seen);
	free(k);
}

const uint8_t *apfs_verify_root_hash(const struct apfs_verify *k)
{
	return k->root_hash;
}

static int bad_hash(struct apfs_verify *k, const struct apfs_bad_hash *bad)
{
	k->bad = *bad;
	k->has_bad = true;
	return -E_BADHASH;
}

/* ---- nodes ---- */

int apfs_verify_node(struct apfs_verify *k, struct apfs_blk *b,
		     const struct apfs_child *to, struct err *e)
{
	int r;

	if (!b->hashed) {
		r = sha256_of(&k->sha, b->data, APFS_BLOCK_SIZE, b->hash, e);
		if (r)
			return r;
		b->hashed = true;
		k->stats.nodes++;
		k->stats.bytes += APFS_BLOCK_SIZE;
	}
	if (k->lax || (to->hash && !memcmp(b->hash, to->hash, sizeof(b->hash))))
		return 0;
	err_set(e, E_BADHASH,
		"block %" PRIu64 ": node %#" PRIx64
		" of the file-system tree: its hash is not "
		"the one in %s",
		b->bno, to->ref, to->hash == k->root_hash ? "the seal" : "its parent");
	return bad_hash(
		k, &(struct apfs_bad_hash){.node = true, .id = to->ref, .block = b->bno});
}

/* ---- records ---- */

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
	if (!v->verify)
		return -E_BADHASH;
	return bad_hash(v->verify, &(struct apfs_bad_hash){.id = id, .offset = off});
}

static int compare(struct apfs_verify *k, const struct apfs_chunk *c, const uint8_t *data,
		   uint64_t bno, struct err *e)
{
	uint8_t hash[APFS_SEAL_HASH_LEN];
	int r = sha256_of(&k->sha, data, c->len, hash, e);

	if (r)
		return r;
	k->stats.chunks++;
	k->stats.bytes += c->len;
	if (k->lax || !memcmp(hash, c->hash, sizeof(hash)))
		return 0;
	err_set(e, E_BADHASH,
		"data of %#" PRIx64 " at offset %" PRIu64 ", block %" PRIu64
		": its hash is not the one in the seal",
		c->id, c->off, bno);
	return bad_hash(
		k, &(struct apfs_bad_hash){.id = c->id, .offset = c->off, .block = bno});
}

/* ---- what was right before ---- */

static struct seen *slot_of(const struct apfs_verify *k, uint64_t id, uint64_t off)
{
	uint64_t h = (id * 0x9e3779b97f4a7c15ull) ^ (off / APFS_CHUNK_MAC);

	return &k->seen[h * 0x9e3779b97f4a7c15ull >> 48];
}
_Static_assert(SEEN_SLOTS == 1 << (64 - 48), "the hash fills the slots");

/* Byte of the container where [off, off + len) lies in one piece; false: it does not. */
static bool in_one_piece(const struct apfs_stream *s, uint64_t off, uint32_t len,
			 uint64_t *ret)
{
	if (off < s->start || s->end <= off || s->end - off < len)
		return false;
	*ret = s->disk_off ? s->disk_off + (off - s->start) : 0;
	return true;
}

/* Was what lies at @off right before? Then *n is cut to what is known of it. */
static bool known(struct apfs_verify *k, struct apfs_stream *s, uint64_t off, size_t *n)
{
	uint64_t at = off - off % APFS_CHUNK_MAC, disk_off;
	const struct seen *slot = slot_of(k, s->id, at);

	if (!slot->len || slot->id != s->id || slot->off != at || off - at >= slot->len)
		return false;
	/* An extent that cannot be found is reported by whoever reads. */
	if (!in_one_piece(s, at, slot->len, &disk_off) &&
	    (apfs_stream_locate(s, at, NULL) ||
	     !in_one_piece(s, at, slot->len, &disk_off)))
		return false;
	if (disk_off != slot->disk_off)
		return false;
	if (*n > at + slot->len - off)
		*n = at + slot->len - off;
	return true;
}

static void remember(struct apfs_verify *k, const struct apfs_stream *s,
		     const struct apfs_chunk *c)
{
	struct seen now = {.id = c->id, .off = c->off, .len = c->len};

	if (c->off % APFS_CHUNK_MAC || !in_one_piece(s, c->off, c->len, &now.disk_off))
		return;
	*slot_of(k, c->id, c->off) = now;
}

/* ---- content ---- */

/* All of chunk @c into @data, checked. */
static int read_whole(struct apfs_verify *k, struct apfs_stream *s,
		      const struct apfs_chunk *c, uint8_t *data, struct err *e)
{
	uint64_t disk_off;
	int r = apfs_stream_locate(s, c->off, e);

	disk_off = !r && s->disk_off ? s->disk_off + (c->off - s->start) : 0;
	if (!r)
		r = apfs_stream_read(s, c->off, data, c->len, e);
	if (!r)
		r = compare(k, c, data, disk_off / APFS_BLOCK_SIZE, e);
	if (!r && !apfs_stream_locate(s, c->off, NULL))
		remember(k, s, c);
	return r;
}

/* [off, off + n) of chunk @c into @p. */
static int read_part(struct apfs_verify *k, struct apfs_stream *s,
		     const struct apfs_chunk *c, uint64_t off, uint8_t *p, size_t n,
		     struct err *e)
{
	int r;

	if (n == c->len) {
		r = read_whole(k, s, c, p, e);
		if (r)
			memset(p, 0, n);
		return r;
	}
	buf_clear(&k->scratch);
	r = buf_reserve(&k->scratch, c->len, e);
	if (!r)
		r = read_whole(k, s, c, k->scratch.data, e);
	if (!r)
		memcpy(p, k->scratch.data + (off - c->off), n);
	return r;
}

int apfs_verify_pread(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		      struct err *e)
{
	struct apfs_verify *k = s->v->verify;
	uint8_t *p = buf;
	struct apfs_chunk chunk = {0};
	int r = 0;

	for (size_t n; len && !r; off += n, p += n, len -= n) {
		n = len;
		if (known(k, s, off, &n)) {
			k->stats.known_chunks++;
			r = apfs_stream_read(s, off, p, n, e);
			continue;
		}
		r = apfs_chunk_find(s->v, s->id, off, &chunk, e);
		if (r)
			return r;
		if (n > chunk.off + chunk.len - off)
			n = chunk.off + chunk.len - off;
		r = read_part(k, s, &chunk, off, p, n, e);
	}
	return r;
}

int apfs_verify_unpacked(struct apfs_volume *v, uint64_t id, uint64_t off,
			 const uint8_t *data, size_t len, struct err *e)
{
	struct apfs_chunk c = {0};
	int r = 0;

	for (size_t done = 0; !r && done < len; done += c.len) {
		r = apfs_chunk_find(v, id, off + done, &c, e);
		if (r)
			return r;
		if (c.off != off + done || c.len > len - done)
			return err_set(e, E_UNSUPPORTED,
				       "data of %#" PRIx64
				       ": the hash of %u bytes at offset "
				       "%" PRIu64 " is not for one compressed piece",
				       id, c.len, c.off);
		r = compare(v->verify, &c, data + done, 0, e);
	}
	return r;
}

/* ---- switching it on ---- */

static int new_verify(const uint8_t *root_hash, struct apfs_verify **ret, struct err *e)
{
	struct apfs_verify *k = calloc(1, sizeof(*k));
	int r = k ? 0 : err_set(e, E_NOMEM, "seal: out of memory");

	if (r)
		return r;
	memcpy(k->root_hash, root_hash, sizeof(k->root_hash));
	k->seen = calloc(SEEN_SLOTS, sizeof(*k->seen));
	if (!k->seen)
		r = err_set(e, E_NOMEM, "seal: out of memory");
	if (!r)
		r = sha256_init(&k->sha, e);
	if (r) {
		apfs_verify_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

int apfs_volume_verify(struct apfs_volume *v, const uint8_t root_hash[APFS_SEAL_HASH_LEN],
		       struct err *e)
{
	struct apfs_seal_info info;
	struct apfs_verify *k;
	int r = apfs_seal_info_get(v, &info, e);

	if (!r && !info.sealed)
		r = err_set(e, E_INVAL, "the volume is not sealed");
	if (!r && info.broken)
		r = err_set(e, E_BADHASH,
			    "block %" PRIu64
			    ": the seal was broken in transaction %" PRIu64,
			    info.block, info.broken_xid);
	if (!r)
		r = new_verify(root_hash ? root_hash : info.root_hash, &k, e);
	if (r)
		return err_ctx(e, "volume '%s'", v->info.name);
	k->lax = v->c->flags & APFS_SKIP_CHECKSUMS;
	apfs_verify_free(v->verify);
	v->verify = v->fs.verify = k;
	r = apfs_tree_probe(&v->fs, e);
	return r ? err_ctx(e, "volume '%s'", v->info.name) : 0;
}

bool apfs_volume_bad_hash(const struct apfs_volume *v, struct apfs_bad_hash *ret)
{
	if (!v->verify || !v->verify->has_bad)
		return false;
	*ret = v->verify->bad;
	return true;
}

void apfs_verify_stats_of(const struct apfs_volume *v, struct apfs_verify_stats *ret)
{
	*ret = v->verify ? v->verify->stats : (struct apfs_verify_stats){0};
}
