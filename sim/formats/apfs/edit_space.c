/* SPDX-License-Identifier: MIT */
/* Loading the space manager. Every address and count is checked before it is used. */
#include "sim/formats/apfs/edit_space.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"

#define STRUCT_UNVERSIONED offsetof(struct apfs_spaceman, sm_version)
#define RING_MAX	   4096u /* places of the ring of pool bitmaps */

static int bad(const struct edit_space *s, const char *field, uint64_t value,
	       struct err *e)
{
	return err_set(e, E_CORRUPT, "block %" PRIu64 ": space manager: %s is %" PRIu64,
		       s->block, field, value);
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* ---- The object ---- */

static int check_sizes(const struct edit_space *s, struct err *e)
{
	const struct apfs_spaceman *sm = edit_space_raw(s);
	const struct {
		const char *name;
		le32 value;
		uint32_t want;
	} fixed[] = {
		{"sm_block_size", sm->sm_block_size, APFS_BLOCK_SIZE},
		{"sm_blocks_per_chunk", sm->sm_blocks_per_chunk, APFS_BLOCKS_PER_CHUNK},
		{"sm_chunks_per_cib", sm->sm_chunks_per_cib, APFS_CHUNKS_PER_CIB},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (le32_get(fixed[i].value) != fixed[i].want)
			return bad(s, fixed[i].name, le32_get(fixed[i].value), e);
	if (le32_get(sm->sm_flags) & ~APFS_SM_VERSIONED)
		return err_set(e, E_UNSUPPORTED, "block %" PRIu64 ": sm_flags %#x",
			       s->block, le32_get(sm->sm_flags));
	return 0;
}

static int check_devices(const struct edit_space *s, struct err *e)
{
	const struct apfs_spaceman *sm = edit_space_raw(s);
	const struct apfs_spaceman_device *d = &sm->sm_dev[APFS_SD_MAIN];

	if (le64_get(sm->sm_dev[APFS_SD_TIER2].sm_block_count) != 0)
		return err_set(e, E_UNSUPPORTED, "space manager with a second device");
	if (le32_get(d->sm_cab_count) != 0)
		return err_set(e, E_UNSUPPORTED,
			       "chunk infos in three levels: sm_cab_count %u",
			       le32_get(d->sm_cab_count));
	if (le64_get(d->sm_block_count) != s->c->blocks)
		return bad(s, "sm_block_count", le64_get(d->sm_block_count), e);
	if (le64_get(d->sm_chunk_count) != s->n_chunks)
		return bad(s, "sm_chunk_count", le64_get(d->sm_chunk_count), e);
	if (le32_get(d->sm_cib_count) != s->n_cibs)
		return bad(s, "sm_cib_count", le32_get(d->sm_cib_count), e);
	if (le64_get(d->sm_free_count) > s->c->blocks)
		return bad(s, "sm_free_count", le64_get(d->sm_free_count), e);
	return 0;
}

/* The arrays behind the struct: inside the object, and not over the struct. */
static int check_arrays(const struct edit_space *s, struct err *e)
{
	const struct apfs_spaceman *sm = edit_space_raw(s);
	const bool versioned = le32_get(sm->sm_flags) & APFS_SM_VERSIONED;
	const size_t head = versioned ? sizeof(*sm) : STRUCT_UNVERSIONED;
	const uint32_t maps = le32_get(sm->sm_ip_bm_size_in_blocks);
	const uint32_t ring = le32_get(sm->sm_ip_bm_block_count);
	const struct {
		const char *name;
		le32 off;
		uint64_t bytes;
	} arrays[] = {
		{"sm_addr_offset", sm->sm_dev[APFS_SD_MAIN].sm_addr_offset,
		 8ull * s->n_cibs},
		{"sm_ip_bm_xid_offset", sm->sm_ip_bm_xid_offset, 8ull * maps},
		{"sm_ip_bitmap_offset", sm->sm_ip_bitmap_offset, 2ull * maps},
		{"sm_ip_bm_free_next_offset", sm->sm_ip_bm_free_next_offset, 2ull * ring},
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		uint32_t off = le32_get(arrays[i].off);

		if (off < head || !range_inside(off, arrays[i].bytes, s->size))
			return bad(s, arrays[i].name, off, e);
	}
	return 0;
}

static int check_pool(const struct edit_space *s, struct err *e)
{
	const struct apfs_spaceman *sm = edit_space_raw(s);
	const uint64_t n = le64_get(sm->sm_ip_block_count);
	const uint32_t ring = le32_get(sm->sm_ip_bm_block_count);
	const uint32_t maps = le32_get(sm->sm_ip_bm_size_in_blocks);

	if (n != 3ull * (s->n_chunks + s->n_cibs))
		return bad(s, "sm_ip_block_count", n, e);
	if (maps != div_up(n, APFS_BLOCKS_PER_CHUNK))
		return bad(s, "sm_ip_bm_size_in_blocks", maps, e);
	if (ring > RING_MAX || ring < 2 * (uint64_t)maps + 1)
		return bad(s, "sm_ip_bm_block_count", ring, e);
	if (!range_inside(le64_get(sm->sm_ip_base), n, s->c->blocks))
		return bad(s, "sm_ip_base", le64_get(sm->sm_ip_base), e);
	if (!range_inside(le64_get(sm->sm_ip_bm_base), ring, s->c->blocks))
		return bad(s, "sm_ip_bm_base", le64_get(sm->sm_ip_bm_base), e);
	return 0;
}

/* ---- The pool ---- */

static int load_pool(struct edit_space *s, struct err *e)
{
	const struct apfs_spaceman *sm = edit_space_raw(s);
	const uint32_t maps = le32_get(sm->sm_ip_bm_size_in_blocks);
	const uint32_t ring = le32_get(sm->sm_ip_bm_block_count);
	const uint8_t *at = s->object + le32_get(sm->sm_ip_bitmap_offset);
	int rc = edit_bits_init(&s->pool, (uint32_t)le64_get(sm->sm_ip_block_count), e);

	s->pool_base = le64_get(sm->sm_ip_base);
	for (uint32_t i = 0; i < maps && rc == 0; i++) {
		uint32_t done = i * APFS_BLOCKS_PER_CHUNK, left = s->pool.n - done;
		uint32_t n = left < APFS_BLOCKS_PER_CHUNK ? left : APFS_BLOCKS_PER_CHUNK;
		uint64_t place = get_le16(at + 2 * i);

		if (place >= ring)
			return bad(s, "place of a pool bitmap", place, e);
		place += le64_get(sm->sm_ip_bm_base);
		rc = apfs_read_bytes(s->c, place * APFS_BLOCK_SIZE,
				     s->pool.used + done / 8, (n + 7) / 8, e);
	}
	return rc;
}

/*
 * A block of the pool that the space manager itself uses: marked so, and only once. The
 * bits of "taken" remember which, until the loading is over.
 */
static int claim_pool_block(struct edit_space *s, uint64_t block, const char *what,
			    struct err *e)
{
	uint64_t i = block - s->pool_base;

	if (block < s->pool_base || i >= s->pool.n)
		return err_set(e, E_CORRUPT, "%s %" PRIu64 " is not in the internal pool",
			       what, block);
	if (!edit_bit(s->pool.used, (uint32_t)i))
		return err_set(e, E_CORRUPT, "%s %" PRIu64 " is marked as free", what,
			       block);
	if (edit_bit(s->pool.taken, (uint32_t)i))
		return err_set(e, E_CORRUPT, "%s %" PRIu64 " is used twice", what, block);
	edit_bit_set(s->pool.taken, (uint32_t)i);
	return 0;
}

/* ---- Chunks ---- */

static int load_chunk(struct edit_space *s, const struct edit_cib *cib, uint32_t i,
		      const struct apfs_chunk_info *ci, struct err *e)
{
	struct edit_chunk *k = &s->chunk[i];
	uint64_t first = (uint64_t)i * APFS_BLOCKS_PER_CHUNK, left = s->c->blocks - first;
	uint32_t blocks =
		left < APFS_BLOCKS_PER_CHUNK ? (uint32_t)left : APFS_BLOCKS_PER_CHUNK;
	const char *field = NULL;

	k->xid = le64_get(ci->ci_xid);
	k->blocks = le32_get(ci->ci_block_count);
	k->free = le32_get(ci->ci_free_count);
	k->bitmap = le64_get(ci->ci_bitmap_addr);
	if (le64_get(ci->ci_addr) != first)
		field = "ci_addr";
	else if (k->blocks != blocks)
		field = "ci_block_count";
	else if (k->free > blocks || (!k->bitmap && k->free != blocks))
		field = "ci_free_count";
	else if (!k->xid || k->xid > s->c->xid)
		field = "ci_xid";
	if (field)
		return err_set(e, E_CORRUPT, "block %" PRIu64 ": chunk %u: wrong %s",
			       cib->block, i, field);
	return k->bitmap ? claim_pool_block(s, k->bitmap, "bitmap of a chunk: block", e)
			 : 0;
}

static int load_cib(struct edit_space *s, uint32_t i, struct err *e)
{
	struct edit_cib *cib = &s->cib[i];
	struct apfs_obj_want want = {
		.what = "chunk-info block",
		.oid = cib->block,
		.type = APFS_OBJ_PHYSICAL | APFS_OT_CIB,
	};
	const struct apfs_cib *raw;
	struct apfs_blk *b;
	int rc = claim_pool_block(s, cib->block, "chunk infos: block", e);

	if (rc == 0)
		rc = apfs_obj_get(s->c, cib->block, &want, &b, e);
	if (rc != 0)
		return rc;
	raw = (const struct apfs_cib *)b->data;
	if (le32_get(raw->cib_index) != i ||
	    le32_get(raw->cib_chunk_info_count) != cib->n)
		rc = err_set(e, E_CORRUPT,
			     "block %" PRIu64 ": chunk infos %u with %u chunks, "
			     "expected %u with %u",
			     cib->block, le32_get(raw->cib_index),
			     le32_get(raw->cib_chunk_info_count), i, cib->n);
	for (uint32_t k = 0; k < cib->n && rc == 0; k++)
		rc = load_chunk(s, cib, cib->first + k, &raw->cib_chunk_info[k], e);
	apfs_blk_put(s->c, b);
	return rc;
}

static int load_chunks(struct edit_space *s, struct err *e)
{
	const struct apfs_spaceman_device *d = &edit_space_raw(s)->sm_dev[APFS_SD_MAIN];
	const uint8_t *addr = s->object + le32_get(d->sm_addr_offset);
	uint64_t free_blocks = 0;
	int rc = 0;

	for (uint32_t i = 0; i < s->n_cibs && rc == 0; i++) {
		uint32_t first = i * APFS_CHUNKS_PER_CIB, left = s->n_chunks - first;

		s->cib[i] = (struct edit_cib){
			.block = get_le64(addr + 8 * (size_t)i),
			.first = first,
			.n = left < APFS_CHUNKS_PER_CIB ? left : APFS_CHUNKS_PER_CIB,
		};
		rc = load_cib(s, i, e);
	}
	for (uint32_t i = 0; i < s->n_chunks; i++)
		free_blocks += s->chunk[i].free;
	if (rc == 0 && free_blocks != le64_get(d->sm_free_count))
		rc = bad(s, "sm_free_count", le64_get(d->sm_free_count), e);
	s->free_count = free_blocks;
	memset(s->pool.taken, 0, (s->pool.n + 7) / 8);
	return rc;
}

int edit_space_load(struct edit_space *s, struct apfs *c, uint8_t *object, size_t size,
		    uint64_t block, struct err *e)
{
	uint64_t chunks = div_up(c->blocks, APFS_BLOCKS_PER_CHUNK);
	int rc;

	*s = (struct edit_space){.c = c, .object = object, .size = size, .block = block};
	if (size < STRUCT_UNVERSIONED || chunks > UINT32_MAX / 8)
		return bad(s, "size of the object", size, e);
	s->n_chunks = (uint32_t)chunks;
	s->n_cibs = (uint32_t)div_up(chunks, APFS_CHUNKS_PER_CIB);
	rc = check_sizes(s, e);
	if (rc == 0)
		rc = check_devices(s, e);
	if (rc == 0)
		rc = check_pool(s, e);
	if (rc == 0)
		rc = check_arrays(s, e);
	if (rc != 0)
		return rc;
	s->chunk = calloc(s->n_chunks, sizeof(*s->chunk));
	s->cib = calloc(s->n_cibs, sizeof(*s->cib));
	if (!s->chunk || !s->cib)
		return err_set(e, E_NOMEM, "out of memory for the space manager");
	rc = load_pool(s, e);
	return rc != 0 ? rc : load_chunks(s, e);
}

void edit_space_release(struct edit_space *s)
{
	for (uint32_t i = 0; s->chunk && i < s->n_chunks; i++)
		edit_bits_release(&s->chunk[i].bits);
	edit_bits_release(&s->pool);
	free(s->chunk);
	free(s->cib);
	free(s->object);
	*s = (struct edit_space){.c = NULL};
}
