/* SPDX-License-Identifier: MIT */
/* Copying files out of an APFS volume to the host. */
#ifndef SIM_FORMATS_APFS_EXTRACT_H
#define SIM_FORMATS_APFS_EXTRACT_H

#include <stdbool.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/reader.h"

struct apfs_extract_opts {
	bool owners; /* keep uid, gid and set-id bits (needs root); else the user's own */
	bool xattrs; /* store attributes as user.NAME where the host's file system can */
};

struct apfs_extract_result {
	uint64_t files, dirs, symlinks, hard_links, bytes;
	uint64_t skipped; /* devices, sockets and fifos; attributes the host refused */
};

/*
 * Copy @path (a folder with all below it, or one file) to @dest, which must not exist
 * and whose parent must. Permissions, times, hard links and holes are kept; nothing
 * outside @dest is ever written, whatever the names on the disk are. What was copied
 * before an error stays. @ret may be NULL.
 */
int apfs_extract(struct apfs_volume *v, const char *path, const char *dest,
		 const struct apfs_extract_opts *opts, struct apfs_extract_result *ret,
		 struct err *e) MUST_CHECK;

#endif
