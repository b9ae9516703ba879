/* SPDX-License-Identifier: MIT */
/* What the APFS reader and writer share: checksums and the rules for names. */
#ifndef SIM_FORMATS_APFS_COMMON_H
#define SIM_FORMATS_APFS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/raw.h"

/*
 * Checksum of an object (APFS Reference p. 10): Fletcher-64 over all its bytes but the
 * first 8. @size: bytes of the whole object, a multiple of 4, at least 8.
 */
uint64_t apfs_checksum(const void *obj, size_t size);
bool apfs_checksum_ok(const void *obj, size_t size);

/* Fill in the header of an object of one block; the checksum is the last thing set. */
void apfs_obj_seal(void *block, uint64_t oid, uint64_t xid, uint32_t type,
		   uint32_t subtype);

/* CRC-32C, reflected, no final complement. Start with @crc 0xffffffff. */
uint32_t apfs_crc32c(uint32_t crc, const void *data, size_t len);

#define APFS_NAME_MAX 255 /* bytes of a file name, as the drivers take them */

/*
 * Is @name a name that a directory can hold? 1..APFS_NAME_MAX bytes of UTF-8 without
 * '/' and unassigned code points, not "." or "..". E_INVAL, with the reason.
 */
int apfs_name_check(const char *name, struct err *e) MUST_CHECK;

/*
 * The 22 bits by which a directory is sorted (p. 78): CRC-32C of the name in UTF-32LE,
 * decomposed (NFD) and, if @fold, case-folded. E_INVAL: not UTF-8.
 */
int apfs_name_hash(const char *name, bool fold, uint32_t *ret_hash, struct err *e)
	MUST_CHECK;

/* Do two valid UTF-8 names mean the same file on a volume? @fold: it ignores case. */
bool apfs_name_same(const char *a, const char *b, bool fold);

#endif
