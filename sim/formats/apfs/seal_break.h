/* SPDX-License-Identifier: MIT */
/*
 * Damage to a sealed volume, in place: what a bad disk does, or somebody who writes past
 * the file system. One bit is changed.
 */
#ifndef SIM_FORMATS_APFS_SEAL_BREAK_H
#define SIM_FORMATS_APFS_SEAL_BREAK_H

#include "sim/formats/apfs/seal.h"

enum apfs_seal_damage {
	APFS_SEAL_DAMAGE_DATA,	    /* the byte .offset of the file .path */
	APFS_SEAL_DAMAGE_SLACK,	    /* a byte of its last block that is behind its end */
	APFS_SEAL_DAMAGE_NODE,	    /* the leaf with its inode; no path: the root node */
	APFS_SEAL_DAMAGE_ROOT_HASH, /* the stored one; the block's checksum is corrected
				     */
};

struct apfs_seal_break {
	enum apfs_seal_damage damage;
	const char *path; /* links are not followed */
	uint64_t offset;  /* bytes */
};

/* What was changed. */
struct apfs_seal_broken {
	uint64_t block; /* of the container */
	uint32_t at;	/* byte in the block */
	uint8_t before, after;
	char what[160]; /* "the time of last change of inode 0x17, in a leaf" */
};

/*
 * Change one bit of the state that @v has open; its container's disk was opened for
 * writing. What the state shares with others changes for them as well. What is already
 * read stays in the cache of @v's container: close it. E_INVAL: a path is missing, or
 * there is no such byte; E_UNSUPPORTED: a hole, a compressed file; errors of apfs_lookup,
 * vdisk_write.
 */
int apfs_seal_break(struct apfs_volume *v, const struct apfs_seal_break *how,
		    struct apfs_seal_broken *ret, struct err *e) MUST_CHECK;

/* Change the lowest bit of the byte at @off of @v's container. */
int apfs_seal_flip(struct apfs_volume *v, uint64_t off, struct apfs_seal_broken *ret,
		   struct err *e) MUST_CHECK;

#endif
