/* SPDX-License-Identifier: MIT */
/*
 * A folder for files that are made while a disk is built. Those of builders that were
 * killed are swept by the next.
 */
#ifndef IMAGES_SCRATCH_H
#define IMAGES_SCRATCH_H

#include "images/disk.h"

struct scratch {
	char path[IMAGE_PATH_MAX];
	int fd; /* locked: it is in use */
};

#define SCRATCH_INIT ((struct scratch){.fd = -1})

/* Make one in @build_dir. Release with scratch_release, also after an error. */
int scratch_make(struct scratch *s, const char *build_dir, struct err *e) MUST_CHECK;
/* Removes it with what is in it. */
void scratch_release(struct scratch *s);

#endif
