/* SPDX-License-Identifier: MIT */
/* A transaction on the container that holds the seal which is meant. */
#ifndef IMAGES_SEAL_EDIT_H
#define IMAGES_SEAL_EDIT_H

#include "images/seal_place.h"
#include "sim/formats/apfs/edit.h"

struct seal_edit {
	struct vdisk *disk; /* owned */
	struct apfs_edit *ed;
	unsigned slot;
	char name[256]; /* of the volume */
};

/*
 * Begin one on the image @path, which nobody else may have open; @volume as in
 * seal_place_open. End it with seal_edit_end, also after an error.
 */
int seal_edit_begin(struct seal_edit *x, const char *path, const char *volume,
		    int64_t time_ns, struct err *e) MUST_CHECK;

/* Commit when @r is 0, else forget everything and return @r. */
int seal_edit_end(struct seal_edit *x, int r, struct err *e) MUST_CHECK;

#endif
