/* SPDX-License-Identifier: MIT */
/*
 * Serving a struct apfs_fs by FUSE (libfuse 3, low-level interface), in one thread.
 *
 * The kernel may keep whatever it was told, as a state never changes: each name, inode
 * and page is asked for once, and files and folders are not even opened.
 */
#ifndef COMPONENTS_APFS_SERVE_H
#define COMPONENTS_APFS_SERVE_H

#include <stdbool.h>

#include "components/apfs/fs.h"

#define SERVE_READ_MAX (1u << 20) /* bytes of one read */

struct serve_options {
	/* Where, on a host: libfuse mounts it, by fusermount3 for who is not root. */
	const char *dir;
	const char *source, *subtype; /* what mount(8) shows */
	/*
	 * Let others in too, and let the kernel check permissions. Else whoever mounted
	 * it may read all of it, as he may read the image, and nobody else anything.
	 */
	bool others;
	/* Or a descriptor of /dev/fuse that is mounted already; with dir NULL. */
	int fuse_fd;
};

struct server;

/*
 * Mount. Requests wait from now on for server_run. E_IO, E_PERM, E_INFRA with libfuse's
 * reason. End with server_free. @fs is borrowed for as long.
 */
int server_new(struct apfs_fs *fs, const struct serve_options *o, struct server **ret,
	       struct err *e) MUST_CHECK;

/*
 * Leave the terminal and go on in the background, as libfuse's programs do: the caller's
 * process ends with status 0.
 */
int server_daemonize(struct server *s, struct err *e) MUST_CHECK;

/* Answer until it is unmounted, or SIGTERM, SIGINT or SIGHUP comes. */
int server_run(struct server *s, struct err *e) MUST_CHECK;

/* Unmount if it is mounted. NULL is fine. */
void server_free(struct server *s);

#endif
