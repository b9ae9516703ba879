/* SPDX-License-Identifier: MIT */
/*
 * The device tree that iBoot hands to the kernel, flat as XNU's pexpert reads it
 * (DeviceTree.h): a node is u32 number of properties, u32 number of children, the
 * properties, the children; a property is a name of 32 bytes, u32 length and the value,
 * filled up to 4 bytes. All little-endian.
 *
 * Of the hundreds of nodes of a Mac it has those that say which Mac it is and what CPUs it
 * has; /chosen is for iBoot to fill in.
 */
#ifndef IMAGES_DEVICE_TREE_H
#define IMAGES_DEVICE_TREE_H

#include "sim/base/buf.h"
#include "sim/platform/machine.h"

int device_tree_build(const struct machine_model *m, struct buf *out,
		      struct err *e) MUST_CHECK;

#endif
