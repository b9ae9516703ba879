/* SPDX-License-Identifier: MIT */
/*
 * Fixing a seal as far as a Mac allows it without installing the system anew: root from
 * the last sealed snapshot again (bless --last-sealed-snapshot), take the mark of a
 * broken seal away when nothing has changed, and, if that is asked for, take the live
 * state back to the snapshot. Content that is not what was sealed cannot be made right.
 */
#ifndef IMAGES_SEAL_FIX_H
#define IMAGES_SEAL_FIX_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/err.h"

struct seal_fix {
	const char *volume; /* as seal_place_open */
	bool revert;	    /* take the live state back; younger snapshots go */
	bool dry_run;	    /* say what would be done */
	int64_t time_ns;    /* since 1970, of the change */
	/* One line about what is wrong, what is done, what cannot be done. */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

struct seal_fixed {
	bool changed; /* the image was, or would be */
	bool holds;   /* the seal of what a Mac roots from, afterwards */
};

/* Fix the image @path, which nobody else may have open. Errors: those of seal_place.h,
 * apfs_seal_check and edit.h; the image is then as it was. */
int seal_fix(const char *path, const struct seal_fix *how, struct seal_fixed *ret,
	     struct err *e) MUST_CHECK;

#endif
