/* SPDX-License-Identifier: MIT */
/* A folder and all below it. */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/formats/apfs/inoset.h"

#define DEPTH_MAX 512

struct walk {
	struct apfs_volume *v;
	apfs_walk_fn fn;
	void *ctx;
	struct buf path;           /* of the entry at hand; "" for the volume's root */
	struct apfs_inoset folders; /* gone into already */
	unsigned depth;            /* open folders */
	struct apfs_dir *dirs[DEPTH_MAX];
	size_t lens[DEPTH_MAX];    /* of the path of each open folder */
};

/* Show the file at w->path to the caller, and go into it when it is a folder. */
static int visit(struct walk *w, const struct apfs_inode *ino, struct err *e)
{
	const char *path = w->path.len ? buf_str(&w->path) : "/";
	const char *slash = strrchr(path, '/');
	struct apfs_walk_entry ent = {
		.path = path,
		.name = slash ? slash + 1 : path,
		.depth = w->depth,
		.inode = ino,
	};
	int r = w->fn(w->ctx, &ent, e);

	if (r || !S_ISDIR(ino->mode))
		return r == APFS_WALK_SKIP ? 0 : r;
	if (w->depth == DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "folders more than %d deep", DEPTH_MAX);
	r = apfs_inoset_add(&w->folders, ino->ino, NULL, NULL, e);
	if (r == -E_EXISTS)
		return err_set(e, E_CORRUPT, "folder %#" PRIx64 " is in two places", ino->ino);
	if (!r)
		r = apfs_dir_open(w->v, ino->ino, &w->dirs[w->depth], e);
	if (!r)
		w->lens[w->depth++] = w->path.len;
	return r;
}

/* The next entry of the innermost folder; at its end the folder is left. */
static int walk_on(struct walk *w, struct err *e)
{
	const struct apfs_dirent *ent;
	struct apfs_inode ino;
	int r = apfs_dir_next(w->dirs[w->depth - 1], &ent, e);

	w->path.len = w->lens[w->depth - 1];
	if (r)
		return r;
	if (!ent) {
		apfs_dir_close(w->dirs[--w->depth]);
		return 0;
	}
	if (!ent->name[0] || strchr(ent->name, '/'))
		return err_set(e, E_CORRUPT, "entry with the name '%s'", ent->name);
	r = buf_printf(&w->path, e, "/%s", ent->name);
	if (!r)
		r = apfs_inode_expect(w->v, ent->ino, &ino, e);
	if (!r)
		r = visit(w, &ino, e);
	return r;
}

static int start_path(struct walk *w, const char *path, struct err *e)
{
	size_t len = strlen(path);

	while (len && path[len - 1] == '/')
		len--;
	if (!len)
		return 0;
	return buf_printf(&w->path, e, "%s%.*s", path[0] == '/' ? "" : "/", (int)len, path);
}

int apfs_walk(struct apfs_volume *v, const char *path, apfs_walk_fn fn, void *ctx,
	      struct err *e)
{
	struct apfs_inode ino;
	struct walk *w;
	int r = apfs_lookup(v, path, APFS_FOLLOW, &ino, e);

	if (r)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, E_NOMEM, "walk: out of memory");
	w->v = v;
	w->fn = fn;
	w->ctx = ctx;
	r = start_path(w, path, e);
	if (!r)
		r = visit(w, &ino, e);
	while (!r && w->depth)
		r = walk_on(w, e);
	if (r < 0)
		err_ctx(e, "%s", w->path.len ? buf_str(&w->path) : "/");
	while (w->depth)
		apfs_dir_close(w->dirs[--w->depth]);
	apfs_inoset_release(&w->folders);
	buf_release(&w->path);
	free(w);
	return r;
}
