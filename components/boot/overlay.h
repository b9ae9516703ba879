/* SPDX-License-Identifier: MIT */
/*
 * A served volume with changes on top, which are kept in the carrier's memory until they
 * are written to the disk: what `mount -uw` makes of the live state of a sealed System
 * volume. The kernel's overlayfs; the volume below stays as it is.
 */
#ifndef COMPONENTS_BOOT_OVERLAY_H
#define COMPONENTS_BOOT_OVERLAY_H

#include <stdbool.h>

#include "sim/base/err.h"
#include "sim/formats/fstree/fstree.h"

struct overlay {
	char memory[64]; /* folder with the tmpfs; "": none */
	char dir[64];	 /* where it is mounted; "": not mounted */
};

/*
 * Mount on @dir what is below @lower, with a fresh, empty upper layer in memory, a tmpfs
 * on the folder @memory. All three exist.
 */
int overlay_mount(struct overlay *o, const char *lower, const char *memory,
		  const char *dir, struct err *e) MUST_CHECK;

/* The upper layer, "<memory>/upper", in @out. */
const char *overlay_upper(const struct overlay *o, char out[static 80]);

/* Unmount; the upper layer stays. E_BUSY when it is in use. */
int overlay_unmount(struct overlay *o, struct err *e) MUST_CHECK;
/* Forget the upper layer as well. */
int overlay_forget(struct overlay *o, struct err *e) MUST_CHECK;

/* Is there anything in the upper layer? */
bool overlay_changed(const char *upper);

/*
 * Make @t, the tree of the volume below, what the overlay with the upper layer @upper
 * shows: new and changed files, deletions, folders that were replaced or moved. The tags
 * of @t are the numbers of its files on the volume, as apfs_edit_tree_from_volume sets
 * them. Contents stay in @upper until they are written (fs_node.host_path). @fold: names
 * of the volume match without regard to case.
 *
 * Attributes and flags that a file of the volume had are kept when it is changed, and so
 * are its other names. Sockets, pipes and devices are left out. E_CORRUPT when the upper
 * layer is of another volume; E_INVAL for a name or path that a Mac cannot have. After an
 * error @t is of no use.
 */
int overlay_upper_apply(const char *upper, struct fs_tree *t, bool fold,
			struct err *e) MUST_CHECK;

#endif
