/* SPDX-License-Identifier: MIT */
/* The space manager's part of a new checkpoint. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/edit_space.h"

/* ---- Chunks ---- */

/* The state after into @map, a zeroed block. True when it differs from the one before. */
static bool next_map(const struct edit_bits *b, uint8_t *map)
{
	uint32_t bytes = (b->n + 7) / 8;

	for (uint32_t i = 0; i < bytes; i++)
		map[i] = edit_bits_next_byte(b, i);
	return memcmp(map, b->used, bytes) != 0;
}

/* Move the bitmap of chunk @i to a new block if it changed; a chunk all free has none. */
static int write_chunk(struct edit_space *s, uint32_t i, uint64_t xid,
		       const struct edit_writer *w, bool *ret_changed, struct err *e)
{
	struct edit_chunk *k = &s->chunk[i];
	uint8_t map[APFS_BLOCK_SIZE] = {0};
	int rc = 0;

	if (!k->bits.used || !next_map(&k->bits, map))
		return 0;
	*ret_changed = true;
	k->xid = xid;
	k->free = k->blocks - edit_bits_count(map, k->blocks);
	if (k->bitmap)
		rc = edit_pool_free(s, k->bitmap, e);
	k->bitmap = 0;
	if (rc != 0 || k->free == k->blocks)
		return rc;
	rc = edit_pool_alloc(s, &k->bitmap, e);
	return rc != 0 ? rc : w->write(w->ctx, k->bitmap, map, e);
}

/* A chunk-info block is as young as the youngest of its chunks. */
static int write_cib(struct edit_space *s, uint32_t i, uint64_t xid,
		     const struct edit_writer *w, struct err *e)
{
	struct edit_cib *cib = &s->cib[i];
	uint8_t block[APFS_BLOCK_SIZE] = {0};
	struct apfs_cib *raw = (struct apfs_cib *)block;
	int rc = edit_pool_free(s, cib->block, e);

	if (rc == 0)
		rc = edit_pool_alloc(s, &cib->block, e);
	if (rc != 0)
		return rc;
	raw->cib_index = to_le32(i);
	raw->cib_chunk_info_count = to_le32(cib->n);
	for (uint32_t n = 0; n < cib->n; n++) {
		const struct edit_chunk *k = &s->chunk[cib->first + n];
		uint64_t first = (uint64_t)(cib->first + n) * APFS_BLOCKS_PER_CHUNK;

		raw->cib_chunk_info[n] = (struct apfs_chunk_info){
			.ci_xid = to_le64(k->xid),
			.ci_addr = to_le64(first),
			.ci_block_count = to_le32(k->blocks),
			.ci_free_count = to_le32(k->free),
			.ci_bitmap_addr = to_le64(k->bitmap),
		};
	}
	apfs_obj_seal(block, cib->block, xid, APFS_OBJ_PHYSICAL | APFS_OT_CIB, 0);
	return w->write(w->ctx, cib->block, block, e);
}

static int write_chunks(struct edit_space *s, uint64_t xid, const struct edit_writer *w,
			struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < s->n_cibs && rc == 0; i++) {
		bool changed = false;

		for (uint32_t n = 0; n < s->cib[i].n && rc == 0; n++)
			rc = write_chunk(s, s->cib[i].first + n, xid, w, &changed, e);
		if (rc == 0 && changed)
			rc = write_cib(s, i, xid, w, e);
	}
	return rc;
}

/* ---- The ring of pool bitmaps ---- */

/*
 * The free places of the ring are a list, from the head by way of "next" to the tail. A
 * new bitmap takes the head's place; the one it replaces becomes the tail.
 */
struct ring {
	uint8_t *next; /* le16 for each place */
	uint16_t head, tail;
	uint32_t n;
};

static int ring_advance(struct ring *r, uint16_t old, uint16_t *ret_place, struct err *e)
{
	uint16_t place = r->head, head = place < r->n ? get_le16(r->next + 2 * place) : 0;

	if (place >= r->n || head >= r->n || r->tail >= r->n || old >= r->n ||
	    place == r->tail || place == old)
		return err_set(
			e, E_CORRUPT,
			"space manager: the ring of pool bitmaps is broken at place %u",
			place);
	r->head = head;
	put_le16(r->next + 2 * place, APFS_IP_BM_INDEX_INVALID);
	put_le16(r->next + 2 * r->tail, old);
	put_le16(r->next + 2 * old, APFS_IP_BM_INDEX_INVALID);
	r->tail = old;
	*ret_place = place;
	return 0;
}

static int write_pool_map(struct edit_space *s, uint32_t i, struct ring *r, uint64_t xid,
			  const struct edit_writer *w, struct err *e)
{
	struct apfs_spaceman *sm = edit_space_raw(s);
	uint8_t *place_at = s->object + le32_get(sm->sm_ip_bitmap_offset) + 2 * (size_t)i;
	uint32_t done = i * APFS_BLOCKS_PER_CHUNK / 8, all = (s->pool.n + 7) / 8;
	uint32_t bytes = all - done < APFS_BLOCK_SIZE ? all - done : APFS_BLOCK_SIZE;
	uint8_t map[APFS_BLOCK_SIZE] = {0};
	uint16_t place = 0;

	for (uint32_t k = 0; k < bytes; k++)
		map[k] = edit_bits_next_byte(&s->pool, done + k);
	if (memcmp(map, s->pool.used + done, bytes) == 0)
		return 0;
	int rc = ring_advance(r, get_le16(place_at), &place, e);

	if (rc != 0)
		return rc;
	put_le16(place_at, place);
	put_le64(s->object + le32_get(sm->sm_ip_bm_xid_offset) + 8 * (size_t)i, xid);
	return w->write(w->ctx, le64_get(sm->sm_ip_bm_base) + place, map, e);
}

static int write_pool(struct edit_space *s, uint64_t xid, const struct edit_writer *w,
		      struct err *e)
{
	struct apfs_spaceman *sm = edit_space_raw(s);
	struct ring r = {
		.next = s->object + le32_get(sm->sm_ip_bm_free_next_offset),
		.head = le16_get(sm->sm_ip_bm_free_head),
		.tail = le16_get(sm->sm_ip_bm_free_tail),
		.n = le32_get(sm->sm_ip_bm_block_count),
	};
	int rc = 0;

	for (uint32_t i = 0; i < le32_get(sm->sm_ip_bm_size_in_blocks) && rc == 0; i++)
		rc = write_pool_map(s, i, &r, xid, w, e);
	sm->sm_ip_bm_free_head = to_le16(r.head);
	sm->sm_ip_bm_free_tail = to_le16(r.tail);
	return rc;
}

/* ---- The object ---- */

static void update_object(struct edit_space *s)
{
	struct apfs_spaceman *sm = edit_space_raw(s);
	struct apfs_spaceman_device *d = &sm->sm_dev[APFS_SD_MAIN];
	uint8_t *addr = s->object + le32_get(d->sm_addr_offset);
	uint64_t free_blocks = 0;

	for (uint32_t i = 0; i < s->n_chunks; i++)
		free_blocks += s->chunk[i].free;
	for (uint32_t i = 0; i < s->n_cibs; i++)
		put_le64(addr + 8 * (size_t)i, s->cib[i].block);
	d->sm_free_count = to_le64(free_blocks);
	sm->sm_fs_reserve_alloc_count = to_le64(le64_get(sm->sm_fs_reserve_alloc_count) +
						(uint64_t)s->reserve_delta);
}

int edit_space_write(struct edit_space *s, uint64_t xid, const struct edit_writer *w,
		     struct err *e)
{
	int rc = write_chunks(s, xid, w, e);

	if (rc == 0)
		rc = write_pool(s, xid, w, e);
	if (rc == 0)
		update_object(s);
	return rc;
}

/* ---- The queues of the new checkpoint ---- */

static int queue_of(const struct edit_bits *b, uint64_t base,
		    int (*run)(void *ctx, const struct apfs_range *run, struct err *e),
		    void *ctx, struct err *e)
{
	uint32_t at = 0, n;
	int rc = 0;

	while (rc == 0 && edit_bits_queued(b, at, &at, &n)) {
		rc = run(ctx, &(struct apfs_range){.block = base + at, .count = n}, e);
		at += n;
	}
	return rc;
}

int edit_space_queue(struct edit_space *s, unsigned queue,
		     int (*run)(void *ctx, const struct apfs_range *run, struct err *e),
		     void *ctx, struct err *e)
{
	int rc = 0;

	if (queue == APFS_SFQ_IP)
		return queue_of(&s->pool, s->pool_base, run, ctx, e);
	for (uint32_t i = 0; i < s->n_chunks && rc == 0; i++)
		if (s->chunk[i].bits.used)
			rc = queue_of(&s->chunk[i].bits,
				      (uint64_t)i * APFS_BLOCKS_PER_CHUNK, run, ctx, e);
	return rc;
}
