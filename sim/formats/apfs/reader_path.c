/* SPDX-License-Identifier: MIT */
/* From a path to an inode. */
#include "sim/formats/apfs/reader_impl.h"

#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 32 /* MAXSYMLINKS of a Mac */
#define PATH_MAX_BYTES 65536

struct resolver {
	struct apfs_volume *v;
	unsigned flags;
	unsigned links;       /* followed so far */
	struct apfs_inode at;
	struct buf path;
	size_t pos;           /* what is left of the path starts here */
};

/* Go on with the link's target, and then with what is left of the path. */
static int enter_link(struct resolver *p, const struct apfs_inode *link, struct err *e)
{
	struct buf path = BUF_INIT;
	int r;

	if (++p->links > LINKS_MAX)
		return err_set(e, E_CORRUPT, "too many symbolic links");
	r = apfs_readlink(p->v, link, &path, e);
	if (!r && path.len && path.data[0] == '/')
		r = apfs_inode_expect(p->v, APFS_INO_ROOT, &p->at, e);
	if (!r)
		r = buf_printf(&path, e, "/%s", buf_str(&p->path) + p->pos);
	if (!r && path.len > PATH_MAX_BYTES)
		r = err_set(e, E_OVERFLOW, "path becomes too long by symbolic links");
	if (r) {
		buf_release(&path);
		return r;
	}
	buf_release(&p->path);
	p->path = path;
	p->pos = 0;
	return 0;
}

/* One component, from the folder where the resolver is. */
static int step(struct resolver *p, const char *name, struct err *e)
{
	struct apfs_dirent ent;
	struct apfs_inode next;
	int r;

	if (!S_ISDIR(p->at.mode))
		return err_set(e, E_NOTFOUND, "not a folder before '%s'", name);
	if (!strcmp(name, ".") || (!strcmp(name, "..") && p->at.ino == APFS_INO_ROOT))
		return 0;
	if (!strcmp(name, ".."))
		return apfs_inode_expect(p->v, p->at.parent, &p->at, e);
	r = apfs_dir_find(p->v, p->at.ino, name, &ent, e);
	if (!r)
		r = apfs_inode_expect(p->v, ent.ino, &next, e);
	if (r)
		return r;
	if (S_ISLNK(next.mode) && (p->flags & APFS_FOLLOW))
		return enter_link(p, &next, e);
	p->at = next;
	return 0;
}

static int resolve(struct resolver *p, struct err *e)
{
	char name[APFS_NAME_BUF];
	int r = 0;

	while (!r) {
		const char *rest = buf_str(&p->path) + p->pos;
		size_t skip = strspn(rest, "/");
		size_t len = strcspn(rest + skip, "/");

		if (!len)
			return 0;
		if (len >= sizeof(name))
			return err_set(e, E_NOTFOUND, "a name of %zu bytes", len);
		memcpy(name, rest + skip, len);
		name[len] = '\0';
		p->pos += skip + len;
		r = step(p, name, e);
	}
	return r;
}

int apfs_lookup(struct apfs_volume *v, const char *path, unsigned flags,
		struct apfs_inode *ret, struct err *e)
{
	struct resolver p = {.v = v, .flags = flags, .path = BUF_INIT};
	int r = apfs_inode_expect(v, APFS_INO_ROOT, &p.at, e);

	if (!r)
		r = buf_printf(&p.path, e, "%s", path);
	if (!r)
		r = resolve(&p, e);
	if (!r)
		*ret = p.at;
	buf_release(&p.path);
	return r ? err_ctx(e, "%s", path) : 0;
}
