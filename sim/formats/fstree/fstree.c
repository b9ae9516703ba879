/* SPDX-License-Identifier: MIT */
#include "sim/formats/fstree/fstree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"

#define PATH_LIMIT    1023
#define PERMISSIONS   07777u
#define INDEX_INITIAL 256 /* a power of two */

/* ---- The index: finding a child by name must not walk a folder of 10,000 files ---- */

static size_t index_slot(const struct fs_tree *t, const struct fs_node *parent,
			 const char *name, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull ^ (uintptr_t)parent;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3ull;
	return (size_t)(h ^ h >> 32) & (t->index_size - 1);
}

static struct fs_node *child_find(const struct fs_tree *t, const struct fs_node *parent,
				  const char *name, size_t len)
{
	struct fs_node *n = t->index[index_slot(t, parent, name, len)];

	while (n && !(n->parent == parent && strncmp(n->name, name, len) == 0 &&
		      n->name[len] == '\0'))
		n = n->index_next;
	return n;
}

static void index_insert(struct fs_tree *t, struct fs_node *n)
{
	size_t slot = index_slot(t, n->parent, n->name, strlen(n->name));

	n->index_next = t->index[slot];
	t->index[slot] = n;
}

static void index_remove(struct fs_tree *t, struct fs_node *n)
{
	struct fs_node **at =
		&t->index[index_slot(t, n->parent, n->name, strlen(n->name))];

	while (*at != n)
		at = &(*at)->index_next;
	*at = n->index_next;
}

static int index_grow(struct fs_tree *t, struct err *e)
{
	if (t->n_nodes < t->index_size)
		return 0;
	struct fs_node **bigger = calloc(t->index_size * 2, sizeof(*bigger));

	if (!bigger)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	free(t->index);
	t->index = bigger;
	t->index_size *= 2;
	for (struct fs_node *n = fs_tree_next(t, t->root); n; n = fs_tree_next(t, n))
		index_insert(t, n);
	return 0;
}

/* ---- Nodes ---- */

static void node_drop_content(struct fs_node *n)
{
	free(n->data);
	free(n->host_path);
	n->data = NULL;
	n->host_path = NULL;
	n->size = 0;
}

static void node_free(struct fs_node *n)
{
	node_drop_content(n);
	for (struct fs_xattr *x = n->xattrs, *next; x; x = next) {
		next = x->next;
		free(x->name);
		free(x->value);
		free(x);
	}
	free(n->name);
	free(n);
}

static struct fs_node *node_alloc(const char *name, size_t len, uint32_t mode,
				  int64_t mtime_ns, struct err *e)
{
	struct fs_node *n = calloc(1, sizeof(*n));

	if (n)
		n->name = strndup(name, len);
	if (!n || !n->name) {
		free(n);
		err_set(e, E_NOMEM, "out of memory for a file tree");
		return NULL;
	}
	n->mode = mode;
	n->mtime_ns = mtime_ns;
	return n;
}

int fs_tree_init(struct fs_tree *t, int64_t mtime_ns, struct err *e)
{
	*t = (struct fs_tree){.mtime_ns = mtime_ns, .index_size = INDEX_INITIAL};
	t->index = calloc(t->index_size, sizeof(*t->index));
	t->root = node_alloc("", 0, S_IFDIR | 0755, mtime_ns, e);
	if (t->index && t->root)
		return 0;
	fs_tree_release(t);
	return err_set(e, E_NOMEM, "out of memory for a file tree");
}

/* Free @top's descendants, lowest first; their places in lists no longer matter. */
static void free_below(struct fs_node *top)
{
	struct fs_node *n = top;

	for (;;) {
		while (n->children)
			n = n->children;
		if (n == top)
			return;
		struct fs_node *parent = n->parent;

		parent->children = n->next;
		node_free(n);
		n = parent;
	}
}

void fs_tree_release(struct fs_tree *t)
{
	if (t->root) {
		free_below(t->root);
		node_free(t->root);
	}
	free(t->index);
	*t = (struct fs_tree){.root = NULL};
}

struct fs_node *fs_tree_next(const struct fs_tree *t, const struct fs_node *n)
{
	if (n->children)
		return n->children;
	while (n != t->root && !n->next)
		n = n->parent;
	return n == t->root ? NULL : n->next;
}

const char *fs_node_path(const struct fs_node *n, char *out, size_t size)
{
	size_t at = size - 1;

	out[at] = '\0';
	if (!n->parent)
		return "/";
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		if (len + 1 > at) {
			memcpy(out + at, "...", size - at > 3 ? 3 : size - 1 - at);
			break;
		}
		at -= len;
		memcpy(out + at, n->name, len);
		out[--at] = '/';
	}
	return out + at;
}

/* ---- Paths ---- */

static int path_check(const char *path, struct err *e)
{
	if (path[0] != '/')
		return err_set(e, E_INVAL, "path '%s' is not absolute", path);
	if (strlen(path) > PATH_LIMIT)
		return err_set(e, E_INVAL, "path of more than %d bytes: %.60s...",
			       PATH_LIMIT, path);
	return 0;
}

/*
 * The next part of *@path, its length into @ret_len; NULL at the end. *@path is advanced
 * behind it; repeated and trailing slashes are skipped.
 */
static const char *path_part(const char **path, size_t *ret_len)
{
	const char *p = *path + strspn(*path, "/");

	*ret_len = strcspn(p, "/");
	*path = p + *ret_len;
	*path += strspn(*path, "/");
	return *ret_len > 0 ? p : NULL;
}

static bool is_dots(const char *name, size_t len)
{
	return (len == 1 && name[0] == '.') ||
	       (len == 2 && name[0] == '.' && name[1] == '.');
}

static void link_to_parent(struct fs_node *n, struct fs_node *parent)
{
	n->parent = parent;
	n->next = NULL;
	if (parent->last_child)
		parent->last_child->next = n;
	else
		parent->children = n;
	parent->last_child = n;
}

static int child_add(struct fs_tree *t, struct fs_node *parent, const char *name,
		     size_t len, uint32_t mode, struct fs_node **ret, struct err *e)
{
	int rc = index_grow(t, e);

	if (rc != 0)
		return rc;
	struct fs_node *n = node_alloc(name, len, mode, t->mtime_ns, e);

	if (!n)
		return -E_NOMEM;
	link_to_parent(n, parent);
	index_insert(t, n);
	t->n_nodes++;
	*ret = n;
	return 0;
}

/*
 * Go to the folder of @path's last part, making what is missing. The last part stays in
 * *@ret_name (NULL for "/") and *@ret_len.
 */
static int descend(struct fs_tree *t, const char *path, struct fs_node **ret_dir,
		   const char **ret_name, size_t *ret_len, struct err *e)
{
	struct fs_node *dir = t->root;
	const char *rest = path, *name = NULL;
	size_t len = 0;
	int rc = path_check(path, e);

	while (rc == 0 && (name = path_part(&rest, &len)) != NULL) {
		if (is_dots(name, len))
			return err_set(e, E_INVAL, "path '%s' has a '.' or '..'", path);
		if (*rest == '\0')
			break;
		struct fs_node *child = child_find(t, dir, name, len);

		if (!child)
			rc = child_add(t, dir, name, len, S_IFDIR | 0755, &child, e);
		else if (!S_ISDIR(child->mode))
			rc = err_set(e, E_EXISTS, "%s: '%.*s' is not a folder", path,
				     (int)len, name);
		dir = child;
	}
	*ret_dir = dir;
	*ret_name = name;
	*ret_len = len;
	return rc;
}

struct fs_node *fs_tree_find(const struct fs_tree *t, const char *path)
{
	struct fs_node *n = t->root;
	const char *name;
	size_t len;

	while (n && (name = path_part(&path, &len)) != NULL)
		n = child_find(t, n, name, len);
	return n;
}

/* ---- Removing ---- */

/* Others name the content that @n holds: the first of them takes it over. */
static void hand_over(struct fs_tree *t, struct fs_node *n)
{
	struct fs_node *heir = NULL;

	for (struct fs_node *o = t->root; o && n->n_links > 0; o = fs_tree_next(t, o)) {
		if (o->link != n)
			continue;
		n->n_links--;
		if (heir) {
			o->link = heir;
			heir->n_links++;
			continue;
		}
		heir = o;
		heir->link = NULL;
		heir->data = n->data;
		heir->host_path = n->host_path;
		heir->size = n->size;
		heir->mode = n->mode;
		heir->uid = n->uid;
		heir->gid = n->gid;
		heir->bsd_flags = n->bsd_flags;
		heir->mtime_ns = n->mtime_ns;
		heir->create_ns = n->create_ns;
		heir->change_ns = n->change_ns;
		heir->access_ns = n->access_ns;
		heir->xattrs = n->xattrs;
		n->data = NULL;
		n->host_path = NULL;
		n->xattrs = NULL;
	}
}

static void unlink_from_parent(struct fs_node *n)
{
	struct fs_node **at = &n->parent->children, *before = NULL;

	while (*at != n) {
		before = *at;
		at = &before->next;
	}
	*at = n->next;
	if (n->parent->last_child == n)
		n->parent->last_child = before;
}

/* @n has no children. */
static void remove_leaf(struct fs_tree *t, struct fs_node *n)
{
	unlink_from_parent(n);
	index_remove(t, n);
	t->n_nodes--;
	if (n->link)
		n->link->n_links--;
	else if (n->n_links > 0)
		hand_over(t, n);
	node_free(n);
}

int fs_tree_remove(struct fs_tree *t, const char *path, struct err *e)
{
	struct fs_node *top = fs_tree_find(t, path), *n = top;

	if (!top)
		return err_set(e, E_NOTFOUND, "no file %s in the tree", path);
	if (top == t->root)
		return err_set(e, E_INVAL, "the root of a tree cannot be removed");
	for (;;) {
		while (n->children)
			n = n->children;
		struct fs_node *parent = n->parent;
		bool last = n == top;

		remove_leaf(t, n);
		if (last)
			return 0;
		n = parent;
	}
}

/* ---- Moving ---- */

static bool is_below(const struct fs_node *n, const struct fs_node *top)
{
	while (n && n != top)
		n = n->parent;
	return n == top;
}

/* The folder that @path would be in, which has to be there, and its last part. */
static int find_place(struct fs_tree *t, const char *path, struct fs_node **ret_dir,
		      const char **ret_name, size_t *ret_len, struct err *e)
{
	struct fs_node *dir = t->root, *child;
	const char *rest = path, *name = NULL;
	size_t len = 0;
	int rc = path_check(path, e);

	while (rc == 0 && (name = path_part(&rest, &len)) != NULL) {
		if (is_dots(name, len))
			return err_set(e, E_INVAL, "path '%s' has a '.' or '..'", path);
		child = child_find(t, dir, name, len);
		if (*rest == '\0' && !child)
			break;
		if (*rest == '\0')
			return err_set(e, E_EXISTS, "%s is there", path);
		if (!child || !S_ISDIR(child->mode))
			return err_set(e, E_NOTFOUND, "no folder for %s", path);
		dir = child;
	}
	if (rc == 0 && !name)
		return err_set(e, E_EXISTS, "%s is there", path);
	*ret_dir = dir;
	*ret_name = name;
	*ret_len = len;
	return rc;
}

int fs_tree_move(struct fs_tree *t, struct fs_node *n, const char *path, struct err *e)
{
	struct fs_node *dir = t->root;
	const char *name = "";
	char *copy;
	size_t len = 0;
	int rc = find_place(t, path, &dir, &name, &len, e);

	if (rc != 0)
		return rc;
	if (n == t->root || is_below(dir, n))
		return err_set(e, E_INVAL, "%s: a folder cannot be moved below itself",
			       path);
	copy = strndup(name, len);
	if (!copy)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	unlink_from_parent(n);
	index_remove(t, n);
	free(n->name);
	n->name = copy;
	link_to_parent(n, dir);
	index_insert(t, n);
	return 0;
}

/* ---- Adding ---- */

int fs_tree_mkdir(struct fs_tree *t, const char *path, uint32_t mode,
		  struct fs_node **ret_node, struct err *e)
{
	struct fs_node *dir, *n;
	const char *name;
	size_t len;
	int rc = descend(t, path, &dir, &name, &len, e);

	if (rc != 0)
		return rc;
	n = name ? child_find(t, dir, name, len) : t->root;
	if (!n)
		rc = child_add(t, dir, name, len, S_IFDIR, &n, e);
	else if (!S_ISDIR(n->mode))
		rc = err_set(e, E_EXISTS, "%s is not a folder", path);
	if (rc != 0)
		return rc;
	n->mode = S_IFDIR | (mode & PERMISSIONS);
	if (ret_node)
		*ret_node = n;
	return 0;
}

/* A new node at @path in place of a file that may be there. */
static int put(struct fs_tree *t, const char *path, uint32_t mode,
	       struct fs_node **ret_node, struct err *e)
{
	struct fs_node *dir, *old;
	const char *name;
	size_t len;
	int rc = descend(t, path, &dir, &name, &len, e);

	if (rc != 0)
		return rc;
	old = name ? child_find(t, dir, name, len) : t->root;
	if (old && S_ISDIR(old->mode))
		return err_set(e, E_EXISTS, "%s is a folder", path);
	if (old)
		remove_leaf(t, old);
	return child_add(t, dir, name, len, mode, ret_node, e);
}

static int set_data(struct fs_node *n, const void *data, size_t len, struct err *e)
{
	if (len == 0)
		return 0;
	n->data = malloc(len + 1);
	if (!n->data)
		return err_set(e, E_NOMEM, "out of memory for a file of %zu bytes", len);
	memcpy(n->data, data, len);
	n->data[len] = '\0';
	n->size = len;
	return 0;
}

int fs_tree_file(struct fs_tree *t, const char *path, uint32_t mode, const void *data,
		 size_t len, struct fs_node **ret_node, struct err *e)
{
	struct fs_node *n;
	int rc = put(t, path, S_IFREG | (mode & PERMISSIONS), &n, e);

	if (rc == 0)
		rc = set_data(n, data, len, e);
	if (rc == 0 && ret_node)
		*ret_node = n;
	return rc;
}

int fs_tree_host_file(struct fs_tree *t, const char *path, uint32_t mode,
		      const char *host_path, struct fs_node **ret_node, struct err *e)
{
	struct fs_node *n;
	struct stat st;

	if (stat(host_path, &st) != 0)
		return err_sys(e, "%s", host_path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, E_INVAL, "%s is not a regular file", host_path);
	char *copy = strdup(host_path);

	if (!copy)
		return err_set(e, E_NOMEM, "out of memory for a file tree");
	int rc = put(t, path, S_IFREG | (mode & PERMISSIONS), &n, e);

	if (rc != 0) {
		free(copy);
		return rc;
	}
	n->host_path = copy;
	n->size = (uint64_t)st.st_size;
	if (ret_node)
		*ret_node = n;
	return 0;
}

int fs_node_content(const struct fs_node *n, size_t max, struct buf *out, struct err *e)
{
	if (n->link)
		n = n->link;
	if (n->host_path)
		return fsio_read(n->host_path, max, out, e);
	if (n->size > max)
		return err_set(e, E_OVERFLOW, "'%s' is larger than %zu bytes", n->name, max);
	return buf_append(out, n->data, n->size, e);
}

int fs_tree_symlink(struct fs_tree *t, const char *path, const char *target,
		    struct fs_node **ret_node, struct err *e)
{
	struct fs_node *n;

	if (target[0] == '\0' || strlen(target) > PATH_LIMIT)
		return err_set(e, E_INVAL, "%s: target of a link must have 1..%d bytes",
			       path, PATH_LIMIT);
	int rc = put(t, path, S_IFLNK | 0755, &n, e);

	if (rc == 0)
		rc = set_data(n, target, strlen(target), e);
	if (rc == 0 && ret_node)
		*ret_node = n;
	return rc;
}

int fs_tree_hardlink(struct fs_tree *t, const char *path, struct fs_node *to,
		     struct err *e)
{
	struct fs_node *n;

	if (to->link)
		to = to->link;
	if (!S_ISREG(to->mode))
		return err_set(e, E_INVAL, "%s: only regular files have hard links",
			       path);
	if (fs_tree_find(t, path) == to)
		return 0;
	int rc = put(t, path, to->mode, &n, e);

	if (rc != 0)
		return rc;
	n->link = to;
	to->n_links++;
	return 0;
}

int fs_node_set_xattr(struct fs_node *n, const char *name, const void *value, size_t len,
		      struct err *e)
{
	struct fs_xattr **at = &n->xattrs, *x;
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		return err_set(e, E_NOMEM, "out of memory for xattr %s", name);
	if (len > 0)
		memcpy(copy, value, len);
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	x = *at;
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (x)
			x->name = strdup(name);
		if (!x || !x->name) {
			free(x);
			free(copy);
			return err_set(e, E_NOMEM, "out of memory for xattr %s", name);
		}
		*at = x;
	}
	free(x->value);
	x->value = copy;
	x->len = len;
	return 0;
}
