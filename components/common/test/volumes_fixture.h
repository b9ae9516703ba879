/* SPDX-License-Identifier: MIT */
/* The kernel's list of volumes (XNU_VOLUMES) as a file, for the tests of tools. */
#ifndef COMPONENTS_COMMON_TEST_VOLUMES_FIXTURE_H
#define COMPONENTS_COMMON_TEST_VOLUMES_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that is NULL is written as "". */
struct snapshot_row {
	const char *name, *uuid;
	const char *device, *mount_point; /* of a mounted one */
	const char *sealed;
	uint64_t xid;
	bool root;
};

struct volume_row {
	const char *device, *name, *role, *uuid, *group, *mount_point;
	const char *container, *sealed; /* NULL: left out, as before macOS 11 */
	bool read_only, filevault, locked;
	const struct snapshot_row *snapshots;
	size_t n_snapshots;
};

/* A sealed system's first snapshot, mounted on "/", to root from. */
extern const struct snapshot_row snapshot_of_the_root;

/* Write the list as volumes.plist of the test's folder; @path gets its name. */
void volumes_write(const struct volume_row *v, size_t n, char *path, size_t size);

#endif
