/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/carrier/init/init.h"

static int load_module(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return err_sys(e, "opening %s", path);
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		r = err_sys(e, "loading %s", path);
	close(fd);
	return r;
}

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int load_modules(const char *dir, struct err *e)
{
	struct dirent **names;
	int n = scandir(dir, &names, not_hidden, alphasort), r = 0;

	if (n < 0)
		return err_sys(e, "reading %s", dir);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (!r)
			r = fsio_join(path, sizeof(path), dir, names[i]->d_name, e);
		if (!r)
			r = load_module(path, e);
		free(names[i]);
	}
	free(names);
	return r;
}
