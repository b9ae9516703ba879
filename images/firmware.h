/* SPDX-License-Identifier: MIT */
/*
 * What boots a Mac before its kernel, and is signed with it. Device tree and trust caches
 * are such; LLB, iBoot and the Secure Enclave's firmware are images without code, which
 * say in Apple's places what they are and of which version.
 */
#ifndef IMAGES_FIRMWARE_H
#define IMAGES_FIRMWARE_H

#include "images/disk.h"
#include "sim/base/buf.h"
#include "sim/formats/fstree/fstree.h"
#include "sim/platform/secureboot/install.h"

#define FIRMWARE_MAX	     10
#define FIRMWARE_VERSION_MAX 64

struct firmware {
	struct sb_object object[FIRMWARE_MAX]; /* for sb_install */
	struct buf data[FIRMWARE_MAX];	       /* what they point into */
	char version[FIRMWARE_VERSION_MAX];    /* "iBoot-7429.61.2" */
	size_t n;
};

/*
 * The objects of the machine of @spec; @kernel, its kernel collection, is one of them.
 * @system and @recovery are the trees that trust caches are made of. Release with
 * firmware_release, also after an error.
 */
int firmware_make(const struct disk_spec *spec, const struct fs_tree *system,
		  const struct fs_tree *recovery, const struct buf *kernel,
		  struct firmware *ret, struct err *e) MUST_CHECK;
void firmware_release(struct firmware *f);

#endif
