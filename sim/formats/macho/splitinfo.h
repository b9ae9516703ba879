/* SPDX-License-Identifier: MIT */
/*
 * LC_SEGMENT_SPLIT_INFO, version 2: which places of a file refer to other sections of it
 * without a relocation, so that the sections can be moved against each other (dyld's
 * AdjustDylibSegments.cpp reads it, ld64 writes it).
 *
 * On disk everything is ULEB128: the byte 0x7f, the number of pairs of sections; of
 * each pair the two numbers and the number of targets; of each target the distance from
 * the one before and the number of kinds; of each kind its number, the number of places
 * and each place's distance from the one before. Section 0 is the header, 1 the first.
 */
#ifndef SIM_FORMATS_MACHO_SPLITINFO_H
#define SIM_FORMATS_MACHO_SPLITINFO_H

#include "sim/base/buf.h"

#define SPLIT_FORMAT_V2 0x7f
#define SPLIT_REFS_MAX	(16u << 20) /* places in one file */

enum split_kind {
	SPLIT_POINTER_64 = 2,
	SPLIT_DELTA_32 = 3,
	SPLIT_DELTA_64 = 4,
	SPLIT_ARM64_ADRP = 5,
	SPLIT_ARM64_OFF12 = 6,
	SPLIT_ARM64_BR26 = 7,
};

struct split_ref {
	uint32_t from, to;		 /* sections */
	uint64_t from_offset, to_offset; /* in them */
	uint32_t kind;			 /* enum split_kind; other values from files */
};

/* Zero-initialise. */
struct split_refs {
	struct split_ref *r; /* owned */
	size_t n, cap;
};

void split_refs_release(struct split_refs *s);
int split_refs_add(struct split_refs *s, const struct split_ref *r,
		   struct err *e) MUST_CHECK;

/* Append the table to @out, ended by a zero and padded to 8 bytes. Sorts @s. */
int split_info_write(struct split_refs *s, struct buf *out, struct err *e) MUST_CHECK;

/*
 * Read the table of @len bytes. @s has to be empty. E_UNSUPPORTED for another version,
 * E_CORRUPT when it ends early or a number is too large, E_OVERFLOW for too many places.
 */
int split_info_read(const uint8_t *data, size_t len, struct split_refs *s,
		    struct err *e) MUST_CHECK;

#endif
