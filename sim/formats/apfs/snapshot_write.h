/* SPDX-License-Identifier: MIT */
/*
 * Snapshots (APFS Reference p. 117): a copy of the superblock, two records in a tree of
 * the live volume, an entry in the object map. The objects of the state itself stay where
 * they are; the object map keeps them because the snapshot's transaction is listed there.
 */
#ifndef SIM_FORMATS_APFS_SNAPSHOT_WRITE_H
#define SIM_FORMATS_APFS_SNAPSHOT_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/state.h"

/* What the volume knows of a snapshot: j_snap_metadata_val. */
struct apfs_snapshot_entry {
	const char *name;    /* 1..APFS_SNAPSHOT_NAME_MAX - 1 bytes */
	uint64_t xid;
	uint64_t extentref;  /* block: what the snapshot owns and no older one does */
	uint64_t superblock; /* block */
	uint64_t inum;       /* from next_obj_id; no inode has it */
	int64_t create_ns, change_ns;
	uint32_t flags;      /* APFS_SNAP_* */
};

/*
 * The number of a new snapshot; one more is the next_obj_id of its state and of all later
 * ones. No inode of the state or of the next one may have it. It is far above those of
 * files, so that the inodes of a new content can be numbered as those of the old one were.
 */
uint64_t apfs_snapshot_inum(uint64_t next_obj_id);

/*
 * Write the extended metadata of the snapshot @name of the volume @uuid, a virtual object
 * at @where, and add it to @map. Superblocks of the snapshot's state and of the live one
 * name it. It has the UUID by which diskutil knows the snapshot; the same volume,
 * transaction and name give the same one.
 */
int apfs_snapshot_ext_write(struct apfs_out *out, const struct apfs_mapping *where,
			    const struct apfs_uuid *uuid, const char *name,
			    struct apfs_mappings *map, struct err *e) MUST_CHECK;

/* The tree with @n snapshots, whose xids rise; also with none. */
int apfs_snapmeta_write(struct apfs_out *out, uint64_t xid,
			const struct apfs_snapshot_entry *v, size_t n,
			struct apfs_tree_at *ret, struct err *e) MUST_CHECK;

/*
 * Write @sb, as it is live at @xid, as the superblock of a snapshot of @xid. The object
 * map and the trees that stay with the live volume are taken out of the copy, and so is
 * what is said of the live volume as the one to root from.
 */
int apfs_snapshot_superblock_write(struct apfs_out *out, uint64_t xid,
				   const struct apfs_superblock *sb, uint64_t *ret_block,
				   struct err *e) MUST_CHECK;

#endif
