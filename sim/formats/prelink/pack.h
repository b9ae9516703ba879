/* SPDX-License-Identifier: MIT */
/*
 * The file around a prelinked kernel: a fat header with one slice at offset 28, in it
 * the "comp" header and the compressed Mach-O (kext_tools kernelcache.c).
 */
#ifndef SIM_FORMATS_PRELINK_PACK_H
#define SIM_FORMATS_PRELINK_PACK_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/bytes.h"

#define PRELINK_SLICE_OFFSET 28
#define PRELINK_COMP_SIZE    0x180
#define PRELINK_MAX	     (512u << 20) /* uncompressed */

enum prelink_compression {
	PRELINK_PLAIN, /* no comp header */
	PRELINK_LZSS,
	PRELINK_LZVN,
};

struct prelink_comp_raw {
	uint8_t signature[4]; /* "comp" */
	uint8_t type[4];      /* "lzss", "lzvn" */
	be32 adler32;	      /* of the uncompressed bytes */
	be32 uncompressed_size, compressed_size;
	be32 prelink_version; /* 1: keeps relocations, so that the booter may slide it */
	be32 reserved[10];
	uint8_t platform_name[64];
	uint8_t root_path[256];
};

/* Append the finished file for @macho to @out. @kaslr goes into prelink_version. */
int prelink_pack(const void *macho, size_t len, enum prelink_compression how, bool kaslr,
		 struct buf *out, struct err *e) MUST_CHECK;

/*
 * Append the Mach-O inside @file to @macho: through a fat header or without, compressed
 * or not; *ret_how (may be NULL) says which. E_CORRUPT, E_UNSUPPORTED, E_OVERFLOW;
 * messages of kernelcache.c: "Compressed prelinked kernel has invalid signature: 0x%x.",
 * "... has invalid compressType: 0x%x.", "... uncompressed to an unexpected size: %u.",
 * "Checksum error for compressed prelinked kernel.", behind the offset of the comp header.
 */
int prelink_unpack(const void *file, size_t len, struct buf *macho,
		   enum prelink_compression *ret_how, struct err *e) MUST_CHECK;

/*
 * kextcache's weak test before it replaces a file: empty, or with a comp header, or a
 * Mach-O with __PRELINK_INFO,__info. True for a 0-byte file.
 */
bool prelink_replaceable(const void *file, size_t len);

#endif
