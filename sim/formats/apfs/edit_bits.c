/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/edit_bits.h"

#include <stdlib.h>

int edit_bits_init(struct edit_bits *b, uint32_t n, struct err *e)
{
	size_t bytes = ((size_t)n + 7) / 8;
	uint8_t *mem = calloc(4, bytes ? bytes : 1);

	if (!mem)
		return err_set(e, E_NOMEM, "out of memory for a bitmap");
	*b = (struct edit_bits){
		.n = n,
		.used = mem,
		.taken = mem + bytes,
		.freed = mem + 2 * bytes,
		.released = mem + 3 * bytes,
	};
	return 0;
}

void edit_bits_release(struct edit_bits *b)
{
	free(b->used);
	*b = (struct edit_bits){.n = 0};
}

static bool is_free(const struct edit_bits *b, uint32_t i)
{
	return !edit_bit(b->used, i) && !edit_bit(b->taken, i);
}

bool edit_bits_find(const struct edit_bits *b, uint32_t from, uint32_t least,
		    uint32_t most, uint32_t *ret_at, uint32_t *ret_n)
{
	uint32_t at = from, n;

	while (at < b->n) {
		/* Full bytes are stepped over. */
		if (at % 8 == 0 && b->n - at >= 8 &&
		    (b->used[at / 8] | b->taken[at / 8]) == 0xff) {
			at += 8;
			continue;
		}
		for (n = 0; n < most && n < b->n - at && is_free(b, at + n); n++)
			;
		if (n >= least) {
			*ret_at = at;
			*ret_n = n;
			return true;
		}
		at += n + 1;
	}
	return false;
}

bool edit_bits_live(const struct edit_bits *b, uint32_t i)
{
	if (edit_bit(b->freed, i))
		return false;
	return edit_bit(b->taken, i) ||
	       (edit_bit(b->used, i) && !edit_bit(b->released, i));
}

static bool is_queued(const struct edit_bits *b, uint32_t i)
{
	return edit_bit(b->freed, i) && edit_bit(b->used, i);
}

bool edit_bits_queued(const struct edit_bits *b, uint32_t from, uint32_t *ret_at,
		      uint32_t *ret_n)
{
	uint32_t n = 0;

	while (from < b->n && !is_queued(b, from))
		from += from % 8 == 0 && !b->freed[from / 8] ? 8 : 1;
	while (from < b->n && n < b->n - from && is_queued(b, from + n))
		n++;
	*ret_at = from;
	*ret_n = n;
	return n > 0;
}

uint32_t edit_bits_count(const uint8_t *map, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n / 8; i++)
		count += (uint32_t)__builtin_popcount(map[i]);
	for (uint32_t i = n & ~7u; i < n; i++)
		count += edit_bit(map, i);
	return count;
}
