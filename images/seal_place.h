/* SPDX-License-Identifier: MIT */
/* Which seal of a disk is meant: its volume, and the live state or a snapshot of that. */
#ifndef IMAGES_SEAL_PLACE_H
#define IMAGES_SEAL_PLACE_H

#include "images/containers.h"
#include "sim/formats/apfs/seal.h"

/* What a Mac roots from, and how that is known. */
enum seal_root {
	SEAL_ROOT_TAGGED, /* apfs_root_to_xid names the snapshot */
	SEAL_ROOT_NAMED,  /* none is named: the newest one that is called as sealed ones
			     are */
	SEAL_ROOT_LIVE,	  /* there is no such snapshot */
};

struct seal_place {
	struct containers cs;
	struct apfs *apfs; /* borrowed from cs */
	size_t container;  /* its index */
	unsigned slot;
	struct apfs_volume_info volume; /* live superblock */
	struct apfs_snapshot *snaps;	/* owned; by xid */
	size_t n_snaps;
	enum seal_root root;
	uint64_t root_xid; /* 0: live */
};

/*
 * Open the image @path. @volume: as in containers_find; NULL: the system's volume, or
 * else the first sealed one. E_NOTFOUND when there is none. Release with
 * seal_place_close, also after an error.
 */
int seal_place_open(struct seal_place *p, const char *path, const char *volume,
		    struct err *e) MUST_CHECK;
/* The same, with a disk that can be written to. */
int seal_place_open_rw(struct seal_place *p, const char *path, const char *volume,
		       struct err *e) MUST_CHECK;
void seal_place_close(struct seal_place *p);

/* Is @name that of a snapshot of a sealed system: SB_SNAPSHOT_PREFIX and 64 digits? */
bool seal_place_sealed_name(const char *name);
/*
 * Of a volume with @n snapshots, by xid, and the tag @root_to_xid: what a Mac roots from.
 * A tag that leads nowhere is not replaced by anything. *@ret_xid 0: the live state.
 */
enum seal_root seal_root_choose(const struct apfs_snapshot *snaps, size_t n,
				uint64_t root_to_xid, uint64_t *ret_xid);
/* Open that state of the volume in @slot, sealed or not. E_NOTFOUND for such a tag. */
int seal_root_open(struct apfs *c, unsigned slot, struct apfs_volume **ret,
		   struct err *e) MUST_CHECK;
/* The snapshot of transaction @xid; NULL when there is none. */
const struct apfs_snapshot *seal_place_snapshot(const struct seal_place *p, uint64_t xid);

/*
 * Open a state: @snapshot is a name or a transaction in digits, "" the live state, NULL
 * what a Mac roots from. In *ret_xid 0 for the live state. The caller closes *ret.
 */
int seal_place_state(struct seal_place *p, const char *snapshot, struct apfs_volume **ret,
		     uint64_t *ret_xid, struct err *e) MUST_CHECK;

#endif
