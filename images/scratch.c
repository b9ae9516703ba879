/* SPDX-License-Identifier: MIT */
#include "images/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define GRACE_S 60

/* Nobody holds its lock, and it is not one whose owner is just about to take it? */
static bool is_abandoned(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool yes = fd >= 0 && !fstat(fd, &st) &&
		   st.st_mtime + GRACE_S < time(NULL) &&
		   !flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Scratch folders of builders that were killed. Best effort. */
static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	char path[PATH_MAX];

	while (d && (de = readdir(d)))
		if (!strncmp(de->d_name, "image.", 6) &&
		    !fsio_join(path, sizeof(path), dir, de->d_name, NULL) &&
		    is_abandoned(path))
			(void)!fsio_remove_tree(path, NULL);
	if (d)
		closedir(d);
}

int scratch_make(struct scratch *s, const char *build_dir, struct err *e)
{
	char dir[PATH_MAX];
	int r = fsio_join(dir, sizeof(dir), build_dir, "cache/scratch", e);

	*s = SCRATCH_INIT;
	if (!r)
		r = fsio_mkdirs(dir, 0755, e);
	if (r)
		return r;
	sweep(dir);
	r = fsio_join(s->path, sizeof(s->path), dir, "image.XXXXXX", e);
	if (!r && !mkdtemp(s->path)) {
		r = err_sys(e, "making folder %s", s->path);
		s->path[0] = '\0';
	}
	if (r)
		return r;
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0 || flock(s->fd, LOCK_EX))
		r = err_sys(e, "locking %s", s->path);
	return r;
}

void scratch_release(struct scratch *s)
{
	if (s->path[0])
		(void)!fsio_remove_tree(s->path, NULL);
	if (s->fd >= 0)
		close(s->fd);
	*s = SCRATCH_INIT;
}
