/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define FILE_MAX ((size_t)1 << 30)

static int copy_file(const FTSENT *ent, const char *to, struct err *e)
{
	struct buf data = BUF_INIT;
	int r = fsio_read(ent->fts_path, FILE_MAX, &data, e);

	if (!r)
		r = fsio_write_atomic(to, data.data ? (const char *)data.data : "",
				      data.len, ent->fts_statp->st_mode & 07777, e);
	buf_release(&data);
	return r;
}

static int copy_link(const FTSENT *ent, const char *to, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(ent->fts_path, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "%s", ent->fts_path);
	target[n] = 0;
	return symlink(target, to) ? err_sys(e, "%s", to) : 0;
}

static int copy_entry(const FTSENT *ent, const char *to, struct err *e)
{
	switch (ent->fts_info) {
	case FTS_D:
		if (mkdir(to, 0700))
			return err_sys(e, "%s", to);
		return 0;
	case FTS_DP:
		return chmod(to, ent->fts_statp->st_mode & 07777) ? err_sys(e, "%s", to)
								  : 0;
	case FTS_F:
		return copy_file(ent, to, e);
	case FTS_SL:
	case FTS_SLNONE:
		return copy_link(ent, to, e);
	case FTS_DNR:
	case FTS_NS:
	case FTS_ERR:
		errno = ent->fts_errno;
		return err_sys(e, "%s", ent->fts_path);
	default:
		return err_set(e, E_UNSUPPORTED, "%s: neither folder nor file nor link",
			       ent->fts_path);
	}
}

int fsio_copy_tree(const char *from, const char *to, struct err *e)
{
	char root[PATH_MAX], path[PATH_MAX];
	char *const roots[] = {root, NULL};
	size_t len = strlen(from);
	FTSENT *ent;
	FTS *fts;
	int r = 0;

	while (len > 1 && from[len - 1] == '/')
		len--;
	if (snprintf(root, sizeof(root), "%.*s", (int)len, from) >= (int)sizeof(root))
		return err_set(e, E_OVERFLOW, "a path of %zu bytes", len);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	if (!fts)
		return err_sys(e, "%s", root);
	while (!r && (ent = fts_read(fts))) {
		if (snprintf(path, sizeof(path), "%s%s", to, ent->fts_path + len) >=
		    (int)sizeof(path))
			r = err_set(e, E_OVERFLOW, "%s: the path is too long", to);
		else
			r = copy_entry(ent, path, e);
	}
	fts_close(fts);
	return r;
}
