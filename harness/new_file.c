/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* renameat2 */
#include "harness/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sim/base/fsio.h"

int new_file(const char *path, int (*make)(void *ctx, const char *part, struct err *e),
	     void *ctx, struct err *e)
{
	char part[NEW_FILE_PATH_MAX];
	int r;

	if (fsio_exists(path))
		return err_set(e, E_EXISTS, "'%s' is there already", path);
	if (snprintf(part, sizeof(part), "%s.part-%ld", path, (long)getpid()) >=
	    (int)sizeof(part))
		return err_set(e, E_OVERFLOW, "the path is too long");
	r = make(ctx, part, e);
	/* Not every file system can refuse to replace. */
	if (!r && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) &&
	    (errno != EINVAL || rename(part, path)))
		r = err_sys(e, "making '%s'", path);
	if (r)
		unlink(part);
	return r;
}
