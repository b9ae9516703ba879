/* SPDX-License-Identifier: MIT */
/*
 * Inside a transaction. From the bottom up: free space (edit_space.h, edit_queue.h),
 * whole trees that are read and written anew (a change of any size costs what the tree
 * costs, which is little beside the file-system tree, and that one never changes in
 * part), object maps, volumes with their snapshots, operations, the checkpoint.
 */
#ifndef SIM_FORMATS_APFS_EDIT_IMPL_H
#define SIM_FORMATS_APFS_EDIT_IMPL_H

#include "sim/formats/apfs/btree_build.h"
#include "sim/formats/apfs/edit.h"
#include "sim/formats/apfs/edit_disk.h"
#include "sim/formats/apfs/edit_extents.h"
#include "sim/formats/apfs/edit_queue.h"
#include "sim/formats/apfs/edit_space.h"
#include "sim/formats/apfs/reader_impl.h"
#include "sim/formats/apfs/snapshot_write.h"

/* ---- trees ---- */

/* A set of blocks, in any order. */
struct edit_blocks {
	uint64_t *v; /* owned */
	size_t n, cap;
};
int edit_blocks_add(struct edit_blocks *l, uint64_t block, struct err *e) MUST_CHECK;
void edit_blocks_release(struct edit_blocks *l);

extern const struct apfs_tree_kind edit_extentref_kind, edit_omap_snapshot_kind;

/*
 * Call @record (may be NULL) for every record of @t, in order, and add the block of every
 * node to @nodes (may be NULL).
 */
typedef int (*edit_record_fn)(void *ctx, const struct apfs_cursor *at, struct err *e);
int edit_tree_scan(const struct apfs_tree *t, edit_record_fn record, void *ctx,
		   struct edit_blocks *nodes, struct err *e) MUST_CHECK;

/* ---- object maps ---- */

struct edit_omap {
	uint32_t flags;		  /* om_flags */
	uint64_t block;		  /* where it was before */
	uint64_t snapshot_tree;	  /* block; 0: none */
	uint32_t snap_count;	  /* as it says */
	struct apfs_mappings map; /* what it holds now; sorted unless "unsorted" */
	bool unsorted;
	struct edit_blocks nodes; /* of the map before, itself included */
	bool dirty;
};

int edit_omap_load(struct apfs_edit *ed, uint64_t block, struct edit_omap *om,
		   struct err *e) MUST_CHECK;
void edit_omap_release(struct edit_omap *om);
/* Where @oid is as of @xid; NULL when it is not there. Valid until the next change. */
struct apfs_mapping *edit_omap_find(struct edit_omap *om, uint64_t oid, uint64_t xid);
/* Sorts if need be. */
void edit_omap_sort(struct edit_omap *om);
/* Add @m, which is not there yet. */
int edit_omap_add(struct edit_omap *om, const struct apfs_mapping *m,
		  struct err *e) MUST_CHECK;

/* ---- snapshots ---- */

struct edit_snapshots {
	struct apfs_snapshot_entry *v; /* owned, with the names; xids rise */
	size_t n;
	struct edit_blocks nodes; /* of the tree before */
	bool dirty;
};

int edit_snapshots_load(struct apfs_edit *ed, uint64_t root, struct edit_snapshots *s,
			struct err *e) MUST_CHECK;
void edit_snapshots_release(struct edit_snapshots *s);
/* By name. E_NOTFOUND. */
int edit_snapshots_find(const struct edit_snapshots *s, const char *name, size_t *ret,
			struct err *e) MUST_CHECK;
/* Add as the youngest; the name is copied. */
int edit_snapshots_add(struct edit_snapshots *s, const struct apfs_snapshot_entry *one,
		       struct err *e) MUST_CHECK;
void edit_snapshots_remove(struct edit_snapshots *s, size_t i);

/* ---- volumes ---- */

struct edit_volume {
	unsigned slot;
	uint64_t oid; /* virtual, in the container's object map */
	union {
		uint8_t block[APFS_BLOCK_SIZE];
		struct apfs_superblock sb; /* as it is to be */
	};
	struct edit_omap omap;
	struct edit_snapshots snaps;
	bool extents_loaded, extents_dirty;
	struct edit_extents extents;	  /* of the live state */
	struct edit_blocks extents_nodes; /* of their tree before */
	uint64_t content_xid; /* when this transaction last replaced the content, or 0 */
	bool dirty;
};

/* The volume in @slot, loaded at the first call. */
int edit_volume_get(struct apfs_edit *ed, unsigned slot, struct edit_volume **ret,
		    struct err *e) MUST_CHECK;
void edit_volume_free(struct edit_volume *v);
/* v->extents. */
int edit_volume_extents(struct apfs_edit *ed, struct edit_volume *v,
			struct err *e) MUST_CHECK;
/* Write what is dirty, the superblock last, and enter it in the container's map. */
int edit_volume_write(struct apfs_edit *ed, struct edit_volume *v,
		      struct err *e) MUST_CHECK;

/* @n blocks more belong to the volume. */
void edit_volume_gain(struct edit_volume *v, uint64_t n);
/* Free blocks of the volume; they count as its own unless it is a superblock. */
int edit_volume_free_blocks(struct apfs_edit *ed, struct edit_volume *v, uint64_t block,
			    uint64_t count, struct err *e) MUST_CHECK;
int edit_volume_free_list(struct apfs_edit *ed, struct edit_volume *v,
			  struct edit_blocks *l, struct err *e) MUST_CHECK;
int edit_volume_free_extents(struct apfs_edit *ed, struct edit_volume *v,
			     const struct edit_extents *l, struct err *e) MUST_CHECK;
/*
 * Drop the versions of virtual objects that neither the live state nor a snapshot needs,
 * and free them.
 */
int edit_volume_sweep(struct apfs_edit *ed, struct edit_volume *v,
		      struct err *e) MUST_CHECK;

/* The youngest transaction that wrote a node of the live file-system tree. */
int edit_volume_tree_xid(struct apfs_edit *ed, struct edit_volume *v, uint64_t *ret,
			 struct err *e) MUST_CHECK;
/* The superblock of snapshot @i. */
int edit_snapshot_superblock(struct apfs_edit *ed, const struct edit_volume *v, size_t i,
			     struct apfs_superblock *ret, struct err *e) MUST_CHECK;

/*
 * Mark the seal as broken by what was written at the current number. E_INVAL: there is
 * none.
 */
int edit_seal_break(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
	MUST_CHECK;

static inline bool edit_volume_sealed(const struct apfs_superblock *sb)
{
	return le64_get(sb->apfs_incompatible_features) & APFS_INCOMPAT_SEALED_VOLUME;
}

/* Extents of the tree at block @root. */
int edit_extents_load(struct apfs_edit *ed, uint64_t root, struct edit_extents *ret,
		      struct edit_blocks *nodes, struct err *e) MUST_CHECK;
int edit_extents_write(struct apfs_edit *ed, const struct edit_extents *l,
		       struct apfs_tree_at *ret, struct err *e) MUST_CHECK;

/* ---- the transaction ---- */

struct apfs_edit {
	struct edit_disk disk;
	struct apfs *c; /* on disk; its xid is that of the transaction */
	uint64_t xid;	/* of what is written now; snapshots raise it */
	int64_t time_ns;
	bool dirty;
	uint8_t nx[APFS_BLOCK_SIZE]; /* the container's superblock before */
	uint64_t next_oid;
	struct edit_ephs
		ephs; /* of the checkpoint before; the space manager's is space.object */
	struct edit_space space;
	struct apfs_out out;				      /* into free blocks */
	struct edit_omap omap;				      /* the container's */
	struct edit_volume *volume[APFS_NX_MAX_FILE_SYSTEMS]; /* owned; those in use */
};

static inline const struct apfs_nx_superblock *edit_nx(const struct apfs_edit *ed)
{
	return (const struct apfs_nx_superblock *)ed->nx;
}

/* From now on things are written at the next transaction number. */
void edit_next_xid(struct apfs_edit *ed);

/* What was written can be read: call it before reading what the transaction wrote. */
int edit_settle(struct apfs_edit *ed, struct err *e) MUST_CHECK;

/* The newest checkpoint: its superblock, ephemeral objects, space. */
int edit_checkpoint_load(struct apfs_edit *ed, struct err *e) MUST_CHECK;
/* The new one, when all else is written. */
int edit_checkpoint_write(struct apfs_edit *ed, uint64_t omap_oid,
			  struct err *e) MUST_CHECK;

#endif
