/* SPDX-License-Identifier: MIT */
/*
 * Fields of arm64 instructions that relocations fill in (Arm ARM, C4.1). @at points to
 * the 4 bytes of the instruction. The setters return false, and change nothing, when the
 * instruction has no such field or the value does not fit.
 */
#ifndef SIM_FORMATS_MACHO_ARM64_H
#define SIM_FORMATS_MACHO_ARM64_H

#include <stdbool.h>
#include <stdint.h>

/* b, bl: @disp is target minus address of the instruction. */
bool arm64_set_branch26(uint8_t *at, int64_t disp);
int64_t arm64_branch26(const uint8_t *at);

/* adrp: the distance in pages of 4 KiB, @disp a multiple of that. */
bool arm64_set_page21(uint8_t *at, int64_t disp);
int64_t arm64_page21(const uint8_t *at);
/* The @disp for adrp at @from to reach the page of @to. */
static inline int64_t arm64_page_distance(uint64_t from, uint64_t to)
{
	return (int64_t)((to & ~0xfffull) - (from & ~0xfffull));
}

/* add, or a load or store with unsigned offset: the low 12 bits of @addr. */
bool arm64_set_pageoff12(uint8_t *at, uint64_t addr);

/* "ldr x, [x, #n]" becomes "add x, x, #n": the address instead of what is there. */
bool arm64_relax_got_load(uint8_t *at);

#endif
