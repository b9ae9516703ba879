/* SPDX-License-Identifier: MIT */
/*
 * Files of a Mac by the paths a Mac uses, from outside: over the volumes of a disk
 * that is powered off, or over a running machine.
 *
 * On a disk a path is resolved as Catalina does: the System volume is the root,
 * /usr/share/firmlinks of that volume leads folders over to the Data volume,
 * /System/Volumes/Data and /private/var/vm are mount points, symbolic links count.
 */
#ifndef HARNESS_MACFS_H
#define HARNESS_MACFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/base/idtext.h"

#define MACFS_PATH_MAX 1024
#define MACFS_ROLE_MAX 16

struct macfs_stat {
	uint32_t mode; /* type and permissions */
	uint32_t uid, gid;
	uint64_t size;
	int64_t mtime_ns;
	char role[MACFS_ROLE_MAX]; /* "System", "Data", ...: the volume that holds it */
};

/*
 * One volume, by role. Paths are absolute within the volume; no link is followed.
 * E_NOTFOUND when the path (or, from any of them, the role) does not exist.
 */
struct volume_ops {
	bool resolves; /* paths are a Mac's own already: a running machine follows them
			  itself */
	int (*stat)(void *ctx, const char *role, const char *path, struct macfs_stat *out,
		    struct err *e);
	int (*read)(void *ctx, const char *role, const char *path, size_t max,
		    struct buf *out, struct err *e);
	/* Volume group of the system, as text; "" when it is in none. May be NULL. */
	int (*group)(void *ctx, char out[static UUID_TEXT_MAX], struct err *e);
	void (*free)(void *ctx);
};

struct macfs;

/* A view over volumes; takes @ctx. Free with macfs_free. */
int macfs_new(const struct volume_ops *ops, void *ctx, struct macfs **ret,
	      struct err *e) MUST_CHECK;
void macfs_free(struct macfs *fs);

/* lstat(2): a link at the end is not followed, links on the way are. E_NOTFOUND. */
int macfs_stat(struct macfs *fs, const char *path, struct macfs_stat *out,
	       struct err *e) MUST_CHECK;
/* Content of a file, or target of a link, at most @max bytes. Appends. */
int macfs_read(struct macfs *fs, const char *path, size_t max, struct buf *out,
	       struct err *e) MUST_CHECK;

/* The volume group of the system; "" when it is in none, or cannot be told. */
int macfs_group(struct macfs *fs, char out[static UUID_TEXT_MAX],
		struct err *e) MUST_CHECK;

/*
 * Where @path leads: the volume's role and the path inside it. E_NOTFOUND, E_OVERFLOW
 * (too many links).
 */
int macfs_resolve(struct macfs *fs, const char *path, char role[static MACFS_ROLE_MAX],
		  char inner[static MACFS_PATH_MAX], struct err *e) MUST_CHECK;

#endif
