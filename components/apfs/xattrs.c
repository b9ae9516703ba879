/* SPDX-License-Identifier: MIT */
/* Extended attributes, as far as programs see them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "components/apfs/fs_impl.h"

/* A Mac hides what holds the data of a compressed file (XATTR_SHOWCOMPRESSION). */
static bool hidden(const struct apfs_inode *i, const char *name, uint16_t flags)
{
	if (flags & APFS_XATTR_FILE_SYSTEM_OWNED)
		return true;
	return (i->bsd_flags & APFS_UF_COMPRESSED) &&
	       (!strcmp(name, APFS_XATTR_NAME_DECMPFS) ||
		!strcmp(name, APFS_XATTR_NAME_RSRC_FORK));
}

/* All attributes of @ino, to be freed, with the inode. */
static int get_all(struct apfs_fs *fs, uint64_t ino, struct apfs_inode *i,
		   struct apfs_xattr **ret, size_t *ret_n, struct err *e)
{
	int r = apfs_inode_get(fs->volume, ino, i, e);

	*ret = NULL;
	*ret_n = 0;
	return r ? r : apfs_xattrs(fs->volume, ino, ret, ret_n, e);
}

int apfs_fs_listxattr(struct apfs_fs *fs, uint64_t ino, struct buf *names)
{
	struct err e = ERR_INIT;
	struct apfs_xattr *all;
	struct apfs_inode i;
	size_t n;
	int r = get_all(fs, ino, &i, &all, &n, &e);

	for (size_t k = 0; !r && k < n; k++) {
		if (hidden(&i, all[k].name, all[k].flags))
			continue;
		r = buf_append(names, fs->xattr_prefix, strlen(fs->xattr_prefix), &e);
		if (!r)
			r = buf_append(names, all[k].name, strlen(all[k].name) + 1, &e);
	}
	free(all);
	return r ? apfs_fs_fail(fs, &e, ENOENT) : 0;
}

static int find(struct apfs_fs *fs, uint64_t ino, const char *name, size_t *ret_size,
		struct err *e)
{
	struct apfs_xattr *all;
	struct apfs_inode i;
	size_t n, k = 0;
	int r = get_all(fs, ino, &i, &all, &n, e);

	while (!r && k < n &&
	       (strcmp(all[k].name, name) || hidden(&i, name, all[k].flags)))
		k++;
	if (!r && k == n)
		r = err_set(e, E_NOTFOUND, "no attribute '%s'", name);
	if (!r)
		*ret_size = all[k].size;
	free(all);
	return r;
}

int apfs_fs_getxattr(struct apfs_fs *fs, uint64_t ino, const char *name, size_t max,
		     struct buf *value, size_t *ret_size)
{
	size_t prefix = strlen(fs->xattr_prefix);
	struct err e = ERR_INIT;
	int r;

	if (strncmp(name, fs->xattr_prefix, prefix))
		return ENODATA;
	name += prefix;
	r = find(fs, ino, name, ret_size, &e);
	if (!r && max && *ret_size > max)
		return ERANGE;
	if (!r && max)
		r = apfs_xattr_get(fs->volume, ino, name, max, value, &e);
	return r ? apfs_fs_fail(fs, &e, ENODATA) : 0;
}
