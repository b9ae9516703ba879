/* SPDX-License-Identifier: MIT */
/*
 * Write an APFS container with its volumes, bottom-up, without mounting anything.
 *
 * The same spec and trees give the same bytes. What is zero is left as a hole.
 */
#ifndef SIM_FORMATS_APFS_WRITER_H
#define SIM_FORMATS_APFS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/raw.h"
#include "sim/formats/fstree/fstree.h"

#define APFS_MIN_CONTAINER (128ull << 20) /* apfsck of Debian 12 refuses smaller ones */
#define APFS_MAX_CONTAINER (1ull << 40)
/* A container of N times this size, or part of it, holds N volumes. */
#define APFS_BYTES_PER_VOLUME (512ull << 20)

#define APFS_SNAPSHOT_NAME_MAX 256 /* bytes with the NUL */
#define APFS_ROOT_HASH_SIZE    32  /* SHA-256 */

/*
 * As the name of a snapshot, this very pointer: "com.apple.os.update-", which is what it
 * points to, and the root hash in 64 upper-case digits.
 */
extern const char APFS_SNAPSHOT_OF_ROOT_HASH[];

struct apfs_volume_spec {
	const char *name;      /* UTF-8, 1..255 bytes */
	uint16_t role;         /* enum apfs_role */
	uint8_t uuid[16];
	bool in_group;         /* member of the container's volume group */
	bool case_sensitive;
	struct fs_tree *tree;  /* its nodes' tags are overwritten */
	bool sealed;           /* of the role System, or none */
	const char *snapshot;  /* name of a snapshot of what is written; NULL: none */
	bool root_from_snapshot; /* apfs_root_to_xid names the snapshot */
};

/* What came out of writing a sealed volume. */
struct apfs_sealed {
	uint8_t root_hash[APFS_ROOT_HASH_SIZE];
	uint64_t snapshot_xid;                 /* 0: no snapshot */
	char snapshot[APFS_SNAPSHOT_NAME_MAX]; /* its name, or "" */
};

struct apfs_container_spec {
	uint64_t size;         /* bytes, a multiple of 4096 */
	uint8_t uuid[16];
	uint8_t group_uuid[16];
	int64_t time_ns;       /* of formatting; files have their own times */
	const struct apfs_volume_spec *volumes; /* volume i of the container is [i] */
	size_t n_volumes;
	/*
	 * Sealed volumes are written first, whatever their index. This (may be NULL) is
	 * called after each; it may still change the trees of volumes that are not
	 * sealed. A failure ends the writing and is returned.
	 */
	int (*sealed)(void *ctx, size_t index, const struct apfs_sealed *s,
		      struct err *e);
	void *ctx;
};

/*
 * Write the container to @fd at byte @offset. The range is made a hole first; a shorter
 * file is extended. Block 0 is written last, so that a container that was not finished
 * has no superblock. Nothing is synced.
 *
 * E_INVAL: the spec, a name, a symlink target or an xattr cannot be stored; E_EXISTS: two
 * names of a folder mean the same; E_NOSPC: the container or the host's disk is full;
 * E_OVERFLOW: more volumes than the size allows; E_UNSUPPORTED: size out of range; E_IO,
 * E_NOTFOUND, E_PERM, E_CORRUPT (it changed): a host file of a tree.
 */
int apfs_write(int fd, uint64_t offset, const struct apfs_container_spec *spec,
	       struct err *e) MUST_CHECK;

#endif
