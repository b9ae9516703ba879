/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/base/tree_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define OPEN_FOLDERS 32
#define XATTR_MAX    65536

/* nftw(3) has no argument of one's own. */
static struct {
	const char *from, *to, *but;
	struct err *e;
	struct link {
		dev_t dev;
		ino_t ino;
		char *path; /* owned: of the copy */
	} *links; /* owned: files with several names */
	size_t n_links;
} job;

static int place(const char *path, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s%s", job.to, path + strlen(job.from));

	return n < PATH_MAX ? 0
			    : err_set(job.e, E_OVERFLOW, "%s: path too long", path);
}

/* For file systems that do not copy a range by themselves. */
static ssize_t copy_piece(int in, int out)
{
	static char piece[65536];
	ssize_t n = read(in, piece, sizeof(piece));
	struct err e = ERR_INIT;

	return n > 0 && fsio_write_all(out, piece, (size_t)n, "copy", &e) ? -1 : n;
}

static int copy_content(const char *path, const char *to, mode_t mode)
{
	int in = open(path, O_RDONLY | O_CLOEXEC), out, r = 0;
	ssize_t n = 1;

	if (in < 0)
		return err_sys(job.e, "%s", path);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);
	while (out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, 1 << 20, 0);
	if (out >= 0 && n < 0 && (errno == EINVAL || errno == EXDEV || errno == EOPNOTSUPP))
		while ((n = copy_piece(in, out)) > 0)
			;
	if (out < 0 || n < 0)
		r = err_sys(job.e, "copying %s", path);
	if (out >= 0)
		close(out);
	close(in);
	return r;
}

static int copy_link(const char *path, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(job.e, "%s", path);
	target[n] = '\0';
	return symlink(target, to) ? err_sys(job.e, "%s", to) : 0;
}

static int copy_xattrs(const char *path, const char *to)
{
	static char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t len = llistxattr(path, names, sizeof(names)), n;

	if (len < 0)
		return err_sys(job.e, "attributes of %s", path);
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		if (job.but && !strcmp(name, job.but))
			continue;
		n = lgetxattr(path, name, value, sizeof(value));
		if (n < 0 || lsetxattr(to, name, value, (size_t)n, 0))
			return err_sys(job.e, "attribute %s of %s", name, path);
	}
	return 0;
}

static int remember_link(const struct stat *st, const char *to)
{
	struct link *p = reallocarray(job.links, job.n_links + 1, sizeof(*p));

	if (!p)
		return err_set(job.e, E_NOMEM, "out of memory");
	job.links = p;
	p[job.n_links] = (struct link){st->st_dev, st->st_ino, strdup(to)};
	if (!p[job.n_links].path)
		return err_set(job.e, E_NOMEM, "out of memory");
	job.n_links++;
	return 0;
}

static const char *known_link(const struct stat *st)
{
	for (size_t i = 0; i < job.n_links; i++)
		if (job.links[i].ino == st->st_ino && job.links[i].dev == st->st_dev)
			return job.links[i].path;
	return NULL;
}

static int make(const char *path, const char *to, const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return mkdir(to, st->st_mode & 07777) ? err_sys(job.e, "%s", to) : 0;
	case S_IFREG:
		return copy_content(path, to, st->st_mode);
	case S_IFLNK:
		return copy_link(path, to);
	default:
		return mknod(to, st->st_mode, st->st_rdev) ? err_sys(job.e, "%s", to) : 0;
	}
}

static int dress(const char *path, const char *to, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (lchown(to, st->st_uid, st->st_gid) ||
	    (!S_ISLNK(st->st_mode) && chmod(to, st->st_mode & 07777)))
		return err_sys(job.e, "%s", to);
	if (copy_xattrs(path, to))
		return -(int)job.e->code;
	if (utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW))
		return err_sys(job.e, "%s", to);
	return 0;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	bool several = !S_ISDIR(st->st_mode) && st->st_nlink > 1;
	const char *known = several ? known_link(st) : NULL;
	char to[PATH_MAX];

	(void)at;
	if (type == FTW_NS || type == FTW_DNR)
		return err_set(job.e, E_IO, "%s cannot be read", path);
	if (place(path, to))
		return -1;
	if (known)
		return link(known, to) ? err_sys(job.e, "%s", to) : 0;
	if (make(path, to, st) || dress(path, to, st))
		return -1;
	return several ? remember_link(st, to) : 0;
}

/* Folders got a new time with each entry. */
static int visit_times(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	char to[PATH_MAX];

	(void)at;
	if (type != FTW_D)
		return 0;
	if (place(path, to))
		return -1;
	return utimensat(AT_FDCWD, to, times, 0) ? err_sys(job.e, "%s", to) : 0;
}

int tree_copy(const char *from, const char *to, const char *but, struct err *e)
{
	int r;

	job.from = from;
	job.to = to;
	job.but = but;
	job.e = e;
	errno = 0;
	r = nftw(from, visit, OPEN_FOLDERS, FTW_PHYS);
	if (!r)
		r = nftw(from, visit_times, OPEN_FOLDERS, FTW_PHYS);
	if (r && !e->code)
		err_sys(e, "%s", from);
	for (size_t i = 0; i < job.n_links; i++)
		free(job.links[i].path);
	free(job.links);
	job.links = NULL;
	job.n_links = 0;
	return r ? -(int)e->code : 0;
}
