/* SPDX-License-Identifier: MIT */
/*
 * The space manager (APFS Reference p. 159), in the versioned form that Macs write: the
 * arrays behind the struct are not in the reference.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/layout.h"
#include "sim/formats/apfs/raw_space.h"

/* Arrays behind struct apfs_spaceman, for one bitmap of the pool. */
#define XID_OFFSET     ((uint32_t)sizeof(struct apfs_spaceman))
#define INDEX_OFFSET   (XID_OFFSET + 8)
#define NEXT_OFFSET    (INDEX_OFFSET + 8)
#define ADDR_OFFSET(l) (NEXT_OFFSET + 2 * (l)->ip_bm_blocks)

/* The largest container has 66 cibs: their addresses stay in the block. */
_Static_assert(sizeof(struct apfs_spaceman) + 16 + 2 * 16 +
			       8 * (APFS_MAX_CONTAINER / APFS_BLOCK_SIZE /
					    APFS_BLOCKS_PER_CHUNK / APFS_CHUNKS_PER_CIB +
				    1) <=
		       APFS_BLOCK_SIZE,
	       "space manager in one block");

static uint32_t chunks_in_use(const struct apfs_space *s)
{
	return (uint32_t)((s->used + APFS_BLOCKS_PER_CHUNK - 1) / APFS_BLOCKS_PER_CHUNK);
}

/* A third of the pool holds the cibs, then one bitmap for each chunk in use. */
struct apfs_range apfs_space_pool(const struct apfs_layout *l, const struct apfs_space *s)
{
	return (struct apfs_range){
		.block = l->ip_base + (uint64_t)s->slot * (l->n_chunks + l->n_cibs),
		.count = l->n_cibs + chunks_in_use(s),
	};
}

static void set_bits(uint8_t *map, uint64_t from, uint64_t count)
{
	for (; count > 0 && from % 8 != 0; from++, count--)
		map[from / 8] |= (uint8_t)(1u << from % 8);
	memset(map + from / 8, 0xff, count / 8);
	for (from += count & ~7ull, count %= 8; count > 0; from++, count--)
		map[from / 8] |= (uint8_t)(1u << from % 8);
}

/* Blocks in use of chunk @i. */
static uint32_t chunk_used(const struct apfs_space *s, uint32_t i)
{
	uint64_t first = (uint64_t)i * APFS_BLOCKS_PER_CHUNK;

	if (s->used <= first)
		return 0;
	return s->used - first < APFS_BLOCKS_PER_CHUNK ? (uint32_t)(s->used - first)
						       : APFS_BLOCKS_PER_CHUNK;
}

static int write_bitmaps(struct apfs_writer *w, const struct apfs_space *s,
			 uint8_t *block, struct err *e)
{
	uint64_t at = apfs_space_pool(&w->layout, s).block + w->layout.n_cibs;
	int rc = 0;

	for (uint32_t i = 0; i < chunks_in_use(s) && rc == 0; i++) {
		memset(block, 0, APFS_BLOCK_SIZE);
		set_bits(block, 0, chunk_used(s, i));
		rc = apfs_out_put(&w->out, at + i, block, e);
	}
	return rc;
}

static int write_cib(struct apfs_writer *w, const struct apfs_space *s, uint32_t index,
		     uint8_t *block, struct err *e)
{
	const struct apfs_layout *l = &w->layout;
	const struct apfs_range pool = apfs_space_pool(l, s);
	struct apfs_cib *cib = (struct apfs_cib *)block;
	uint32_t chunk = index * APFS_CHUNKS_PER_CIB, n;

	memset(block, 0, APFS_BLOCK_SIZE);
	for (n = 0; n < APFS_CHUNKS_PER_CIB && chunk < l->n_chunks; n++, chunk++) {
		struct apfs_chunk_info *ci = &cib->cib_chunk_info[n];
		uint64_t first = (uint64_t)chunk * APFS_BLOCKS_PER_CHUNK;
		uint64_t count = l->n_blocks - first;
		uint32_t used = chunk_used(s, chunk);

		if (count > APFS_BLOCKS_PER_CHUNK)
			count = APFS_BLOCKS_PER_CHUNK;
		ci->ci_xid = to_le64(s->xid);
		ci->ci_addr = to_le64(first);
		ci->ci_block_count = to_le32((uint32_t)count);
		ci->ci_free_count = to_le32((uint32_t)count - used);
		ci->ci_bitmap_addr = to_le64(used ? pool.block + l->n_cibs + chunk : 0);
	}
	cib->cib_index = to_le32(index);
	cib->cib_chunk_info_count = to_le32(n);
	apfs_obj_seal(block, pool.block + index, s->xid, APFS_OBJ_PHYSICAL | APFS_OT_CIB,
		      0);
	return apfs_out_put(&w->out, pool.block + index, block, e);
}

/* The pool's own bitmap: what this checkpoint uses and what its queue will free. */
static int write_pool_bitmap(struct apfs_writer *w, const struct apfs_space *s,
			     uint8_t *block, struct err *e)
{
	const struct apfs_layout *l = &w->layout;
	const struct apfs_range pool = apfs_space_pool(l, s);

	memset(block, 0, APFS_BLOCK_SIZE);
	set_bits(block, pool.block - l->ip_base, pool.count);
	if (s->ip_free.count > 0)
		set_bits(block, s->ip_free.block - l->ip_base, s->ip_free.count);
	return apfs_out_put(&w->out, l->ip_bm_base + s->slot, block, e);
}

/*
 * Exact limits of the queues' nodes: checkers compute them too. 2 nodes make no tree, so
 * that 2 becomes 3.
 */
static uint16_t ip_node_limit(const struct apfs_layout *l)
{
	uint32_t n = 3 * (l->n_chunks + 751) / 1127 - 1;

	return (uint16_t)(n == 2 ? 3 : n);
}

static uint16_t main_node_limit(const struct apfs_layout *l)
{
	uint64_t n = 512;

	if (l->n_blocks < 0x40000)
		n = 1 + (l->n_blocks - 1) / 4544;
	else if (l->n_blocks < 0x100000)
		n = 116 + (l->n_blocks - 261281) / 2272;
	return (uint16_t)(n == 2 ? 3 : n);
}

static void fill_queue(struct apfs_free_queue *q, const struct apfs_space *s,
		       uint64_t oid, uint64_t count, uint16_t limit)
{
	q->sfq_tree_node_limit = to_le16(limit);
	q->sfq_tree_oid = to_le64(oid);
	q->sfq_count = to_le64(count);
	if (count > 0)
		q->sfq_oldest_xid = to_le64(s->xid);
}

/*
 * The ring of pool bitmaps: entry @slot is current; the free ones are linked from the
 * one behind it round to the one before it.
 */
static void fill_ring(uint8_t *block, const struct apfs_layout *l,
		      const struct apfs_space *s)
{
	struct apfs_spaceman *sm = (struct apfs_spaceman *)block;
	le16 *next = (le16 *)(block + NEXT_OFFSET);
	uint32_t n = l->ip_bm_blocks, head = (s->slot + 1) % n,
		 tail = (s->slot + n - 1) % n;

	for (uint32_t i = 0; i < n; i++)
		next[i] = to_le16((uint16_t)((i + 1) % n));
	next[s->slot] = next[tail] = to_le16(APFS_IP_BM_INDEX_INVALID);
	sm->sm_ip_bm_free_head = to_le16((uint16_t)head);
	sm->sm_ip_bm_free_tail = to_le16((uint16_t)tail);
	put_le64(block + XID_OFFSET, s->xid);
	put_le16(block + INDEX_OFFSET, (uint16_t)s->slot);
}

static void fill_devices(struct apfs_spaceman *sm, const struct apfs_layout *l,
			 const struct apfs_space *s)
{
	struct apfs_spaceman_device *main = &sm->sm_dev[APFS_SD_MAIN];

	main->sm_block_count = to_le64(l->n_blocks);
	main->sm_chunk_count = to_le64(l->n_chunks);
	main->sm_cib_count = to_le32(l->n_cibs);
	main->sm_free_count = to_le64(l->n_blocks - s->used);
	main->sm_addr_offset = to_le32(ADDR_OFFSET(l));
	sm->sm_dev[APFS_SD_TIER2].sm_addr_offset =
		to_le32(ADDR_OFFSET(l) + 8 * l->n_cibs);
}

static void fill_spaceman(uint8_t *block, const struct apfs_layout *l,
			  const struct apfs_space *s)
{
	struct apfs_spaceman *sm = (struct apfs_spaceman *)block;
	uint64_t cibs = apfs_space_pool(l, s).block;

	sm->sm_block_size = to_le32(APFS_BLOCK_SIZE);
	sm->sm_blocks_per_chunk = to_le32(APFS_BLOCKS_PER_CHUNK);
	sm->sm_chunks_per_cib = to_le32(APFS_CHUNKS_PER_CIB);
	sm->sm_cibs_per_cab = to_le32(APFS_CIBS_PER_CAB);
	fill_devices(sm, l, s);
	sm->sm_flags = to_le32(APFS_SM_VERSIONED);
	sm->sm_ip_bm_tx_multiplier = to_le32(l->ip_bm_blocks);
	sm->sm_ip_block_count = to_le64(l->ip_blocks);
	sm->sm_ip_bm_size_in_blocks = to_le32(1);
	sm->sm_ip_bm_block_count = to_le32(l->ip_bm_blocks);
	sm->sm_ip_bm_base = to_le64(l->ip_bm_base);
	sm->sm_ip_base = to_le64(l->ip_base);
	fill_queue(&sm->sm_fq[APFS_SFQ_IP], s, APFS_OID_IP_QUEUE, s->ip_free.count,
		   ip_node_limit(l));
	fill_queue(&sm->sm_fq[APFS_SFQ_MAIN], s, APFS_OID_MAIN_QUEUE, s->main_free.count,
		   main_node_limit(l));
	sm->sm_ip_bm_xid_offset = to_le32(XID_OFFSET);
	sm->sm_ip_bitmap_offset = to_le32(INDEX_OFFSET);
	sm->sm_ip_bm_free_next_offset = to_le32(NEXT_OFFSET);
	sm->sm_version = to_le32(APFS_SPACEMAN_VERSION);
	sm->sm_struct_size = to_le32(sizeof(*sm));
	fill_ring(block, l, s);
	for (uint32_t i = 0; i < l->n_cibs; i++)
		put_le64(block + ADDR_OFFSET(l) + 8 * i, cibs + i);
	apfs_obj_seal(block, APFS_OID_SPACEMAN, s->xid,
		      APFS_OBJ_EPHEMERAL | APFS_OT_SPACEMAN, 0);
}

int apfs_space_write(struct apfs_writer *w, const struct apfs_space *s, uint8_t *block,
		     struct err *e)
{
	uint8_t tmp[APFS_BLOCK_SIZE];
	int rc = write_bitmaps(w, s, tmp, e);

	for (uint32_t i = 0; i < w->layout.n_cibs && rc == 0; i++)
		rc = write_cib(w, s, i, tmp, e);
	if (rc == 0)
		rc = write_pool_bitmap(w, s, tmp, e);
	if (rc == 0)
		fill_spaceman(block, &w->layout, s);
	return rc;
}
