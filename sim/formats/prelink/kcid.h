/* SPDX-License-Identifier: MIT */
/* What writer and reader of a prelinked kernel both compute. */
#ifndef SIM_FORMATS_PRELINK_KCID_H
#define SIM_FORMATS_PRELINK_KCID_H

#include "sim/formats/macho/macho.h"
#include "sim/formats/prelink/build.h"

/* What one kext adds to the identifier of the kernel cache. */
struct kcid_item {
	bool has_addr, has_uuid;
	uint64_t addr; /* load address */
	uint8_t uuid[16];
};

/*
 * _PrelinkKCID: the first 16 bytes of SHA-256 over the kernel's LC_UUID and, for each
 * kext in order, its load address (8 bytes) if it has code and its LC_UUID if any.
 */
int prelink_kcid(const struct macho *kernel, const struct kcid_item *item, size_t n,
		 uint8_t kcid[PRELINK_KCID_LEN], struct err *e) MUST_CHECK;

/*
 * Where kexts begin: the end of the kernel's __TEXT minus 2 GiB, so that they reach
 * the kernel and each other with 32-bit displacements. E_CORRUPT: "Kext base load
 * address underflow."
 */
int prelink_load_base(const struct macho *kernel, uint64_t *ret,
		      struct err *e) MUST_CHECK;

#endif
