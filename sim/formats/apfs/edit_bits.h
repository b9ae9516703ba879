/* SPDX-License-Identifier: MIT */
/*
 * Which blocks of a part of the container are in use, before a transaction and after it.
 *
 * A block that the state before needs, or that waits in a free queue of it, is never
 * handed out. So neither is one that the transaction itself gave back: what was read of
 * it may still be in a cache.
 */
#ifndef SIM_FORMATS_APFS_EDIT_BITS_H
#define SIM_FORMATS_APFS_EDIT_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/err.h"

struct edit_bits {
	uint32_t n;
	uint8_t *used;	   /* owns the memory of all; before: in use or in a free queue */
	uint8_t *taken;	   /* by this transaction */
	uint8_t *freed;	   /* by this transaction: of used ones and of taken ones */
	uint8_t *released; /* used ones that only waited in a free queue */
};

static inline bool edit_bit(const uint8_t *map, uint32_t i)
{
	return map[i / 8] >> i % 8 & 1;
}

static inline void edit_bit_set(uint8_t *map, uint32_t i)
{
	map[i / 8] |= (uint8_t)(1u << i % 8);
}

static inline void edit_bit_clear(uint8_t *map, uint32_t i)
{
	map[i / 8] &= (uint8_t) ~(1u << i % 8);
}

/* @n bits, all free. */
int edit_bits_init(struct edit_bits *b, uint32_t n, struct err *e) MUST_CHECK;
void edit_bits_release(struct edit_bits *b);

/*
 * The first free run at or behind @from of at least @least bits, and at most @most of
 * them. False when there is none.
 */
bool edit_bits_find(const struct edit_bits *b, uint32_t from, uint32_t least,
		    uint32_t most, uint32_t *ret_at, uint32_t *ret_n);

/* Is the block in use as far as this transaction is? Such a one may be freed. */
bool edit_bits_live(const struct edit_bits *b, uint32_t i);

/* In the state after: in use, or in its free queue. */
static inline uint8_t edit_bits_next_byte(const struct edit_bits *b, uint32_t i)
{
	return (uint8_t)((b->used[i] & ~b->released[i]) | (b->taken[i] & ~b->freed[i]));
}

/*
 * The next run of blocks at or behind @from that were freed and were used before: they go
 * into the free queue of the state after. False when there is none.
 */
bool edit_bits_queued(const struct edit_bits *b, uint32_t from, uint32_t *ret_at,
		      uint32_t *ret_n);

/* Bits set in the first @n of @map. */
uint32_t edit_bits_count(const uint8_t *map, uint32_t n);

#endif
