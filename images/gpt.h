/* SPDX-License-Identifier: MIT */
/*
 * The partition table of a Mac's disk, and its EFI system partition, made by libguestfs.
 * The appliance takes seconds to start, so the result is kept in the cache as a layout
 * that base disks are copied from.
 */
#ifndef IMAGES_GPT_H
#define IMAGES_GPT_H

#include "images/layout.h"

/* Path of the disk of @scheme in the cache, made now if it is not there. */
int gpt_layout(const struct image_env *env, const struct gpt_scheme *scheme,
	       char ret_path[static IMAGE_PATH_MAX], struct err *e) MUST_CHECK;

#endif
