/* SPDX-License-Identifier: MIT */
/*
 * What the kernel asks by FUSE, answered from a struct apfs_fs.
 *
 * FUSE calls the root 1, APFS calls it 2; no file of APFS has the number 1. All other
 * files have their APFS number, in FUSE's messages and for programs. Nothing is
 * remembered of what the kernel knows.
 */
#ifndef COMPONENTS_APFS_REQUESTS_H
#define COMPONENTS_APFS_REQUESTS_H

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include "components/apfs/fs.h"

struct requests {
	struct apfs_fs *fs; /* borrowed */
	char *room;	    /* SERVE_READ_MAX bytes, for answers */
};

/* Their user data is a struct requests. */
extern const struct fuse_lowlevel_ops requests_ops;

int requests_init(struct requests *q, struct apfs_fs *fs, struct err *e) MUST_CHECK;
void requests_release(struct requests *q);

#endif
