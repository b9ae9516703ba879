/* SPDX-License-Identifier: MIT */
/* What the operations on snapshots have in common. */
#ifndef SIM_FORMATS_APFS_EDIT_SNAPSHOT_H
#define SIM_FORMATS_APFS_EDIT_SNAPSHOT_H

#include "sim/formats/apfs/edit_impl.h"

/* Free the tree of files' extents that the sealed state @sb has; not sealed: nothing. */
int edit_fext_free(struct apfs_edit *ed, struct edit_volume *v,
		   const struct apfs_superblock *sb, struct err *e) MUST_CHECK;
/* Free the blocks of files that belong to the live state alone, and that tree of it. */
int edit_volume_free_live(struct apfs_edit *ed, struct edit_volume *v,
			  struct err *e) MUST_CHECK;
/* The live state gets a copy of the one that @from has. */
int edit_fext_copy(struct apfs_edit *ed, struct edit_volume *v,
		   const struct apfs_superblock *from, struct err *e) MUST_CHECK;

/*
 * Free what belongs to snapshot @i alone, but for its extents, and take it off the list.
 * edit_volume_sweep is to follow.
 */
int edit_snapshot_forget(struct apfs_edit *ed, struct edit_volume *v, size_t i,
			 struct err *e) MUST_CHECK;

/* E_PERM: snapshot @i is the one to root from. */
int edit_snapshot_check_root(const struct edit_volume *v, size_t i,
			     struct err *e) MUST_CHECK;

#endif
