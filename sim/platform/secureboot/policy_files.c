/* SPDX-License-Identifier: MIT */
/* The files of policies, where iSCPreboot is mounted. */
#define _GNU_SOURCE /* syncfs */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/platform/secureboot/policy.h"

#define POLICY_FILE_MAX (1u << 20)

static int host_path(void *ctx, const char *path, char out[static PATH_MAX],
		     struct err *e)
{
	return fsio_join(out, PATH_MAX, ctx, path + (path[0] == '/'), e);
}

static int dir_read(void *ctx, const char *path, struct buf *out, struct err *e)
{
	char full[PATH_MAX];
	int r = host_path(ctx, path, full, e);

	return r ? r : fsio_read(full, POLICY_FILE_MAX, out, e);
}

/* The name has to survive a power cut as well as the content. */
static int sync_volume(const char *folder, struct err *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return err_sys(e, "%s", folder);
	if (syncfs(fd))
		r = err_sys(e, "%s", folder);
	close(fd);
	return r;
}

static int dir_write(void *ctx, const char *path, const void *data, size_t len,
		     struct err *e)
{
	char full[PATH_MAX], folder[PATH_MAX], *slash;
	int r = host_path(ctx, path, full, e);

	if (r)
		return r;
	memcpy(folder, full, sizeof(folder));
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	r = fsio_mkdirs(folder, 0755, e);
	if (!r)
		r = fsio_write_atomic(full, data, len, 0644, e);
	return r ? r : sync_volume(folder, e);
}

static int dir_remove(void *ctx, const char *path, struct err *e)
{
	char full[PATH_MAX];
	int r = host_path(ctx, path, full, e);

	return r ? r : fsio_remove_tree(full, e);
}

static int dir_list(void *ctx, const char *path,
		    int (*each)(void *arg, const char *name, struct err *e), void *arg,
		    struct err *e)
{
	char full[PATH_MAX];
	struct dirent *ent;
	DIR *d;
	int r = host_path(ctx, path, full, e);

	if (r)
		return r;
	d = opendir(full);
	if (!d)
		return err_sys(e, "%s", full);
	while (!r && (errno = 0, ent = readdir(d)))
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = each(arg, ent->d_name, e);
	if (!r && errno)
		r = err_sys(e, "%s", full);
	closedir(d);
	return r;
}

struct sb_policy_files sb_policy_files_in(const char *dir)
{
	union {
		const char *in;
		void *out;
	} ctx = {.in = dir};

	return (struct sb_policy_files){
		.ctx = ctx.out,
		.read = dir_read,
		.write = dir_write,
		.remove = dir_remove,
		.list = dir_list,
	};
}
