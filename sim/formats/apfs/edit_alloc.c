/* SPDX-License-Identifier: MIT */
/* Taking and freeing blocks. */
#include <inttypes.h>

#include "sim/base/ckd.h"
#include "sim/formats/apfs/edit_space.h"

int edit_space_chunk(struct edit_space *s, uint32_t i, struct edit_bits **ret,
		     struct err *e)
{
	struct edit_chunk *k = &s->chunk[i];
	int rc = 0;

	*ret = &k->bits;
	if (k->bits.used)
		return 0;
	rc = edit_bits_init(&k->bits, k->blocks, e);
	if (rc == 0 && k->bitmap)
		rc = apfs_read_bytes(s->c, k->bitmap * APFS_BLOCK_SIZE, k->bits.used,
				     (k->blocks + 7) / 8, e);
	if (rc != 0)
		return rc;
	if (edit_bits_count(k->bits.used, k->blocks) != k->blocks - k->free)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": bitmap of chunk %u has other than %u "
			       "free blocks",
			       k->bitmap, i, k->free);
	return 0;
}

/* ---- Free blocks ---- */

/* From s->search on, round once. */
static int find(struct edit_space *s, uint32_t least, uint32_t most, uint32_t *ret_chunk,
		uint32_t *ret_at, uint32_t *ret_n, struct err *e)
{
	*ret_n = 0;
	for (uint32_t n = 0; n < s->n_chunks; n++) {
		uint32_t i = (s->search + n) % s->n_chunks;
		struct edit_chunk *k = &s->chunk[i];
		struct edit_bits *b;

		if (k->free < least)
			continue;
		int rc = edit_space_chunk(s, i, &b, e);

		if (rc != 0)
			return rc;
		if (edit_bits_find(b, k->passed, least, most, ret_at, ret_n) ||
		    edit_bits_find(b, 0, least, most, ret_at, ret_n)) {
			*ret_chunk = i;
			return 0;
		}
	}
	return 0;
}

int edit_space_alloc(struct edit_space *s, uint64_t most, struct apfs_range *ret,
		     struct err *e)
{
	uint32_t want =
		most < APFS_BLOCKS_PER_CHUNK ? (uint32_t)most : APFS_BLOCKS_PER_CHUNK;
	uint32_t i = 0, at = 0, n;
	int rc = find(s, want, want, &i, &at, &n, e);

	if (rc == 0 && n == 0)
		rc = find(s, 1, want, &i, &at, &n, e);
	if (rc != 0)
		return rc;
	*ret = (struct apfs_range){.block = (uint64_t)i * APFS_BLOCKS_PER_CHUNK + at,
				   .count = n};
	for (uint32_t k = 0; k < n; k++)
		edit_bit_set(s->chunk[i].bits.taken, at + k);
	s->search = i;
	s->chunk[i].passed = at + n;
	return 0;
}

/*
 * Call @one for every block of a range that must be inside the container. Its chunk is
 * loaded.
 */
static int each_block(struct edit_space *s, uint64_t block, uint64_t count,
		      int (*one)(struct edit_bits *b, uint32_t i, uint64_t block,
				 struct err *e),
		      struct err *e)
{
	int rc = 0;

	if (!range_inside(block, count, s->c->blocks))
		return err_set(e, E_CORRUPT,
			       "%" PRIu64 " blocks from %" PRIu64
			       " on are beyond the container's end at %" PRIu64,
			       count, block, s->c->blocks);
	for (; count > 0 && rc == 0; block++, count--) {
		struct edit_bits *b;

		rc = edit_space_chunk(s, (uint32_t)(block / APFS_BLOCKS_PER_CHUNK), &b,
				      e);
		if (rc == 0)
			rc = one(b, block % APFS_BLOCKS_PER_CHUNK, block, e);
	}
	return rc;
}

static int untake(struct edit_bits *b, uint32_t i, uint64_t block, struct err *e)
{
	(void)block;
	(void)e;
	edit_bit_clear(b->taken, i);
	return 0;
}

int edit_space_unalloc(struct edit_space *s, const struct apfs_range *run, struct err *e)
{
	return each_block(s, run->block, run->count, untake, e);
}

static int free_one(struct edit_bits *b, uint32_t i, uint64_t block, struct err *e)
{
	if (!edit_bits_live(b, i))
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 " is to be freed and is not in use",
			       block);
	edit_bit_set(b->freed, i);
	return 0;
}

/* Do [a, a + n) and [b, b + m) have a block in common? Neither wraps. */
static bool overlap(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
	return n > 0 && m > 0 && a < b + m && b < a + n;
}

/* Areas that stay where they are as long as the container exists. */
static bool is_fixed(const struct edit_space *s, uint64_t block, uint64_t count)
{
	const struct apfs_spaceman *sm = edit_space_raw(s);
	const struct apfs_nx_superblock *nx = &s->c->sb;

	return block == 0 ||
	       overlap(block, count, le64_get(nx->nx_xp_desc_base),
		       le32_get(nx->nx_xp_desc_blocks)) ||
	       overlap(block, count, le64_get(nx->nx_xp_data_base),
		       le32_get(nx->nx_xp_data_blocks)) ||
	       overlap(block, count, le64_get(sm->sm_ip_bm_base),
		       le32_get(sm->sm_ip_bm_block_count)) ||
	       overlap(block, count, s->pool_base, s->pool.n);
}

int edit_space_free(struct edit_space *s, uint64_t block, uint64_t count, struct err *e)
{
	if (range_inside(block, count, s->c->blocks) && is_fixed(s, block, count))
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64
			       " is to be freed and belongs to the container",
			       block);
	return each_block(s, block, count, free_one, e);
}

/* ---- The queues of the checkpoint before ---- */

static int release_one(struct edit_bits *b, uint32_t i, uint64_t block, struct err *e)
{
	if (!edit_bit(b->used, i) || edit_bit(b->released, i))
		return err_set(e, E_CORRUPT, "free queue: block %" PRIu64 " is %s", block,
			       edit_bit(b->used, i) ? "there twice" : "free already");
	edit_bit_set(b->released, i);
	return 0;
}

int edit_space_release_run(struct edit_space *s, unsigned queue,
			   const struct apfs_range *run, struct err *e)
{
	uint64_t at = run->block - s->pool_base;
	int rc = 0;

	if (queue == APFS_SFQ_MAIN) {
		if (range_inside(run->block, run->count, s->c->blocks) &&
		    is_fixed(s, run->block, run->count))
			return err_set(e, E_CORRUPT,
				       "free queue: block %" PRIu64
				       " belongs to the container",
				       run->block);
		return each_block(s, run->block, run->count, release_one, e);
	}
	if (run->block < s->pool_base || !range_inside(at, run->count, s->pool.n))
		return err_set(e, E_CORRUPT,
			       "free queue: block %" PRIu64
			       " is not in the internal pool",
			       run->block);
	for (uint64_t i = 0; i < run->count && rc == 0; i++)
		rc = release_one(&s->pool, (uint32_t)(at + i), run->block + i, e);
	return rc;
}

/* ---- The internal pool ---- */

/*
 * The pool is three times what one state takes, so that the checkpoint before, the one
 * before that (in the queue) and the new one have room. When an earlier owner left the
 * queue fuller, blocks that only waited there are taken.
 */
int edit_pool_alloc(struct edit_space *s, uint64_t *ret, struct err *e)
{
	struct edit_bits *p = &s->pool;
	uint32_t at, n;

	if (!edit_bits_find(p, 0, 1, 1, &at, &n)) {
		for (at = 0; at < p->n; at++)
			if (edit_bit(p->released, at) && !edit_bit(p->taken, at))
				break;
		if (at == p->n)
			return err_set(e, E_NOSPC,
				       "the internal pool of %u blocks is full", p->n);
	}
	edit_bit_set(p->taken, at);
	*ret = s->pool_base + at;
	return 0;
}

int edit_pool_free(struct edit_space *s, uint64_t block, struct err *e)
{
	return free_one(&s->pool, (uint32_t)(block - s->pool_base), block, e);
}
