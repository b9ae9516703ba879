/* SPDX-License-Identifier: MIT */
/* Which snapshot of the System volume the kernel roots from. */
#ifndef COMPONENTS_BOOT_ROOT_SNAPSHOT_H
#define COMPONENTS_BOOT_ROOT_SNAPSHOT_H

#include <stddef.h>

#include "sim/formats/apfs/reader.h"

/*
 * The one that the volume names by @root_to_xid; without such a tag (0), the one called
 * @sealed, which is what the signed root hash goes by ("": nothing was forwarded). A tag
 * that leads nowhere is not replaced by anything. NULL: none.
 */
const struct apfs_snapshot *root_snapshot(const struct apfs_snapshot *list, size_t n,
					  uint64_t root_to_xid, const char *sealed);

#endif
