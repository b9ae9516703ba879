/* SPDX-License-Identifier: MIT */
/* Write tar archives (POSIX ustar), to hand files to tar in the guest. */
#ifndef SIM_FORMATS_USTAR_H
#define SIM_FORMATS_USTAR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct ustar_entry {
	const char *path;   /* without leading slash; at most 255 bytes, see ustar_add */
	const char *target; /* of a symbolic or hard link, at most 100 bytes; else NULL */
	char type;          /* '0' file, '1' hard link, '2' symbolic link, '5' folder */
	mode_t mode;        /* permission bits */
	unsigned uid, gid;
	int64_t mtime;      /* seconds since 1970 */
};

/*
 * Append one member with @len bytes of content. E_INVAL for a path that does not fit
 * into ustar's name and prefix fields, or a negative time.
 */
int ustar_add(struct buf *out, const struct ustar_entry *m, const void *data, size_t len,
	      struct err *e) MUST_CHECK;

/* Append the end of the archive. */
int ustar_end(struct buf *out, struct err *e) MUST_CHECK;

/*
 * Append the host file or folder @host and all below it as @path (no leading slash),
 * owned by 0:0, with the host's permissions and times. Symbolic links stay links;
 * anything else than files, folders and links is E_UNSUPPORTED.
 */
int ustar_add_host(struct buf *out, const char *path, const char *host, struct err *e)
	MUST_CHECK;

#endif
