/* SPDX-License-Identifier: MIT */
/*
 * One state of a volume: its content and the trees that a superblock of that state names.
 * A volume has a live one and one for each snapshot; where they are the same, they share
 * the file-system tree.
 */
#ifndef SIM_FORMATS_APFS_STATE_H
#define SIM_FORMATS_APFS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/btree_build.h"
#include "sim/formats/apfs/raw.h"
#include "sim/formats/apfs/streams.h"
#include "sim/formats/apfs/writer.h"

struct apfs_state_spec {
	/* Of it: tree, sealed, case_sensitive; role and in_group for the first id. */
	const struct apfs_volume_spec *volume;
	uint64_t first_id;         /* of inodes; 0: that of a new volume */
	uint64_t xid;              /* of all that is written */
	struct apfs_out *out;      /* borrowed, like all pointers here */
	uint64_t *next_oid;        /* where virtual objects get their ids from */
	struct apfs_mappings *map; /* gets those objects */
};

struct apfs_state {
	bool sealed;
	uint64_t root_oid;       /* virtual: the file-system tree */
	uint64_t integrity_oid;  /* virtual: integrity metadata; 0 unless sealed */
	uint64_t fext;           /* block of the extents' tree; 0 unless sealed */
	uint64_t next_id;        /* above every id in use */
	uint64_t n_files, n_dirs, n_symlinks;
	uint64_t n_blocks;       /* of apfs_fs_alloc_count: data, trees, metadata */
	uint8_t root_hash[APFS_ROOT_HASH_SIZE];
	struct apfs_streams streams; /* owned; runs for apfs_extentref_write */
};

/*
 * Write contents, file-system tree, and, if sealed, the extents' tree and the integrity
 * metadata. Release @ret in any case. Errors: see apfs_write.
 */
int apfs_state_write(const struct apfs_state_spec *spec, struct apfs_state *ret,
		     struct err *e) MUST_CHECK;
void apfs_state_release(struct apfs_state *s);

/* Set what follows from the state in a superblock; all else stays. */
void apfs_state_fill(const struct apfs_state *s, struct apfs_superblock *sb);

/* A physical tree that was written. */
struct apfs_tree_at {
	uint64_t root;     /* block */
	uint64_t n_blocks; /* of all its nodes */
};

/* The first @n runs by address (p. 102), each as a new extent with one owner. */
int apfs_extentref_write(struct apfs_out *out, uint64_t xid, const struct apfs_run *runs,
			 size_t n, struct apfs_tree_at *ret, struct err *e) MUST_CHECK;

/*
 * The tree of a sealed volume's extents (p. 154). Each superblock needs its own: apfsck
 * counts the blocks for each. @s is sorted by owner on the way.
 */
int apfs_fext_write(struct apfs_out *out, uint64_t xid, struct apfs_streams *s,
		    struct apfs_tree_at *ret, struct err *e) MUST_CHECK;

/* Integrity metadata, version 2, of an intact seal. One virtual object, into @map. */
int apfs_integrity_write(struct apfs_out *out, const struct apfs_mapping *where,
			 const uint8_t root_hash[APFS_ROOT_HASH_SIZE],
			 struct apfs_mappings *map, struct err *e) MUST_CHECK;

#endif
