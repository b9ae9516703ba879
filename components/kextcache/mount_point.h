/* SPDX-License-Identifier: MIT */
/*
 * Where is the volume mounted that holds a file? (kext_tools safecalls.c findmnt, statfs
 * f_mntonname)
 *
 * A Mac has one mount per volume; here a volume may be bound to several places, because
 * firmlinks are bind mounts of folders of the Data volume. The volume's own place is
 * the one where its root folder is.
 */
#ifndef COMPONENTS_KEXTCACHE_MOUNT_POINT_H
#define COMPONENTS_KEXTCACHE_MOUNT_POINT_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

/* The mount point into @out. E_NOTFOUND, E_IO, E_OVERFLOW. */
int mount_point_of_fd(int fd, char *out, size_t size, struct err *e) MUST_CHECK;
int mount_point_of_path(const char *path, char *out, size_t size,
			struct err *e) MUST_CHECK;

/* The same from the text of /proc/self/mountinfo, for the mount @id. */
int mount_point_in(const char *mountinfo, uint64_t id, char *out, size_t size,
		   struct err *e) MUST_CHECK;

#endif
