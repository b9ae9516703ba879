/* SPDX-License-Identifier: MIT */
/* Copying a host folder into a tree. */
#define _GNU_SOURCE /* tdestroy */

#include <dirent.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/fstree/fstree.h"

#define DEPTH_MAX 256

/* A host file with several names: the first one that was met holds the content. */
struct seen {
	dev_t dev;
	ino_t ino;
	struct fs_node *node;
};

struct import {
	struct fs_tree *tree;
	void *seen; /* tsearch tree of struct seen */
	unsigned depth;
};

static int seen_cmp(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

static int import_file(struct import *im, const char *to, const char *from,
		       const struct stat *st, struct err *e)
{
	struct seen key = {.dev = st->st_dev, .ino = st->st_ino}, **found, *s;
	struct fs_node *n;

	if (st->st_nlink == 1)
		return fs_tree_host_file(im->tree, to, st->st_mode, from, NULL, e);
	found = tfind(&key, &im->seen, seen_cmp);
	if (found)
		return fs_tree_hardlink(im->tree, to, (*found)->node, e);
	int rc = fs_tree_host_file(im->tree, to, st->st_mode, from, &n, e);

	if (rc != 0)
		return rc;
	s = malloc(sizeof(*s));
	if (!s)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	key.node = n;
	*s = key;
	if (!tsearch(s, &im->seen, seen_cmp)) {
		free(s);
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	}
	return 0;
}

static int import_symlink(struct import *im, const char *to, const char *from,
			  struct err *e)
{
	char target[1024];
	ssize_t len = readlink(from, target, sizeof(target) - 1);

	if (len < 0)
		return err_sys(e, "%s", from);
	target[len] = '\0';
	return fs_tree_symlink(im->tree, to, target, NULL, e);
}

static int import_dir(struct import *im, const char *to, const char *from, mode_t mode,
		      struct err *e);

static int import_any(struct import *im, const char *to, const char *from, struct err *e)
{
	struct stat st;

	if (lstat(from, &st) != 0)
		return err_sys(e, "%s", from);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return import_dir(im, to, from, st.st_mode, e);
	case S_IFREG:
		return import_file(im, to, from, &st, e);
	case S_IFLNK:
		return import_symlink(im, to, from, e);
	default:
		return err_set(e, E_UNSUPPORTED, "%s is neither file, folder nor link",
			       from);
	}
}

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int import_dir(struct import *im, const char *to, const char *from, mode_t mode,
		      struct err *e)
{
	struct dirent **names = NULL;
	char to_path[1024], from_path[4096];
	int rc = fs_tree_mkdir(im->tree, to, mode, NULL, e), n;

	if (rc != 0)
		return rc;
	if (im->depth == DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "%s: folders nest too deep", from);
	n = scandir(from, &names, not_dots, by_bytes);
	if (n < 0)
		return err_sys(e, "%s", from);
	im->depth++;
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = fsio_join(to_path, sizeof(to_path), to, names[i]->d_name, e);
		if (rc == 0)
			rc = fsio_join(from_path, sizeof(from_path), from,
				       names[i]->d_name, e);
		if (rc == 0)
			rc = import_any(im, to_path, from_path, e);
		free(names[i]);
	}
	free(names);
	im->depth--;
	return rc;
}

int fs_tree_import(struct fs_tree *t, const char *path, const char *host_dir,
		   struct err *e)
{
	struct import im = {.tree = t};
	struct stat st;

	if (stat(host_dir, &st) != 0)
		return err_sys(e, "%s", host_dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, E_INVAL, "%s is not a folder", host_dir);
	const struct fs_node *there = fs_tree_find(t, path);
	int rc = import_dir(&im, path, host_dir, there ? there->mode : st.st_mode, e);

	tdestroy(im.seen, free);
	return rc;
}
