/* SPDX-License-Identifier: MIT */
/* image_update_archive: what differs between the system volumes of two releases. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "images/compose.h"
#include "images/disk.h"
#include "sim/base/buf.h"
#include "sim/formats/ustar/ustar.h"

#define FILE_MAX (256u << 20)

/* Is @n, a file, the same in the tree @old? Its content is left in @data. */
static int unchanged(const struct fs_node *n, const struct fs_tree *old, const char *path,
		     struct buf *data, bool *ret, struct err *e)
{
	const struct fs_node *o = fs_tree_find(old, path);
	struct buf before = BUF_INIT;
	int r;

	*ret = false;
	buf_clear(data);
	r = fs_node_content(n, FILE_MAX, data, e);
	if (!r && o && S_ISREG(o->mode) && !o->link) {
		r = fs_node_content(o, FILE_MAX, &before, e);
		*ret = !r && before.len == data->len &&
		       (before.len == 0 || !memcmp(before.data, data->data, before.len));
	}
	buf_release(&before);
	return r;
}

static int add_changes(const struct fs_tree *t, const struct fs_tree *old, struct buf *out,
		       struct err *e)
{
	struct buf data = BUF_INIT;
	char path[PATH_MAX];
	int r = 0;

	for (struct fs_node *n = t->root; n && !r; n = fs_tree_next(t, n)) {
		const char *at = fs_node_path(n, path, sizeof(path));
		struct ustar_entry m = {
			.path = at + 1,
			.type = '0',
			.mode = n->mode & 07777,
			.uid = n->uid,
			.gid = n->gid,
			.mtime = n->mtime_ns / 1000000000,
		};
		bool same = true;

		if (S_ISREG(n->mode) && !n->link)
			r = unchanged(n, old, at, &data, &same, e);
		if (!r && !same)
			r = ustar_add(out, &m, data.data, data.len, e);
	}
	buf_release(&data);
	return r;
}

int image_update_archive(const struct image_env *env, const struct disk_spec *spec,
			 const struct release *from, struct buf *out, struct err *e)
{
	struct disk_spec old = *spec, new = *spec;
	struct disk_trees before, after;
	int r;

	if (spec->release->sealed_system)
		return err_set(e, E_UNSUPPORTED, "no file of a sealed system can be replaced");
	if (spec->system)
		return err_set(
			e, E_UNSUPPORTED,
			"system '%s' is one release of macOS: it cannot be updated to "
			"%s",
			spec->system, spec->release->name);
	old.release = from;
	new.n_kexts = 0; /* the prelinked kernel that Apple ships */
	r = disk_trees_compose(env, &new, &after, e);
	if (!r) {
		r = disk_trees_compose(env, &old, &before, e);
		if (!r)
			r = add_changes(&after.tree[VOLUME_SYSTEM],
					&before.tree[VOLUME_SYSTEM], out, e);
		disk_trees_release(&before);
	}
	disk_trees_release(&after);
	return r ? r : ustar_end(out, e);
}
