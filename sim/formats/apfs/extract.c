/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/apfs/inoset.h"

#define PIECE     (1u << 20)
#define HOLE      4096u /* zeros of this size and alignment become holes */
#define XATTR_MAX 65536u /* more than Linux takes anyway */

/* Folders get their mode and times last, when nothing more is made in them. */
struct late_dir {
	char *path;
	struct apfs_inode inode;
};

struct extract {
	struct apfs_volume *v;
	const char *dest;
	size_t strip; /* bytes of an entry's path that @dest stands for */
	const struct apfs_extract_opts *opts;
	struct apfs_extract_result res;
	struct apfs_inoset links; /* files of several names, with where they are now */
	struct late_dir *dirs;
	size_t n_dirs;
	uint8_t *piece;
};

static struct timespec to_timespec(int64_t ns)
{
	struct timespec ts = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += 1000000000;
	}
	return ts;
}

static void copy_xattrs(struct extract *x, const char *path, const struct apfs_inode *ino)
{
	struct apfs_xattr *list;
	struct err ignored;
	size_t n;

	if (!x->opts->xattrs)
		return;
	if (apfs_xattrs(x->v, ino->ino, &list, &n, &ignored)) {
		x->res.skipped++;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char name[APFS_NAME_BUF + 8];
		struct buf value = BUF_INIT;

		if (list[i].flags & APFS_XATTR_FILE_SYSTEM_OWNED)
			continue;
		snprintf(name, sizeof(name), "user.%s", list[i].name);
		if (apfs_xattr_get(x->v, ino->ino, list[i].name, XATTR_MAX, &value,
				   &ignored) ||
		    lsetxattr(path, name, value.data, value.len, XATTR_CREATE))
			x->res.skipped++;
		buf_release(&value);
	}
	free(list);
}

/* Owner, mode, times; the owner first, because it clears set-id bits. */
static int set_attributes(struct extract *x, const char *path,
			  const struct apfs_inode *ino, struct err *e)
{
	const struct timespec times[2] = {to_timespec(ino->access_ns),
					  to_timespec(ino->mod_ns)};
	mode_t mode = ino->mode & (x->opts->owners ? 07777 : 0777);

	copy_xattrs(x, path, ino);
	if (x->opts->owners && lchown(path, ino->uid, ino->gid))
		return err_sys(e, "owner of %s", path);
	if (!S_ISLNK(ino->mode) && chmod(path, mode))
		return err_sys(e, "mode of %s", path);
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		return err_sys(e, "times of %s", path);
	return 0;
}

/* Write what is not zero; the rest of the file is holes already. */
static int write_piece(int fd, const uint8_t *p, size_t len, uint64_t off,
		       const char *path, struct err *e)
{
	static const uint8_t zeros[HOLE];
	int r = 0;

	while (len && !r) {
		size_t n = len < HOLE ? len : HOLE;
		size_t run = 0;

		if (!memcmp(p, zeros, n)) {
			p += n;
			off += n;
			len -= n;
			continue;
		}
		while (run < len && memcmp(p + run, zeros, len - run < HOLE ? len - run : HOLE))
			run += len - run < HOLE ? len - run : HOLE;
		r = fsio_pwrite_all(fd, p, run, off, path, e);
		p += run;
		off += run;
		len -= run;
	}
	return r;
}

static int copy_data(struct extract *x, int fd, const struct apfs_inode *ino,
		     const char *path, struct err *e)
{
	struct apfs_file *f = NULL;
	uint64_t off = 0;
	size_t n;
	int r = apfs_file_open(x->v, ino, &f, e);

	if (!r && ftruncate(fd, (off_t)ino->size))
		r = err_sys(e, "%s", path);
	/* From data to data: a hole may be larger than anyone can read through. */
	while (!r && off < ino->size) {
		r = apfs_file_next_data(f, off, &off, e);
		if (r || off == ino->size)
			break;
		r = apfs_file_pread(f, off, x->piece, PIECE, &n, e);
		if (!r && !n)
			r = err_set(e, E_CORRUPT, "%s ends early", path);
		if (!r)
			r = write_piece(fd, x->piece, n, off, path, e);
		off += n;
	}
	apfs_file_close(f);
	x->res.bytes += ino->size;
	return r;
}

static int make_file(struct extract *x, const char *path, const struct apfs_inode *ino,
		     struct err *e)
{
	const char *old;
	int fd, r;

	if (ino->nlink > 1) {
		r = apfs_inoset_add(&x->links, ino->ino, path, &old, e);
		if (r == -E_EXISTS) {
			x->res.hard_links++;
			return link(old, path) ? err_sys(e, "link %s", path) : 0;
		}
		if (r)
			return r;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s", path);
	r = copy_data(x, fd, ino, path, e);
	if (close(fd) && !r)
		r = err_sys(e, "%s", path);
	x->res.files++;
	return r ? r : set_attributes(x, path, ino, e);
}

static int make_dir(struct extract *x, const char *path, const struct apfs_inode *ino,
		    struct err *e)
{
	struct late_dir *p;

	if (mkdir(path, 0700))
		return err_sys(e, "%s", path);
	x->res.dirs++;
	p = reallocarray(x->dirs, x->n_dirs + 1, sizeof(*p));
	if (!p)
		return err_set(e, E_NOMEM, "folders: out of memory");
	x->dirs = p;
	p += x->n_dirs;
	p->inode = *ino;
	p->path = strdup(path);
	if (!p->path)
		return err_set(e, E_NOMEM, "folders: out of memory");
	x->n_dirs++;
	return 0;
}

static int make_symlink(struct extract *x, const char *path, const struct apfs_inode *ino,
			struct err *e)
{
	struct buf target = BUF_INIT;
	int r = apfs_readlink(x->v, ino, &target, e);

	if (!r && symlink(buf_str(&target), path))
		r = err_sys(e, "%s", path);
	buf_release(&target);
	x->res.symlinks++;
	return r ? r : set_attributes(x, path, ino, e);
}

static int extract_one(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	struct extract *x = ctx;
	const struct apfs_inode *ino = w->inode;
	char path[4096];
	int n;

	/* ".." cannot be a name, and everything above was made by us a moment ago. */
	if (w->depth && (!strcmp(w->name, ".") || !strcmp(w->name, "..")))
		return err_set(e, E_CORRUPT, "entry with the name '%s'", w->name);
	n = snprintf(path, sizeof(path), "%s%s", x->dest, w->depth ? w->path + x->strip : "");
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, E_OVERFLOW, "path is too long for the host");
	switch (ino->mode & S_IFMT) {
	case S_IFDIR:
		return make_dir(x, path, ino, e);
	case S_IFREG:
		return make_file(x, path, ino, e);
	case S_IFLNK:
		return make_symlink(x, path, ino, e);
	default:
		x->res.skipped++;
		return 0;
	}
}

static int finish_dirs(struct extract *x, struct err *e)
{
	int r = 0;

	for (size_t i = x->n_dirs; i-- && !r;)
		r = set_attributes(x, x->dirs[i].path, &x->dirs[i].inode, e);
	return r;
}

int apfs_extract(struct apfs_volume *v, const char *path, const char *dest,
		 const struct apfs_extract_opts *opts, struct apfs_extract_result *ret,
		 struct err *e)
{
	struct extract x = {.v = v, .dest = dest, .opts = opts};
	size_t len = strlen(path);
	int r;

	while (len && path[len - 1] == '/')
		len--;
	/* The walk's paths begin with a slash, whether @path does or not. */
	x.strip = len && path[0] != '/' ? len + 1 : len;
	x.piece = malloc(PIECE);
	if (!x.piece)
		return err_set(e, E_NOMEM, "extraction: out of memory");
	r = apfs_walk(v, path, extract_one, &x, e);
	if (!r)
		r = finish_dirs(&x, e);
	for (size_t i = 0; i < x.n_dirs; i++)
		free(x.dirs[i].path);
	free(x.dirs);
	free(x.piece);
	apfs_inoset_release(&x.links);
	if (ret)
		*ret = x.res;
	return r;
}
