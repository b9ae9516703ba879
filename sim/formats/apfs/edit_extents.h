/* SPDX-License-Identifier: MIT */
/*
 * Who owns which blocks (APFS Reference p. 102). The live state and each snapshot have a
 * tree of what is new since the snapshot before, and of what changed in the number of
 * owners of older blocks. Here a tree is a list in the order of addresses.
 */
#ifndef SIM_FORMATS_APFS_EDIT_EXTENTS_H
#define SIM_FORMATS_APFS_EDIT_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct edit_extent {
	uint64_t block, count;
	uint64_t owner; /* stream that had it first; of updates: all ones */
	int32_t refcnt; /* owners; of updates: by how many more */
	bool update;
};

struct edit_extents {
	struct edit_extent *v; /* owned */
	size_t n, cap;
};

void edit_extents_release(struct edit_extents *l);
/* E_NOMEM. An update that continues the last one makes that longer. */
int edit_extents_add(struct edit_extents *l, const struct edit_extent *one,
		     struct err *e) MUST_CHECK;

/*
 * What @older and the tree @younger that follows it amount to as one tree, into the empty
 * @ret. Blocks that are new in @older and have no owner left are added to @ret_unowned
 * (an empty list), not to @ret. E_CORRUPT: the two contradict each other.
 */
int edit_extents_merge(const struct edit_extents *older,
		       const struct edit_extents *younger, struct edit_extents *ret,
		       struct edit_extents *ret_unowned, struct err *e) MUST_CHECK;

/*
 * The updates that take all owners from blocks that are new in @all: what a live state
 * has in its tree when it uses nothing of its snapshots', which amount to @all.
 * E_CORRUPT:
 * @all has updates, of blocks that nobody has.
 */
int edit_extents_disown(const struct edit_extents *all, struct edit_extents *ret,
			struct err *e) MUST_CHECK;

#endif
