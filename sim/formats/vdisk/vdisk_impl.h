/* SPDX-License-Identifier: MIT */
/* What the kinds of disks share among themselves. */
#ifndef SIM_FORMATS_VDISK_IMPL_H
#define SIM_FORMATS_VDISK_IMPL_H

#include <stdbool.h>

#include "sim/formats/vdisk/vdisk.h"

/* A qcow2 image may lie on another; a chain longer than this is a loop. */
#define VDISK_DEPTH_MAX 16

/* How the file of an image is to be taken. */
enum vdisk_format {
	VDISK_PROBE, /* qcow2 by its magic, else raw */
	VDISK_RAW,
	VDISK_QCOW2,
};

/* How an image is opened: what it is, how deep in a chain, and whether to write to it. */
struct vdisk_how {
	enum vdisk_format format;
	unsigned depth;
	bool write;
};
int vdisk_open_as(const char *path, struct vdisk_how how, struct vdisk **ret,
		  struct err *e) MUST_CHECK;

/* Make a raw file longer; the new part is zeros. E_NOSPC: it is a device. */
int vdisk_grow(struct vdisk *d, uint64_t size, struct err *e) MUST_CHECK;

/*
 * Open the qcow2 image in @file, which it owns from then on, also on failure. @path
 * is where relative names of backing files start from.
 */
int qcow2_open(struct vdisk *file, const char *path, struct vdisk_how how,
	       struct vdisk **ret, struct err *e) MUST_CHECK;

#endif
