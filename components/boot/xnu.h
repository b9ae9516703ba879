/* SPDX-License-Identifier: MIT */
/* /dev and /dev/xnu of the running Mac (docs/architecture.md, "/dev/xnu"). */
#ifndef COMPONENTS_BOOT_XNU_H
#define COMPONENTS_BOOT_XNU_H

#include "components/boot/volumes.h"

struct boot;

/* Make the nodes of /dev, mount /dev/xnu, write its files but volumes.plist. */
int xnu_build(const struct boot *b, struct err *e) MUST_CHECK;

/* The part of xnu_build that makes nodes; @root_device: "disk3s1s1". */
int xnu_make_nodes(const struct volumes *vs, const char *root_device,
		   struct err *e) MUST_CHECK;

/* What the kernel says of its kexts, whenever that changed. */
int xnu_write_loaded_kexts(const struct boot *b, struct err *e) MUST_CHECK;

/* Write a file below /dev/xnu anew, in one step. */
int xnu_write_file(const char *mac_path, const void *data, size_t len,
		   struct err *e) MUST_CHECK;

#endif
