/* SPDX-License-Identifier: MIT */
/*
 * Checking while reading. Nodes: the hash of a cached block is kept beside it, so that a
 * block is hashed once for each time it is read from the disk. Content: a table remembers
 * which chunks were right (reader_seen.h).
 */
#include "sim/formats/apfs/reader_verify.h"
#include "sim/formats/apfs/reader_seen.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct apfs_verify {
	uint8_t root_hash[APFS_SEAL_HASH_LEN];
	bool lax; /* APFS_SKIP_CHECKSUMS: a wrong hash is none */
	struct sha256 sha;
	struct apfs_verify_stats stats;
	struct apfs_bad_hash bad;
	bool has_bad;
	struct apfs_seen seen;
	struct buf scratch;
};

void apfs_verify_free(struct apfs_verify *k)
{
	if (!k)
		return;
	sha256_release(&k->sha);
	buf_release(&k->scratch);
	apfs_seen_release(&k->seen);
	free(k);
}

const uint8_t *apfs_verify_root_hash(const struct apfs_verify *k)
{
	return k->root_hash;
}

void apfs_verify_failed(struct apfs_verify *k, const struct apfs_bad_hash *bad)
{
	k->bad = *bad;
	k->has_bad = true;
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
	apfs_verify_failed(
		k, &(struct apfs_bad_hash){.node = true, .id = to->ref, .block = b->bno});
	return -E_BADHASH;
}

/* ---- content ---- */

/* Is @hash that of chunk @c, whose content lies at block @bno? */
static int compare(struct apfs_verify *k, const struct apfs_chunk *c,
		   const uint8_t hash[APFS_SEAL_HASH_LEN], uint64_t bno, struct err *e)
{
	k->stats.chunks++;
	k->stats.bytes += c->len;
	if (k->lax || !memcmp(hash, c->hash, APFS_SEAL_HASH_LEN))
		return 0;
	apfs_verify_failed(
		k, &(struct apfs_bad_hash){.id = c->id, .offset = c->off, .block = bno});
	return err_set(e, E_BADHASH,
		       "data of %#" PRIx64 " at offset %" PRIu64 ", block %" PRIu64
		       ": its hash is not the one in the seal",
		       c->id, c->off, bno);
}

static int check(struct apfs_verify *k, const struct apfs_chunk *c, const uint8_t *data,
		 uint64_t bno, struct err *e)
{
	uint8_t hash[APFS_SEAL_HASH_LEN];
	int r = sha256_of(&k->sha, data, c->len, hash, e);

	return r ? r : compare(k, c, hash, bno, e);
}

/* ---- what was right before ---- */

/* Does [off, off + len) lie in one piece? Then *ret is its first block; 0: a hole. */
static bool in_one_piece(struct apfs_stream *s, uint64_t off, uint64_t len, uint64_t *ret)
{
	if (apfs_stream_locate(s, off, NULL) || s->end - off < len)
		return false;
	*ret = s->disk_off ? (s->disk_off + (off - s->start)) / APFS_BLOCK_SIZE : 0;
	return true;
}

/* Was what lies at @off right before? Then *n is cut to what is known of it. */
static bool known(struct apfs_verify *k, struct apfs_stream *s, uint64_t off, size_t *n)
{
	uint64_t at = off - off % APFS_CHUNK_MAC, block;
	const struct apfs_seen_chunk *seen = apfs_seen_find(&k->seen, s->id, at);

	if (!seen || off - at >= seen->len || !in_one_piece(s, at, seen->len, &block) ||
	    block != seen->block)
		return false;
	if (*n > at + seen->len - off)
		*n = at + seen->len - off;
	return true;
}

/* One that spans two extents, or begins where Macs let none begin, is not remembered. */
static void remember(struct apfs_verify *k, struct apfs_stream *s,
		     const struct apfs_chunk *c)
{
	struct apfs_seen_chunk now = {.id = c->id, .off = c->off, .len = c->len};

	if (c->off % APFS_CHUNK_MAC == 0 && in_one_piece(s, c->off, c->len, &now.block))
		apfs_seen_put(&k->seen, &now);
}

/* ---- reading ---- */

/* The block where chunk @c begins; 0: it begins in a hole, or nobody knows. */
static uint64_t block_of(struct apfs_stream *s, const struct apfs_chunk *c)
{
	uint64_t block = 0;

	return in_one_piece(s, c->off, 0, &block) ? block : 0;
}

/* All of chunk @c into @data, checked. */
static int read_whole(struct apfs_verify *k, struct apfs_stream *s,
		      const struct apfs_chunk *c, uint8_t *data, struct err *e)
{
	int r = apfs_stream_read(s, c->off, data, c->len, e);

	if (r)
		return r;
	r = check(k, c, data, block_of(s, c), e);
	if (!r)
		remember(k, s, c);
	return r;
}

/* Two chunks that follow each other and are of one length: hashed side by side. */
static int read_two(struct apfs_verify *k, struct apfs_stream *s,
		    const struct apfs_chunk c[2], uint8_t *data, struct err *e)
{
	uint8_t hash[2][APFS_SEAL_HASH_LEN];
	int r = apfs_stream_read(s, c->off, data, 2 * (size_t)c->len, e);

	if (!r)
		r = sha256_of_pair(&k->sha, data, data + c->len, c->len, hash[0], hash[1],
				   e);
	for (int i = 0; i < 2 && !r; i++) {
		r = compare(k, &c[i], hash[i], block_of(s, &c[i]), e);
		if (!r)
			remember(k, s, &c[i]);
	}
	return r;
}

/* Do @len bytes at @off, where chunk c[0] begins, take it and the next one? Then c[1] is
 * that. */
static bool takes_two(const struct apfs_verify *k, struct apfs_stream *s, size_t len,
		      struct apfs_chunk c[2])
{
	uint64_t next = c->off + c->len;

	return k->sha.pairs && len >= 2 * (size_t)c->len &&
	       !apfs_chunk_find(s->v, s->id, next, &c[1], NULL) && c[1].off == next &&
	       c[1].len == c->len;
}

/*
 * What lies at @off, which chunk c[0] covers, into @p: the rest of the chunk, or two of
 * them; *n was what is wanted, and is what was read.
 */
static int read_chunks(struct apfs_verify *k, struct apfs_stream *s,
		       struct apfs_chunk c[2], uint64_t off, uint8_t *p, size_t *n,
		       struct err *e)
{
	int r;

	if (off == c->off && takes_two(k, s, *n, c)) {
		*n = 2 * (size_t)c->len;
		r = read_two(k, s, c, p, e);
	} else if (off == c->off && *n >= c->len) {
		*n = c->len;
		r = read_whole(k, s, c, p, e);
	} else {
		if (*n > c->off + c->len - off)
			*n = c->off + c->len - off;
		buf_clear(&k->scratch);
		r = buf_reserve(&k->scratch, c->len, e);
		if (!r)
			r = read_whole(k, s, c, k->scratch.data, e);
		if (!r)
			memcpy(p, k->scratch.data + (off - c->off), *n);
	}
	if (r)
		memset(p, 0, *n);
	return r;
}

int apfs_verify_pread(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		      struct err *e)
{
	struct apfs_verify *k = s->v->verify;
	struct apfs_chunk c[2] = {{0}};
	uint8_t *p = buf;
	int r = 0;

	for (size_t n; len && !r; off += n, p += n, len -= n) {
		n = len;
		if (known(k, s, off, &n)) {
			k->stats.known_chunks++;
			r = apfs_stream_read(s, off, p, n, e);
			continue;
		}
		r = apfs_chunk_find(s->v, s->id, off, c, e);
		if (r)
			return r;
		r = read_chunks(k, s, c, off, p, &n, e);
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
		r = check(v->verify, &c, data + done, 0, e);
	}
	return r;
}

/* ---- switching it on ---- */

static int new_verify(const struct apfs_volume *v, const uint8_t *root_hash,
		      struct apfs_verify **ret, struct err *e)
{
	struct apfs_verify *k = calloc(1, sizeof(*k));
	int r = k ? 0 : err_set(e, E_NOMEM, "seal: out of memory");

	if (r)
		return r;
	memcpy(k->root_hash, root_hash, sizeof(k->root_hash));
	r = apfs_seen_init(&k->seen,
			   v->info.alloc_blocks / (APFS_CHUNK_MAC / APFS_BLOCK_SIZE), e);
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
		r = new_verify(v, root_hash ? root_hash : info.root_hash, &k, e);
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
