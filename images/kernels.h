/* SPDX-License-Identifier: MIT */
/*
 * The kernels of a new disk: the kernel itself, and what is linked from it and the kexts,
 * as kextcache in the Mac would make it from the same folders.
 */
#ifndef IMAGES_KERNELS_H
#define IMAGES_KERNELS_H

#include "images/disk.h"
#include "images/own_system.h"
#include "images/scratch.h"
#include "sim/base/buf.h"

struct disk_kernels {
	struct buf kernel; /* /System/Library/Kernels/kernel: the stand-in */
	/* until 10.15 */
	struct buf plk;          /* prelinked kernel with the spec's kexts */
	struct buf recovery_plk; /* of stand-ins alone */
	/* from 11 on; kexts of others are in neither */
	struct buf boot_collection;
	struct buf system_collection; /* Intel */
};

/*
 * Release with disk_kernels_release, also after an error. Puts System.kext in @scratch.
 * With
 * @own (may be NULL) plk is made from its kernel and of its kexts, as far as a Mac's own
 * disk demands them; what of them does not link is left out.
 */
int disk_kernels_make(const struct image_env *env, const struct disk_spec *spec,
		      const struct own_system *own, const struct scratch *scratch,
		      struct disk_kernels *ret, struct err *e) MUST_CHECK;
void disk_kernels_release(struct disk_kernels *k);

/*
 * Call @each for every stand-in of /System/Library/Extensions: what it is called there,
 * and where the host has it once the kernels are made. Without a scratch folder (its path
 * is empty) it is where the build has it, unsigned, and System.kext is not among them.
 */
typedef int system_kext_fn(void *arg, const char *name, const char *folder, struct err *e);
int system_kexts_each(const struct image_env *env, const struct disk_spec *spec,
		      const struct scratch *scratch, system_kext_fn *each, void *arg,
		      struct err *e) MUST_CHECK;

/*
 * A kext of the spec: where the host has it, links resolved, and where it goes in the
 * Mac. Both buffers hold IMAGE_PATH_MAX bytes.
 */
int disk_kext_places(const struct disk_kext *k, char ret_folder[static IMAGE_PATH_MAX],
		     char ret_path[static IMAGE_PATH_MAX], struct err *e) MUST_CHECK;

/*
 * Where the kernel of a Mac that has had it for a while got it from: its staged copy
 * (components/staging). A buffer of IMAGE_PATH_MAX bytes.
 */
int disk_kext_staged(const struct disk_kext *k, char ret_path[static IMAGE_PATH_MAX],
		     struct err *e) MUST_CHECK;

#endif
