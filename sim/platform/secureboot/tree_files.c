/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/tree_files.h"

#include <sys/stat.h>

#include "sim/base/fsio.h"

#define POLICY_FILE_MAX (1u << 20)

static int read_node(const struct fs_tree *t, const char *path, size_t max,
		     struct buf *out, struct err *e)
{
	const struct fs_node *n = t ? fs_tree_find(t, path) : NULL;

	if (n && n->link)
		n = n->link;
	if (!n || !S_ISREG(n->mode))
		return err_set(e, E_NOTFOUND, "%s is not there", path);
	if (n->host_path)
		return fsio_read(n->host_path, max, out, e);
	if (n->size > max)
		return err_set(e, E_OVERFLOW, "%s is larger than %zu bytes", path, max);
	return buf_append(out, n->data, (size_t)n->size, e);
}

static int trees_read(void *ctx, enum sb_volume v, const char *path, size_t max,
		      struct buf *out, struct err *e)
{
	const struct sb_trees *t = ctx;

	return read_node(t->volume[v], path, max, out, e);
}

struct sb_files sb_tree_files(struct sb_trees *t)
{
	return (struct sb_files){.ctx = t, .read = trees_read};
}

static int policy_read_file(void *ctx, const char *path, struct buf *out, struct err *e)
{
	return read_node(ctx, path, POLICY_FILE_MAX, out, e);
}

static int policy_write_file(void *ctx, const char *path, const void *data, size_t len,
			     struct err *e)
{
	return fs_tree_file(ctx, path, 0644, data, len, NULL, e);
}

static int policy_remove_file(void *ctx, const char *path, struct err *e)
{
	return fs_tree_find(ctx, path) ? fs_tree_remove(ctx, path, e) : 0;
}

static int policy_list(void *ctx, const char *path,
		       int (*each)(void *arg, const char *name, struct err *e), void *arg,
		       struct err *e)
{
	const struct fs_node *dir = fs_tree_find(ctx, path), *next;
	int r = 0;

	if (!dir || !S_ISDIR(dir->mode))
		return err_set(e, E_NOTFOUND, "%s is not there", path);
	for (const struct fs_node *n = dir->children; !r && n; n = next) {
		next = n->next; /* @each may remove it */
		r = each(arg, n->name, e);
	}
	return r;
}

struct sb_policy_files sb_tree_policy_files(struct fs_tree *iscpreboot)
{
	return (struct sb_policy_files){
		.ctx = iscpreboot,
		.read = policy_read_file,
		.write = policy_write_file,
		.remove = policy_remove_file,
		.list = policy_list,
	};
}
