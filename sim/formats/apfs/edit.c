/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/edit.h"

static int later(const char *what, struct err *e)
{
	return err_set(e, E_UNSUPPORTED, "%s of a container in place", what);
}

int apfs_edit_begin(struct vdisk *d, uint64_t offset, uint64_t size, int64_t time_ns,
		    struct apfs_edit **ret, struct err *e)
{
	(void)d, (void)offset, (void)size, (void)time_ns, (void)ret;
	return later("change", e);
}

int apfs_edit_begin_path(const char *path, int64_t time_ns, struct apfs_edit **ret,
			 struct err *e)
{
	(void)path, (void)time_ns, (void)ret;
	return later("change", e);
}

int apfs_edit_commit(struct apfs_edit *ed, struct err *e)
{
	(void)ed;
	return later("change", e);
}

void apfs_edit_abort(struct apfs_edit *ed)
{
	(void)ed;
}

struct apfs *apfs_edit_container(struct apfs_edit *ed)
{
	(void)ed;
	return NULL;
}

int apfs_edit_snapshot_create(struct apfs_edit *ed, unsigned slot, const char *name,
			      struct err *e)
{
	(void)ed, (void)slot, (void)name;
	return later("snapshot", e);
}

int apfs_edit_snapshot_delete(struct apfs_edit *ed, unsigned slot, const char *name,
			      struct err *e)
{
	(void)ed, (void)slot, (void)name;
	return later("snapshot", e);
}

int apfs_edit_set_root(struct apfs_edit *ed, unsigned slot, const char *name,
		       struct err *e)
{
	(void)ed, (void)slot, (void)name;
	return later("root", e);
}

int apfs_edit_break_seal(struct apfs_edit *ed, unsigned slot, struct err *e)
{
	(void)ed, (void)slot;
	return later("seal", e);
}

int apfs_edit_unbreak(struct apfs_edit *ed, unsigned slot, struct err *e)
{
	(void)ed, (void)slot;
	return later("seal", e);
}

int apfs_edit_revert(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	(void)ed, (void)slot, (void)name;
	return later("revert", e);
}

int apfs_edit_replace_tree(struct apfs_edit *ed, unsigned slot, struct fs_tree *tree,
			   enum apfs_edit_seal mode, uint8_t ret_root_hash[32],
			   struct err *e)
{
	(void)ed, (void)slot, (void)tree, (void)mode, (void)ret_root_hash;
	return later("content", e);
}

int apfs_edit_tree_from_volume(struct apfs_volume *v, size_t max_memory,
			       struct fs_tree *t, struct err *e)
{
	(void)v, (void)max_memory, (void)t;
	return later("import", e);
}
