/* SPDX-License-Identifier: MIT */
/* The volumes that the kernel knows (XNU_VOLUMES), for the tools. */
#ifndef COMPONENTS_COMMON_VOLUME_LIST_H
#define COMPONENTS_COMMON_VOLUME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define VOLUME_LIST_MAX       64
#define VOLUME_LIST_MAX_BYTES (1u << 20)
#define VOLUME_SNAPSHOTS_MAX  256

/* Strings are owned and never NULL, here and below. */
struct volume_snapshot {
	char *name, *uuid;
	char *device;	   /* "disk3s1s1"; "" when it is not mounted */
	char *mount_point; /* "" when it is not */
	char *sealed;	   /* "Yes", "No", "Broken" */
	uint64_t xid;
	bool purgeable;
	bool root;    /* the next start roots from it */
	bool pending; /* not on the disk yet */
};

struct volume_entry {
	char *device; /* "disk1s5" */
	char *name, *role, *uuid, *group;
	char *mount_point; /* "" when it is not mounted */
	char *container;   /* "disk3"; "" before macOS 11, where there is only disk1 */
	char *sealed;	   /* "Yes", "No", "Broken"; "" before macOS 11 */
	bool read_only, filevault, locked;
	struct volume_snapshot *snapshots; /* owned; by xid */
	size_t n_snapshots;
};

struct volume_list {
	struct volume_entry v[VOLUME_LIST_MAX];
	size_t n;
};

/* Release also after an error. */
int volume_list_read(struct volume_list *l, const char *path, struct err *e) MUST_CHECK;
void volume_list_release(struct volume_list *l);

/*
 * What a user calls a volume: "disk1s5", "/dev/disk1s5", its UUID, its mount point, the
 * same of a snapshot of it that is mounted, or its name. NULL when there is none.
 */
const struct volume_entry *volume_list_find(const struct volume_list *l,
					    const char *what);
/* The mounted snapshot of @v with that device or mount point, or NULL. */
const struct volume_snapshot *volume_find_mounted(const struct volume_entry *v,
						  const char *what);

/*
 * The volume that the absolute @path lies on, by the longest mount point above it, those
 * of snapshots included. *@ret_snapshot (may be NULL): the snapshot that is mounted
 * there, or NULL for the volume itself. NULL when it lies on none.
 */
const struct volume_entry *volume_list_at(const struct volume_list *l, const char *path,
					  const struct volume_snapshot **ret_snapshot);

#endif
