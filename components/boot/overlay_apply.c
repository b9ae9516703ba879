/* SPDX-License-Identifier: MIT */
/*
 * What is in the upper layer of an overlayfs (Linux, Documentation/filesystems/
 * overlayfs.rst), made on a tree of the layer below it.
 *
 * A character device 0:0 is a name that is gone. A folder that is not opaque shows what
 * the one below has as well; which one that is, and where a file comes from, is told by
 * its file handle in trusted.overlay.origin, in which FUSE puts the file's number. A
 * folder with trusted.overlay.redirect was moved here.
 *
 * Files and folders that lose their names go to a folder for trash first, because others
 * that are met later may come from there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "components/boot/overlay.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/raw.h"

#define OPAQUE	 "trusted.overlay.opaque"
#define REDIRECT "trusted.overlay.redirect"
#define ORIGIN	 "trusted.overlay.origin"
#define TRASH	 "/\001trash" /* no name that anybody would give a file */

/*
 * struct ovl_fb of the kernel (fs/overlayfs/overlayfs.h), with a handle as FUSE makes it
 * (fs/fuse/inode.c): the file's number, its upper half first, and a generation. Numbers
 * are in the byte order of the machine.
 */
struct origin {
	uint8_t version, magic, len, flags, type;
	uint8_t uuid[16];
	uint32_t high, low, generation;
} __attribute__((packed));
#define ORIGIN_MAGIC	 0xfb
#define HANDLE_OF_FUSE	 0x81
#define FUSE_ROOT_NUMBER 1

/* Hard links of the upper layer that were met: files with several names. */
struct linked {
	ino_t ino;
	struct fs_node *node;
};

struct apply {
	struct fs_tree *t;
	bool fold;
	struct fs_node **by_number; /* those of the volume, by tag */
	size_t n_numbers;
	unsigned n_trash;
	struct linked *linked;
	size_t n_linked;
};

/* An entry of the upper layer. */
struct entry {
	char host[PATH_MAX]; /* its path */
	const char *name;
	char above[PATH_MAX]; /* path of the folder of the upper layer that it is in */
	struct fs_node *dir;  /* and that folder in the tree */
	char place[PATH_MAX]; /* the path that it has there */
	struct stat st;
	struct fs_node *from; /* the file of the volume that it is or was, or NULL */
};

/* ---- the tree ---- */

static int cmp_tags(const void *a, const void *b)
{
	uint64_t x = (*(struct fs_node *const *)a)->tag;
	uint64_t y = (*(struct fs_node *const *)b)->tag;

	return (x > y) - (x < y);
}

/* All names of a file have its number; the node with the content stands for it. */
static int number_nodes(struct apply *a, struct err *e)
{
	a->by_number = calloc(a->t->n_nodes + 1, sizeof(struct fs_node *));
	if (!a->by_number)
		return err_set(e, E_NOMEM, "out of memory");
	for (struct fs_node *n = a->t->root; n; n = fs_tree_next(a->t, n))
		if (!n->link)
			a->by_number[a->n_numbers++] = n;
	qsort(a->by_number, a->n_numbers, sizeof(struct fs_node *), cmp_tags);
	return 0;
}

static struct fs_node *by_number(const struct apply *a, uint64_t number)
{
	struct fs_node key = {.tag = number}, *p = &key, **hit;

	hit = bsearch(&p, a->by_number, a->n_numbers, sizeof(p), cmp_tags);
	return hit ? *hit : NULL;
}

static struct fs_node *child(const struct fs_node *dir, const char *name)
{
	struct fs_node *n = dir->children;

	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

static bool upper_has(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return !fsio_join(path, sizeof(path), dir, name, NULL) && !lstat(path, &st);
}

/*
 * The volume's own child of x->dir that x->name means: spelled so, or, where case does
 * not count, spelled in another way and not named by the upper layer otherwise.
 */
static struct fs_node *meant(const struct apply *a, const struct entry *x)
{
	struct fs_node *n = child(x->dir, x->name);

	if (n || !a->fold)
		return n;
	for (n = x->dir->children; n; n = n->next)
		if (n->tag && apfs_name_same(n->name, x->name, true) &&
		    !upper_has(x->above, n->name))
			return n;
	return NULL;
}

/* @n (may be NULL) loses its name. */
static int discard(struct apply *a, struct fs_node *n, struct err *e)
{
	char path[32];

	if (!n)
		return 0;
	snprintf(path, sizeof(path), TRASH "/%u", a->n_trash++);
	return fs_tree_move(a->t, n, path, e);
}

static int64_t timespec_ns(const struct timespec *t)
{
	return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static void set_attributes(struct fs_node *n, const struct stat *st)
{
	n->mode = (n->mode & S_IFMT) | (st->st_mode & 07777);
	n->uid = st->st_uid;
	n->gid = st->st_gid;
	n->mtime_ns = timespec_ns(&st->st_mtim);
	n->change_ns = timespec_ns(&st->st_ctim);
	n->access_ns = timespec_ns(&st->st_atim);
}

/* ---- the upper layer ---- */

static int get_origin(const char *host, uint64_t *ret, struct err *e)
{
	struct origin o;
	ssize_t n = lgetxattr(host, ORIGIN, &o, sizeof(o));

	*ret = 0;
	if (n < 0 && errno == ENODATA)
		return 0;
	if (n != (ssize_t)sizeof(o) || o.len != sizeof(o) || o.magic != ORIGIN_MAGIC ||
	    o.type != HANDLE_OF_FUSE)
		return err_set(e, E_CORRUPT, "%s: does not come from a served volume",
			       host);
	*ret = (uint64_t)o.high << 32 | o.low;
	if (*ret == FUSE_ROOT_NUMBER)
		*ret = APFS_INO_ROOT;
	return 0;
}

static int find_origin(const struct apply *a, struct entry *x, struct err *e)
{
	uint64_t number;
	int r = get_origin(x->host, &number, e);

	x->from = number ? by_number(a, number) : NULL;
	if (r || !number)
		return r;
	if (!x->from || (x->from->mode & S_IFMT) != (x->st.st_mode & S_IFMT))
		return err_set(e, E_CORRUPT, "%s: the volume has no such file %#llx",
			       x->host, (unsigned long long)number);
	return 0;
}

static bool has_xattr(const char *host, const char *name)
{
	return lgetxattr(host, name, NULL, 0) >= 0;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* ---- files ---- */

static struct linked *find_linked(const struct apply *a, const struct entry *x)
{
	for (size_t i = 0; i < a->n_linked; i++)
		if (a->linked[i].ino == x->st.st_ino)
			return &a->linked[i];
	return NULL;
}

static int remember_linked(struct apply *a, const struct entry *x, struct fs_node *n,
			   struct err *e)
{
	struct linked *more;

	if (x->st.st_nlink < 2)
		return 0;
	more = reallocarray(a->linked, a->n_linked + 1, sizeof(*more));
	if (!more)
		return err_set(e, E_NOMEM, "out of memory");
	a->linked = more;
	a->linked[a->n_linked++] = (struct linked){.ino = x->st.st_ino, .node = n};
	return 0;
}

/* Content that is not compressed takes the place of one that was. */
static void unpack(struct fs_node *n)
{
	struct fs_xattr **at = &n->xattrs, *x;

	if (!(n->bsd_flags & APFS_UF_COMPRESSED))
		return;
	n->bsd_flags &= ~APFS_UF_COMPRESSED;
	while ((x = *at)) {
		if (strcmp(x->name, APFS_XATTR_NAME_DECMPFS) != 0 &&
		    strcmp(x->name, APFS_XATTR_NAME_RSRC_FORK) != 0) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		free(x->name);
		free(x->value);
		free(x);
	}
}

static int set_content(struct fs_node *n, const struct entry *x, struct err *e)
{
	char *path = strdup(x->host);

	if (!path)
		return err_set(e, E_NOMEM, "out of memory");
	free(n->data);
	free(n->host_path);
	n->data = NULL;
	n->host_path = path;
	n->size = (uint64_t)x->st.st_size;
	unpack(n);
	set_attributes(n, &x->st);
	return 0;
}

/* A file of the volume was changed: under all of its names, and maybe under a new one. */
static int change_file(struct apply *a, const struct entry *x, struct err *e)
{
	struct fs_node *now = meant(a, x);
	int r = set_content(x->from, x, e);

	if (r || (now && (now == x->from || now->link == x->from)))
		return r;
	/* Its other name, if it lost that, is a whiteout. */
	r = discard(a, now, e);
	return r ? r : fs_tree_hardlink(a->t, x->place, x->from, e);
}

static int new_file(struct apply *a, const struct entry *x, struct err *e)
{
	const struct linked *other = find_linked(a, x);
	struct fs_node *n;
	int r = discard(a, meant(a, x), e);

	if (r)
		return r;
	if (other)
		return fs_tree_hardlink(a->t, x->place, other->node, e);
	r = fs_tree_host_file(a->t, x->place, x->st.st_mode, x->host, &n, e);
	if (r)
		return r;
	set_attributes(n, &x->st);
	return remember_linked(a, x, n, e);
}

static int apply_file(struct apply *a, const struct entry *x, struct err *e)
{
	return x->from ? change_file(a, x, e) : new_file(a, x, e);
}

static int apply_symlink(struct apply *a, const struct entry *x, struct err *e)
{
	char target[PATH_MAX];
	ssize_t len = readlink(x->host, target, sizeof(target) - 1);
	struct fs_node *n;
	int r;

	if (len < 0)
		return err_sys(e, "%s", x->host);
	target[len] = '\0';
	r = discard(a, meant(a, x), e);
	if (!r)
		r = fs_tree_symlink(a->t, x->place, target, &n, e);
	if (!r)
		set_attributes(n, &x->st);
	return r;
}

/* ---- folders ---- */

static int apply_entries(struct apply *a, const char *host, struct fs_node *dir,
			 struct err *e);

/* A folder of the volume, with changes in it; where it is, or moved to here. */
static int merge_folder(struct apply *a, const struct entry *x, struct err *e)
{
	struct fs_node *n = x->from;
	int r = 0;

	if (has_xattr(x->host, REDIRECT) && child(x->dir, x->name) != n) {
		r = discard(a, meant(a, x), e);
		if (!r)
			r = fs_tree_move(a->t, n, x->place, e);
	} else if (n->parent != x->dir) {
		r = err_set(e, E_CORRUPT, "%s: is not where it comes from", x->host);
	}
	if (r)
		return r;
	set_attributes(n, &x->st);
	return apply_entries(a, x->host, n, e);
}

static int new_folder(struct apply *a, const struct entry *x, struct err *e)
{
	struct fs_node *n;
	int r = discard(a, meant(a, x), e);

	if (!r)
		r = fs_tree_mkdir(a->t, x->place, x->st.st_mode, &n, e);
	if (r)
		return r;
	set_attributes(n, &x->st);
	return apply_entries(a, x->host, n, e);
}

static int apply_entry(struct apply *a, struct entry *x, struct err *e)
{
	int r;

	if (is_whiteout(&x->st))
		return discard(a, meant(a, x), e);
	r = find_origin(a, x, e);
	if (r)
		return r;
	switch (x->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return x->from && !has_xattr(x->host, OPAQUE) ? merge_folder(a, x, e)
							      : new_folder(a, x, e);
	case S_IFREG:
		return apply_file(a, x, e);
	case S_IFLNK:
		return apply_symlink(a, x, e);
	default:
		return 0; /* sockets and the like are of one boot only */
	}
}

static int make_entry(struct entry *x, const char *host, struct fs_node *dir,
		      const char *name, struct err *e)
{
	char room[PATH_MAX];
	const char *above = fs_node_path(dir, room, sizeof(room));
	int r = fsio_join(x->host, sizeof(x->host), host, name, e);

	if (!r)
		r = fsio_join(x->place, sizeof(x->place), above[1] ? above : "", name, e);
	if (r)
		return r;
	x->name = name;
	x->dir = dir;
	strcpy(x->above, host);
	return lstat(x->host, &x->st) ? err_sys(e, "%s", x->host) : 0;
}

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int apply_entries(struct apply *a, const char *host, struct fs_node *dir,
			 struct err *e)
{
	struct dirent **list;
	struct entry *x;
	int n = scandir(host, &list, not_dots, alphasort), r = 0;

	if (n < 0)
		return err_sys(e, "%s", host);
	x = malloc(sizeof(*x));
	if (!x)
		r = err_set(e, E_NOMEM, "out of memory");
	for (int i = 0; i < n; i++) {
		if (!r)
			r = make_entry(x, host, dir, list[i]->d_name, e);
		if (!r)
			r = apply_entry(a, x, e);
		free(list[i]);
	}
	free(list);
	free(x);
	return r;
}

int overlay_upper_apply(const char *upper, struct fs_tree *t, bool fold, struct err *e)
{
	struct apply a = {.t = t, .fold = fold};
	struct stat st;
	int r = lstat(upper, &st) ? err_sys(e, "%s", upper) : 0;

	if (!r)
		r = number_nodes(&a, e);
	if (!r)
		r = fs_tree_mkdir(t, TRASH, 0700, NULL, e);
	if (!r)
		r = apply_entries(&a, upper, t->root, e);
	if (!r)
		r = fs_tree_remove(t, TRASH, e);
	if (!r)
		set_attributes(t->root, &st);
	free(a.by_number);
	free(a.linked);
	return r ? err_ctx(e, "changes of the volume") : 0;
}
