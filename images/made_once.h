/* SPDX-License-Identifier: MIT */
/*
 * Files of the cache that are made once and used by many runs at the same time.
 *
 * Beside such a file stands the hash of what it held when it was made. Who finds the
 * file changed (a crash of the host, a full disk, somebody who mounted it) makes it anew:
 * a verdict from a damaged disk would be worth nothing. What is made is the same bytes
 * again, so that the disks of earlier runs, which lie on it, stay readable.
 */
#ifndef IMAGES_MADE_ONCE_H
#define IMAGES_MADE_ONCE_H

#include "images/disk.h"

struct made_once {
	const char *path;
	const char *what; /* "base disk", for messages */
	/* Make the new file @path, which does not exist, and what belongs beside it. */
	int (*make)(void *arg, const char *path, struct err *e);
	void *arg;
	/*
	 * What is added to the name of the file for that of a second one, which is made
	 * with it and as whole as it is; NULL: there is none.
	 */
	const char *beside;
};

/*
 * See to it that @m->path is there and whole. Others who want it meanwhile wait. The file
 * appears complete or not at all, whenever this process is killed. *ret_made (may be
 * NULL): was it made now? E_CANCELED when @env->stopped says so, else what make returns.
 */
int made_once(const struct image_env *env, const struct made_once *m, bool *ret_made,
	      struct err *e) MUST_CHECK;

#endif
