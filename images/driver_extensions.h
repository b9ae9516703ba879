/* SPDX-License-Identifier: MIT */
#ifndef IMAGES_DRIVER_EXTENSIONS_H
#define IMAGES_DRIVER_EXTENSIONS_H

#include "sim/base/err.h"
#include "sim/formats/fstree/fstree.h"

/*
 * Put the driver extensions of macOS below the folder @path: some of those that every Mac
 * has, as bundles without code, for kernelmanagerd to find and to look at.
 */
int driver_extensions_add(struct fs_tree *t, const char *path, struct err *e) MUST_CHECK;

#endif
