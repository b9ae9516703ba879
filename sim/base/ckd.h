/* SPDX-License-Identifier: MIT */
/*
 * Checked arithmetic for sizes and offsets that come from untrusted bytes.
 * Each returns true when the exact result does not fit into *r (and *r is then
 * not to be used), like stdckdint.h of C23, which our compiler does not have yet.
 */
#ifndef SIM_BASE_CKD_H
#define SIM_BASE_CKD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ckd_add(r, a, b) __builtin_add_overflow((a), (b), (r))
#define ckd_sub(r, a, b) __builtin_sub_overflow((a), (b), (r))
#define ckd_mul(r, a, b) __builtin_mul_overflow((a), (b), (r))

/* Does [off, off + len) lie inside [0, size)? Never overflows. */
static inline bool range_inside(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

/* Round @v up to a multiple of @align, a power of two. True on overflow. */
static inline bool ckd_round_up(uint64_t *r, uint64_t v, uint64_t align)
{
	if (ckd_add(r, v, align - 1))
		return true;
	*r &= ~(align - 1);
	return false;
}

#endif
