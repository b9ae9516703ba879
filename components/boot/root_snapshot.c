/* SPDX-License-Identifier: MIT */
#include "components/boot/root_snapshot.h"

#include <string.h>

const struct apfs_snapshot *root_snapshot(const struct apfs_snapshot *list, size_t n,
					  uint64_t root_to_xid, const char *sealed)
{
	for (size_t i = 0; i < n; i++)
		if (root_to_xid ? list[i].xid == root_to_xid
				: sealed[0] && !strcmp(list[i].name, sealed))
			return &list[i];
	return NULL;
}
