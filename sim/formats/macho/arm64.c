/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/arm64.h"

#include "sim/base/bytes.h"

#define IMM12_SHIFT 10
#define IMM12_MASK  (0xfffu << IMM12_SHIFT)
#define LDR_X	    0xf9400000u /* ldr xt, [xn, #imm] */
#define ADD_X	    0x91000000u /* add xd, xn, #imm */

static bool is_branch(uint32_t insn)
{
	return (insn & 0x7c000000) == 0x14000000;
}

static bool is_adrp(uint32_t insn)
{
	return (insn & 0x9f000000) == 0x90000000;
}

static int64_t sign_extend(uint32_t v, unsigned bits)
{
	return (int64_t)((uint64_t)v << (64 - bits)) >> (64 - bits);
}

bool arm64_set_branch26(uint8_t *at, int64_t disp)
{
	uint32_t insn = get_le32(at);

	if (!is_branch(insn) || disp % 4 || disp < -(1 << 27) || disp >= 1 << 27)
		return false;
	put_le32(at, (insn & 0xfc000000) | ((uint32_t)(disp >> 2) & 0x03ffffff));
	return true;
}

int64_t arm64_branch26(const uint8_t *at)
{
	return sign_extend(get_le32(at) & 0x03ffffff, 26) * 4;
}

/* immlo is bits 29 and 30, immhi bits 5 to 23. */
bool arm64_set_page21(uint8_t *at, int64_t disp)
{
	uint32_t insn = get_le32(at), pages;

	if (!is_adrp(insn) || disp % 4096 || disp < -(1ll << 32) || disp >= 1ll << 32)
		return false;
	pages = (uint32_t)(disp >> 12) & 0x1fffff;
	put_le32(at, (insn & 0x9f00001f) | (pages & 3) << 29 | pages >> 2 << 5);
	return true;
}

int64_t arm64_page21(const uint8_t *at)
{
	uint32_t insn = get_le32(at);

	return sign_extend((insn >> 5 & 0x7ffff) << 2 | (insn >> 29 & 3), 21) * 4096;
}

/* log2 of the unit in which the instruction counts its offset; -1 if it has none. */
static int offset_scale(uint32_t insn)
{
	if ((insn & 0x7fc00000) == 0x11000000) /* add, shift 0 */
		return 0;
	if ((insn & 0x3b000000) != 0x39000000) /* load or store, unsigned offset */
		return -1;
	if ((insn & 0xc4800000) == 0x04800000) /* 128-bit vector */
		return 4;
	return (int)(insn >> 30);
}

bool arm64_set_pageoff12(uint8_t *at, uint64_t addr)
{
	uint32_t insn = get_le32(at), off = addr & 0xfff;
	int scale = offset_scale(insn);

	if (scale < 0 || off & ((1u << scale) - 1))
		return false;
	put_le32(at, (insn & ~IMM12_MASK) | off >> scale << IMM12_SHIFT);
	return true;
}

bool arm64_relax_got_load(uint8_t *at)
{
	uint32_t insn = get_le32(at);

	if ((insn & 0xffc00000) != LDR_X)
		return false;
	put_le32(at, ADD_X | (insn & 0x3ff)); /* registers; the offset comes later */
	return true;
}
