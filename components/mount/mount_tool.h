/* SPDX-License-Identifier: MIT */
/* mount(8) for APFS: the list, remounts by mount(2), volumes through the kernel. */
#ifndef COMPONENTS_MOUNT_MOUNT_TOOL_H
#define COMPONENTS_MOUNT_MOUNT_TOOL_H

#include <stdbool.h>

#include "components/common/volume_list.h"
#include "sim/base/buf.h"

/* What `mount_apfs` exits with, and mount(8) shows, for an errno. */
int mount_exit_status(int error);

/*
 * Append the list. @read_only tells whether what is mounted at a path is read-only now,
 * which a remount changes without the kernel's list.
 */
int mount_list_text(const struct volume_list *l, bool (*read_only)(const char *path),
		    struct buf *out, struct err *e) MUST_CHECK;

#endif
