/* SPDX-License-Identifier: MIT */
/*
 * Code signatures on disk: magic numbers, slots, flags, layout. All numbers are
 * big-endian. (Security's libsecurity_codesigning: CSCommonPriv.h, codedirectory.h,
 * superblob.h; xnu osfmk/kern/cs_blobs.h)
 */
#ifndef SIM_FORMATS_CODESIGN_RAW_H
#define SIM_FORMATS_CODESIGN_RAW_H

#include <assert.h>

#include "sim/base/bytes.h"

/* What a blob is; it begins with this and its length, both counted in the length. */
#define CS_MAGIC_REQUIREMENT	  0xfade0c00u
#define CS_MAGIC_REQUIREMENTS	  0xfade0c01u /* super blob of those, by cs_req_type */
#define CS_MAGIC_CODEDIRECTORY	  0xfade0c02u
#define CS_MAGIC_EMBEDDED	  0xfade0cc0u /* super blob, by cs_slot */
#define CS_MAGIC_ENTITLEMENTS	  0xfade7171u /* an XML property list */
#define CS_MAGIC_ENTITLEMENTS_DER 0xfade7172u
#define CS_MAGIC_WRAPPER	  0xfade0b01u /* CMS, or other bytes without a magic */

/* Parts of a signature. The first seven have a hash in the code directory, before those
 * of the pages; these and the rest are types in the embedded super blob. */
enum cs_slot {
	CS_SLOT_CODEDIRECTORY = 0,
	CS_SLOT_INFO = 1,
	CS_SLOT_REQUIREMENTS = 2,
	CS_SLOT_RESOURCES = 3,
	CS_SLOT_TOP_DIRECTORY = 4,
	CS_SLOT_ENTITLEMENTS = 5,
	CS_SLOT_REP_SPECIFIC = 6,
	CS_SLOT_ENTITLEMENTS_DER = 7,
	CS_SLOT_MAX = 7,
	CS_SLOT_ALTERNATE = 0x1000, /* code directories with other hashes, up to five */
	CS_SLOT_ALTERNATE_END = 0x1005,
	CS_SLOT_SIGNATURE = 0x10000,
};

/* Types in a set of internal requirements. */
enum cs_req_type {
	CS_REQ_HOST = 1,
	CS_REQ_GUEST = 2,
	CS_REQ_DESIGNATED = 3,
	CS_REQ_LIBRARY = 4,
	CS_REQ_PLUGIN = 5,
};

/* Versions of code directories, by what each brought. */
#define CS_CD_EARLIEST	   0x20001u
#define CS_CD_SCATTER	   0x20100u
#define CS_CD_TEAM	   0x20200u
#define CS_CD_LIMIT64	   0x20300u
#define CS_CD_EXEC_SEGMENT 0x20400u
#define CS_CD_RUNTIME	   0x20500u
#define CS_CD_CURRENT	   0x20500u
#define CS_CD_NEWEST	   0x2f000u /* beyond: not readable */

/* Flags of a code directory that mean something for code on disk. */
#define CS_FLAG_HOST	      0x0001u
#define CS_FLAG_ADHOC	      0x0002u
#define CS_FLAG_FORCE_HARD    0x0100u
#define CS_FLAG_FORCE_KILL    0x0200u
#define CS_FLAG_FORCE_EXPIRED 0x0400u /* an expired certificate is a failure */
#define CS_FLAG_RESTRICT      0x0800u
#define CS_FLAG_ENFORCEMENT   0x1000u
#define CS_FLAG_LIBRARY	      0x2000u
#define CS_FLAG_RUNTIME	      0x10000u

#define CS_PAGE_SHIFT	12  /* pages of a Mach-O file */
#define CS_PAGE_MAX	16u /* log2 of the largest page that is read */
#define CS_CDHASH_LEN	20  /* the hash of a code directory, cut to this, is a cdhash */
#define CS_HASH_MAX	48

struct cs_blob_raw {
	be32 magic, length;
};

struct cs_super_raw {
	be32 magic, length, count;
};
struct cs_index_raw {
	be32 type, offset; /* offset: from the start of the super blob; 0: nothing */
};

struct cs_codedir_raw {
	be32 magic, length, version, flags;
	be32 hash_offset, ident_offset; /* from the start; hash_offset: of page 0 */
	be32 n_special, n_code, code_limit;
	uint8_t hash_size, hash_type, platform, page_shift;
	be32 spare2;
	be32 scatter_offset;		  /* CS_CD_SCATTER */
	be32 team_offset;		  /* CS_CD_TEAM */
	be32 spare3;			  /* CS_CD_LIMIT64 */
	be64 code_limit64;		  /* CS_CD_LIMIT64 */
	be64 exec_base, exec_limit, exec_flags; /* CS_CD_EXEC_SEGMENT */
	be32 runtime, pre_encrypt_offset; /* CS_CD_RUNTIME */
};

struct cs_scatter_raw {
	be32 count, base;
	be64 target, spare;
};

/* A requirement: the header, then an expression in prefix form. */
struct cs_req_raw {
	be32 magic, length, kind;
};
#define CS_REQ_EXPRESSION 1u

static_assert(sizeof(struct cs_blob_raw) == 8, "BlobCore");
static_assert(sizeof(struct cs_super_raw) == 12, "SuperBlob");
static_assert(sizeof(struct cs_index_raw) == 8, "SuperBlob index");
static_assert(sizeof(struct cs_codedir_raw) == 96, "CodeDirectory");
static_assert(sizeof(struct cs_scatter_raw) == 24, "Scatter");
static_assert(sizeof(struct cs_req_raw) == 12, "Requirement");

#endif
