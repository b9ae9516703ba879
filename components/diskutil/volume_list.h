/* SPDX-License-Identifier: MIT */
/* The volumes that the kernel knows (XNU_VOLUMES), for diskutil and mount. */
#ifndef COMPONENTS_DISKUTIL_VOLUME_LIST_H
#define COMPONENTS_DISKUTIL_VOLUME_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

#define VOLUME_LIST_MAX       64
#define VOLUME_LIST_MAX_BYTES (1u << 20)

/* Strings are owned and never NULL. */
struct volume_entry {
	char *device; /* "disk1s5" */
	char *name, *role, *uuid, *group;
	char *mount_point; /* "" when it is not mounted */
	bool read_only, filevault, locked;
};

struct volume_list {
	struct volume_entry v[VOLUME_LIST_MAX];
	size_t n;
};

/* Release also after an error. */
int volume_list_read(struct volume_list *l, const char *path, struct err *e) MUST_CHECK;
void volume_list_release(struct volume_list *l);

/*
 * What a user calls a volume: "disk1s5", "/dev/disk1s5", its UUID, its mount point, or
 * its name. NULL when there is none.
 */
const struct volume_entry *volume_list_find(const struct volume_list *l,
					    const char *what);

#endif
