/* SPDX-License-Identifier: MIT */
#include "harness/macfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/platform/paths.h"

#define LINKS_MAX	   32u
#define FIRMLINKS_MAX	   64u
#define FIRMLINKS_SIZE_MAX 65536u

static const char system_role[] = "System";
static const char data_role[] = "Data";

/* Where volumes are mounted below the root, apart from the root itself. */
static const struct {
	const char *path, *role;
} mounts[] = {
	{PATH_DATA_MOUNT, "Data"},
	{"/System/Volumes/Preboot", "Preboot"},
	{"/System/Volumes/Recovery", "Recovery"},
	{"/System/Volumes/VM", "VM"},
	{"/private/var/vm", "VM"},
	{"/System/Volumes/Update", "Update"},
};

struct macfs {
	const struct volume_ops *ops;
	void *ctx;
	char *firmlinks; /* owned text of the file, cut into strings */
	struct {
		const char *path, *target; /* "/Library", "Library" */
	} links[FIRMLINKS_MAX];
	size_t n_links;
};

/* Lines "path<TAB>target"; what is not of this form is no firmlink. */
static void cut_firmlinks(struct macfs *fs)
{
	char *save = NULL;

	for (char *line = strtok_r(fs->firmlinks, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t');

		if (!tab || line[0] != '/' || fs->n_links == FIRMLINKS_MAX)
			continue;
		*tab = 0;
		fs->links[fs->n_links].path = line;
		fs->links[fs->n_links++].target = tab + 1;
	}
}

static int load_firmlinks(struct macfs *fs, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = fs->ops->read(fs->ctx, system_role, PATH_FIRMLINKS, FIRMLINKS_SIZE_MAX,
			      &b, e);

	if (r == -E_NOTFOUND) {
		err_clear(e);
		r = 0;
	} else if (!r) {
		fs->firmlinks = strdup(buf_str(&b));
		if (fs->firmlinks)
			cut_firmlinks(fs);
		else
			r = err_set(e, E_NOMEM, "out of memory");
	}
	buf_release(&b);
	return r;
}

int macfs_new(const struct volume_ops *ops, void *ctx, struct macfs **ret, struct err *e)
{
	struct macfs *fs = calloc(1, sizeof(*fs));
	int r;

	if (!fs) {
		ops->free(ctx);
		return err_set(e, E_NOMEM, "out of memory");
	}
	fs->ops = ops;
	fs->ctx = ctx;
	r = ops->resolves ? 0 : load_firmlinks(fs, e);
	if (r)
		macfs_free(fs);
	else
		*ret = fs;
	return r;
}

void macfs_free(struct macfs *fs)
{
	if (!fs)
		return;
	fs->ops->free(fs->ctx);
	free(fs->firmlinks);
	free(fs);
}

/* A walk along a path: what is done of it, and where that is. */
struct walk {
	struct macfs *fs;
	char mac[MACFS_PATH_MAX];   /* as the Mac calls it; "" for the root */
	char inner[MACFS_PATH_MAX]; /* the same within the volume; "" for its root */
	char rest[MACFS_PATH_MAX];  /* what is left to go */
	const char *role;
	unsigned links;
};

static int too_long(struct err *e, const char *path)
{
	return err_set(e, E_OVERFLOW, "path '%.100s...' is too long", path);
}

static int set_path(char *out, struct err *e, const char *a, const char *sep,
		    const char *b)
{
	char tmp[MACFS_PATH_MAX];
	int n = snprintf(tmp, sizeof(tmp), "%s%s%s", a, sep, b);

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return too_long(e, a);
	memcpy(out, tmp, (size_t)n + 1);
	return 0;
}

static int restart(struct walk *w, const char *dir, const char *target, const char *rest,
		   struct err *e)
{
	char path[MACFS_PATH_MAX];
	int r = target[0] == '/' ? set_path(path, e, target, "/", rest)
				 : set_path(path, e, dir, "/", target);

	if (!r && target[0] != '/')
		r = set_path(path, e, path, "/", rest);
	if (r)
		return r;
	memcpy(w->rest, path, sizeof(path));
	w->mac[0] = w->inner[0] = 0;
	w->role = system_role;
	return 0;
}

/* ".." goes up in the Mac's view: start again at the parent. */
static int go_up(struct walk *w, struct err *e)
{
	char dir[MACFS_PATH_MAX], rest[MACFS_PATH_MAX];
	char *slash;

	memcpy(dir, w->mac, sizeof(dir));
	memcpy(rest, w->rest, sizeof(rest));
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	return restart(w, "", dir[0] ? dir : "/", rest, e);
}

/* Does another volume, or a firmlink into one, begin at w->mac? */
static bool crosses(struct walk *w)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (!strcmp(mounts[i].path, w->mac)) {
			w->role = mounts[i].role;
			w->inner[0] = 0;
			return true;
		}
	for (size_t i = 0; i < w->fs->n_links; i++)
		if (!strcmp(w->fs->links[i].path, w->mac)) {
			w->role = data_role;
			snprintf(w->inner, sizeof(w->inner), "/%s",
				 w->fs->links[i].target);
			return true;
		}
	return false;
}

static int follow(struct walk *w, struct err *e)
{
	char dir[MACFS_PATH_MAX], rest[MACFS_PATH_MAX];
	struct buf target = BUF_INIT;
	int r;

	if (++w->links > LINKS_MAX)
		return err_set(e, E_OVERFLOW, "'%s': too many symbolic links", w->mac);
	memcpy(dir, w->mac, sizeof(dir));
	memcpy(rest, w->rest, sizeof(rest));
	*strrchr(dir, '/') = 0;
	r = w->fs->ops->read(w->fs->ctx, w->role, w->inner, MACFS_PATH_MAX, &target, e);
	if (!r)
		r = restart(w, dir, buf_str(&target), rest, e);
	buf_release(&target);
	return r;
}

static int next_component(struct walk *w, struct err *e)
{
	char name[MACFS_PATH_MAX];
	size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");
	struct macfs_stat st;
	int r;

	memcpy(name, w->rest + skip, len);
	name[len] = 0;
	memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	if (!len || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return go_up(w, e);
	r = set_path(w->mac, e, w->mac, "/", name);
	if (r || crosses(w))
		return r;
	r = set_path(w->inner, e, w->inner, "/", name);
	if (r || !w->rest[strspn(w->rest, "/")])
		return r; /* the last one is not followed */
	r = w->fs->ops->stat(w->fs->ctx, w->role, w->inner, &st, e);
	return r || !S_ISLNK(st.mode) ? r : follow(w, e);
}

int macfs_resolve(struct macfs *fs, const char *path, char role[static MACFS_ROLE_MAX],
		  char inner[static MACFS_PATH_MAX], struct err *e)
{
	struct walk w = {.fs = fs, .role = system_role};
	int r = path[0] == '/'
			? set_path(w.rest, e, path, "", "")
			: err_set(e, E_INVAL, "'%s' is not an absolute path", path);

	while (!r && w.rest[0])
		r = next_component(&w, e);
	if (r)
		return r;
	snprintf(role, MACFS_ROLE_MAX, "%s", w.role);
	snprintf(inner, MACFS_PATH_MAX, "%s", w.inner[0] ? w.inner : "/");
	return 0;
}

int macfs_stat(struct macfs *fs, const char *path, struct macfs_stat *out, struct err *e)
{
	char role[MACFS_ROLE_MAX] = "", inner[MACFS_PATH_MAX];
	int r;

	if (fs->ops->resolves)
		return fs->ops->stat(fs->ctx, "", path, out, e);
	r = macfs_resolve(fs, path, role, inner, e);
	if (!r)
		r = fs->ops->stat(fs->ctx, role, inner, out, e);
	if (!r)
		memcpy(out->role, role, sizeof(role));
	return r;
}

int macfs_read(struct macfs *fs, const char *path, size_t max, struct buf *out,
	       struct err *e)
{
	char role[MACFS_ROLE_MAX], inner[MACFS_PATH_MAX];
	int r;

	if (fs->ops->resolves)
		return fs->ops->read(fs->ctx, "", path, max, out, e);
	r = macfs_resolve(fs, path, role, inner, e);
	return r ? r : fs->ops->read(fs->ctx, role, inner, max, out, e);
}

int macfs_group(struct macfs *fs, char out[static UUID_TEXT_MAX], struct err *e)
{
	out[0] = 0;
	return fs->ops->group ? fs->ops->group(fs->ctx, out, e) : 0;
}
