/* SPDX-License-Identifier: MIT */
/*
 * The tree of a volume, as the writer wants it. Files come in the order of their numbers,
 * in which our writer had them: written again, a tree that did not change gets the same
 * numbers and, sealed, the same root hash.
 *
 * Content that is compressed is unpacked, and what held it is left out.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/buf.h"
#include "sim/formats/apfs/edit.h"
#include "sim/formats/apfs/reader_impl.h"

#define PATH_BUF  1024 /* what fs_tree takes */
#define DEPTH_MAX 256

/* A name of a folder. */
struct entry {
	uint64_t ino, sibling;
	char *name; /* owned */
};

struct folder {
	struct entry *v; /* owned */
	size_t n, cap;
};

/* A name that is not the one that its file is imported under. */
struct link {
	uint64_t ino;
	char *path; /* owned */
};

/* A file with several names. */
struct target {
	uint64_t ino;
	struct fs_node *node;
};

struct import {
	struct apfs_volume *v;
	struct fs_tree *t;
	size_t room;	    /* bytes of content that may still come */
	struct link *links; /* owned */
	size_t n_links, cap_links;
	struct target *targets; /* owned */
	size_t n_targets, cap_targets;
	char path[PATH_BUF];
};

static int grow(void **v, size_t n, size_t *cap, size_t size, struct err *e)
{
	size_t more = *cap ? *cap * 2 : 64;
	void *p;

	if (n < *cap)
		return 0;
	p = reallocarray(*v, more, size);
	if (!p)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	*v = p;
	*cap = more;
	return 0;
}

/* ---- Folders ---- */

static void folder_release(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].name);
	free(f->v);
}

static int by_number(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->sibling < b->sibling ? -1 : a->sibling > b->sibling;
}

static int folder_add(struct folder *f, const struct apfs_dirent *d, struct err *e)
{
	void *v = f->v;
	int rc = grow(&v, f->n, &f->cap, sizeof(*f->v), e);

	f->v = v;
	if (rc != 0)
		return rc;
	f->v[f->n] = (struct entry){
		.ino = d->ino, .sibling = d->sibling, .name = strdup(d->name)};
	if (!f->v[f->n].name)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	f->n++;
	return 0;
}

static int folder_read(struct apfs_volume *v, uint64_t ino, struct folder *f,
		       struct err *e)
{
	const struct apfs_dirent *d = NULL;
	struct apfs_dir *dir;
	int rc = apfs_dir_open(v, ino, &dir, e);

	if (rc != 0)
		return rc;
	do {
		rc = apfs_dir_next(dir, &d, e);
		if (rc == 0 && d)
			rc = folder_add(f, d, e);
	} while (rc == 0 && d);
	apfs_dir_close(dir);
	if (f->n > 1)
		qsort(f->v, f->n, sizeof(*f->v), by_number);
	return rc;
}

/* ---- Files ---- */

/* Attributes that the writer makes itself, or that hold what is unpacked here. */
static bool is_left_out(const struct apfs_inode *ino, const char *name)
{
	if (strcmp(name, APFS_XATTR_NAME_SYMLINK) == 0)
		return true;
	return ino->bsd_flags & APFS_UF_COMPRESSED &&
	       (strcmp(name, APFS_XATTR_NAME_DECMPFS) == 0 ||
		strcmp(name, APFS_XATTR_NAME_RSRC_FORK) == 0);
}

static int add_xattrs(struct import *im, const struct apfs_inode *ino,
		      struct fs_node *node, struct err *e)
{
	struct apfs_xattr *list;
	size_t n;
	int rc = apfs_xattrs(im->v, ino->ino, &list, &n, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct buf value = BUF_INIT;

		if (is_left_out(ino, list[i].name))
			continue;
		rc = apfs_xattr_get(im->v, ino->ino, list[i].name, im->room, &value, e);
		if (rc == 0)
			rc = fs_node_set_xattr(node, list[i].name, value.data, value.len,
					       e);
		im->room -= rc == 0 ? value.len : 0;
		buf_release(&value);
	}
	free(list);
	return rc;
}

static int add_attributes(struct import *im, const struct apfs_inode *ino,
			  struct fs_node *node, struct err *e)
{
	node->mode = ino->mode;
	node->uid = ino->uid;
	node->gid = ino->gid;
	node->bsd_flags = ino->bsd_flags & ~APFS_UF_COMPRESSED;
	node->mtime_ns = ino->mod_ns;
	node->create_ns = ino->create_ns;
	node->change_ns = ino->change_ns;
	node->access_ns = ino->access_ns;
	node->tag = ino->ino;
	return add_xattrs(im, ino, node, e);
}

static int add_content(struct import *im, const struct apfs_inode *ino,
		       struct fs_node **ret, struct err *e)
{
	struct buf data = BUF_INIT;
	int rc;

	switch (ino->mode & S_IFMT) {
	case S_IFDIR:
		return fs_tree_mkdir(im->t, im->path, ino->mode, ret, e);
	case S_IFREG:
		rc = apfs_read_inode(im->v, ino, im->room, &data, e);
		if (rc == 0)
			rc = fs_tree_file(im->t, im->path, ino->mode, data.data, data.len,
					  ret, e);
		im->room -= rc == 0 ? data.len : 0;
		break;
	case S_IFLNK:
		rc = apfs_readlink(im->v, ino, &data, e);
		if (rc == 0)
			rc = fs_tree_symlink(im->t, im->path, buf_str(&data), ret, e);
		break;
	default:
		rc = err_set(e, E_UNSUPPORTED, "file type %o", ino->mode & S_IFMT);
	}
	buf_release(&data);
	return rc;
}

static int add_link(struct import *im, uint64_t ino, struct err *e)
{
	void *v = im->links;
	int rc = grow(&v, im->n_links, &im->cap_links, sizeof(*im->links), e);

	im->links = v;
	if (rc != 0)
		return rc;
	im->links[im->n_links] = (struct link){.ino = ino, .path = strdup(im->path)};
	if (!im->links[im->n_links].path)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	im->n_links++;
	return 0;
}

static int add_target(struct import *im, uint64_t ino, struct fs_node *node,
		      struct err *e)
{
	void *v = im->targets;
	int rc = grow(&v, im->n_targets, &im->cap_targets, sizeof(*im->targets), e);

	im->targets = v;
	if (rc == 0)
		im->targets[im->n_targets++] = (struct target){.ino = ino, .node = node};
	return rc;
}

/* Of a file with several names the first one counts, which has the lowest sibling id. */
static int is_first_name(struct import *im, const struct apfs_inode *ino,
			 const struct entry *entry, bool *ret, struct err *e)
{
	const struct apfs_key first = {
		.id = ino->ino, .type = APFS_REC_SIBLING_LINK, .name = ""};
	struct apfs_cursor cur;
	int rc;

	*ret = true;
	if (entry->sibling == 0)
		return 0;
	apfs_cursor_init(&cur, &im->v->fs);
	rc = apfs_cursor_seek(&cur, &first, e);
	if (rc == 0 && !cur.end && cur.key.id == ino->ino &&
	    cur.key.type == APFS_REC_SIBLING_LINK)
		*ret = cur.key.num == entry->sibling;
	apfs_cursor_release(&cur);
	return rc;
}

static int add_folder(struct import *im, uint64_t ino, unsigned depth, struct err *e);

/* The file @entry, whose path is im->path. */
static int add_file(struct import *im, const struct entry *entry, unsigned depth,
		    struct err *e)
{
	struct fs_node *node = NULL;
	struct apfs_inode ino;
	bool first = false;
	int rc = apfs_inode_expect(im->v, entry->ino, &ino, e);

	if (rc == 0)
		rc = is_first_name(im, &ino, entry, &first, e);
	if (rc != 0)
		return rc;
	if (!first)
		return add_link(im, ino.ino, e);
	rc = add_content(im, &ino, &node, e);
	if (rc == 0)
		rc = add_attributes(im, &ino, node, e);
	if (rc == 0 && entry->sibling != 0)
		rc = add_target(im, ino.ino, node, e);
	if (rc == 0 && S_ISDIR(ino.mode))
		rc = add_folder(im, ino.ino, depth + 1, e);
	return rc;
}

static int add_entry(struct import *im, const struct entry *entry, unsigned depth,
		     struct err *e)
{
	size_t len = strlen(im->path), more = strlen(entry->name) + 1;
	int rc;

	if (more >= sizeof(im->path) - len)
		return err_set(e, E_OVERFLOW, "%s/%s: the path is too long", im->path,
			       entry->name);
	im->path[len] = '/';
	memcpy(im->path + len + 1, entry->name, more);
	rc = add_file(im, entry, depth, e);
	im->path[len] = '\0';
	return rc;
}

/* Bounded also where folders are their own children. */
static int add_folder(struct import *im, uint64_t ino, unsigned depth, struct err *e)
{
	struct folder f = {.v = NULL};
	int rc;

	if (depth > DEPTH_MAX)
		return err_set(e, E_CORRUPT, "%s: more than %d folders deep", im->path,
			       DEPTH_MAX);
	rc = folder_read(im->v, ino, &f, e);
	for (size_t i = 0; i < f.n && rc == 0; i++) {
		rc = add_entry(im, &f.v[i], depth, e);
		if (rc != 0 && depth == 0)
			err_ctx(e, "/%s", f.v[i].name);
	}
	folder_release(&f);
	return rc;
}

static int by_target(const void *pa, const void *pb)
{
	const struct target *a = pa, *b = pb;

	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static int add_links(struct import *im, struct err *e)
{
	int rc = 0;

	if (im->n_targets > 1)
		qsort(im->targets, im->n_targets, sizeof(*im->targets), by_target);
	for (size_t i = 0; i < im->n_links && rc == 0; i++) {
		const struct target want = {.ino = im->links[i].ino}, *to = NULL;

		if (im->n_targets > 0)
			to = bsearch(&want, im->targets, im->n_targets, sizeof(want),
				     by_target);
		rc = to ? fs_tree_hardlink(im->t, im->links[i].path, to->node, e)
			: err_set(e, E_CORRUPT,
				  "%s: the first name of file %" PRIu64 " is not there",
				  im->links[i].path, want.ino);
	}
	return rc;
}

static int import_root(struct import *im, struct err *e)
{
	struct apfs_inode ino;
	int rc = apfs_inode_expect(im->v, APFS_INO_ROOT, &ino, e);

	if (rc == 0)
		rc = add_attributes(im, &ino, im->t->root, e);
	if (rc == 0)
		rc = add_folder(im, ino.ino, 0, e);
	return rc != 0 ? rc : add_links(im, e);
}

int apfs_edit_tree_from_volume(struct apfs_volume *v, size_t max_memory,
			       struct fs_tree *t, struct err *e)
{
	struct import im = {.v = v, .t = t, .room = max_memory};
	int rc = import_root(&im, e);

	for (size_t i = 0; i < im.n_links; i++)
		free(im.links[i].path);
	free(im.links);
	free(im.targets);
	return rc;
}
