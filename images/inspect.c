/* SPDX-License-Identifier: MIT */
#include "images/inspect.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OPEN_MAX_VOLUMES 64

/* A volume that some place named; opened once. */
struct opened {
	char *selector; /* owned: "Preboot" or "System@snapshot", "" for the default */
	struct apfs_volume *v;
};

struct inspect {
	struct containers containers;
	struct opened volumes[OPEN_MAX_VOLUMES];
	size_t n;
};

int inspect_open(const char *path, struct inspect **ret, struct err *e)
{
	struct inspect *in = calloc(1, sizeof(*in));
	int r;

	if (!in)
		return err_set(e, E_NOMEM, "disk: out of memory");
	r = containers_open(&in->containers, path, e);
	if (r) {
		inspect_close(in);
		return r;
	}
	*ret = in;
	return 0;
}

void inspect_close(struct inspect *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->n; i++) {
		apfs_volume_close(in->volumes[i].v);
		free(in->volumes[i].selector);
	}
	containers_close(&in->containers);
	free(in);
}

struct containers *inspect_containers(struct inspect *in)
{
	return &in->containers;
}

static int open_selected(struct inspect *in, char *selector, struct apfs_volume **ret,
			 struct err *e)
{
	struct containers *cs = &in->containers;
	struct apfs *c = cs->v[cs->main].apfs;
	char *snapshot = strchr(selector, '@');
	unsigned slot = 0;
	int r;

	if (snapshot)
		*snapshot = '\0';
	if (selector[0])
		r = containers_find(cs, selector, &c, &slot, e);
	else
		r = apfs_volume_find_role(c, APFS_ROLE_SYSTEM, &slot, e);
	if (!r)
		r = apfs_volume_open(c, slot, snapshot ? snapshot + 1 : NULL, ret, e);
	if (snapshot)
		*snapshot = '@';
	return r;
}

static int find_volume(struct inspect *in, const char *name, size_t len,
		       struct apfs_volume **ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct opened *o;
	int r;

	for (size_t i = 0; i < in->n; i++) {
		o = &in->volumes[i];
		if (strlen(o->selector) == len && !memcmp(o->selector, name, len)) {
			*ret = o->v;
			return 0;
		}
	}
	if (in->n == OPEN_MAX_VOLUMES)
		return err_set(e, E_OVERFLOW, "more than %d volumes in use", OPEN_MAX_VOLUMES);
	o = &in->volumes[in->n];
	o->selector = strndup(name, len);
	if (!o->selector)
		return err_set(e, E_NOMEM, "volume: out of memory");
	r = open_selected(in, o->selector, &o->v, &why);
	if (r) {
		free(o->selector);
		/* A missing volume is not to be taken for a missing file. */
		return err_set(e, r == -E_NOTFOUND ? E_INVAL : why.code, "%s", why.msg);
	}
	in->n++;
	*ret = o->v;
	return 0;
}

int inspect_place(struct inspect *in, const char *place, struct apfs_volume **ret_volume,
		  const char **ret_path, struct err *e)
{
	const char *colon = strstr(place, ":/");
	size_t len = strlen(place);

	if (place[0] == '/') {
		*ret_path = place;
		return find_volume(in, "", 0, ret_volume, e);
	}
	if (!colon && len && place[len - 1] == ':')
		colon = place + len - 1;
	if (!colon)
		return err_set(e, E_INVAL, "'%s' is no place on a disk: VOLUME:/path or /path",
			       place);
	*ret_path = colon[1] ? colon + 1 : "/";
	return find_volume(in, place, (size_t)(colon - place), ret_volume, e);
}

/* The folder of a path with links followed, then the last component as it is. */
static int lookup_nofollow(struct apfs_volume *v, const char *path,
			   struct apfs_inode *ret, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct apfs_dirent ent;
	char *dir;
	int r;

	if (!slash || !slash[1] || !strcmp(slash, "/.") || !strcmp(slash, "/.."))
		return apfs_lookup(v, path, APFS_FOLLOW, ret, e);
	dir = strndup(path, (size_t)(slash - path) + 1);
	if (!dir)
		return err_set(e, E_NOMEM, "%s: out of memory", path);
	r = apfs_lookup(v, dir, APFS_FOLLOW, ret, e);
	free(dir);
	if (!r && !S_ISDIR(ret->mode))
		r = err_set(e, E_NOTFOUND, "not a folder before '%s'", slash + 1);
	if (!r)
		r = apfs_dir_find(v, ret->ino, slash + 1, &ent, e);
	if (!r)
		r = apfs_inode_expect(v, ent.ino, ret, e);
	return r;
}

int inspect_cat(struct inspect *in, const char *place, size_t max, struct buf *out,
		struct err *e)
{
	struct apfs_volume *v;
	const char *path;
	int r = inspect_place(in, place, &v, &path, e);

	return r ? r : apfs_read_path(v, path, max, out, e);
}

int inspect_extract(struct inspect *in, const char *place, const char *dest,
		    const struct apfs_extract_opts *opts,
		    struct apfs_extract_result *ret, struct err *e)
{
	struct apfs_volume *v;
	const char *path;
	int r = inspect_place(in, place, &v, &path, e);

	return r ? r : apfs_extract(v, path, dest, opts, ret, e);
}

static int cmp_entries(const void *a, const void *b)
{
	const struct inspect_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int list_folder(struct apfs_volume *v, uint64_t dir, struct inspect_entry **list,
		       size_t *n, struct err *e)
{
	const struct apfs_dirent *ent;
	struct apfs_dir *d;
	int r = apfs_dir_open(v, dir, &d, e);

	if (r)
		return r;
	while (!(r = apfs_dir_next(d, &ent, e)) && ent) {
		struct inspect_entry *p = reallocarray(*list, *n + 1, sizeof(*p));

		if (!p) {
			r = err_set(e, E_NOMEM, "listing: out of memory");
			break;
		}
		*list = p;
		p += (*n)++;
		memcpy(p->name, ent->name, sizeof(p->name));
		r = apfs_inode_expect(v, ent->ino, &p->inode, e);
		if (r)
			break;
	}
	apfs_dir_close(d);
	return r;
}

static int list_file(const char *path, const struct apfs_inode *ino,
		     struct inspect_entry **list, size_t *n, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	*list = calloc(1, sizeof(**list));
	if (!*list || strlen(name) >= sizeof((*list)->name))
		return err_set(e, E_NOMEM, "listing: out of memory");
	strcpy((*list)->name, name);
	(*list)->inode = *ino;
	*n = 1;
	return 0;
}

int inspect_list(struct inspect *in, const char *place, struct inspect_entry **ret,
		 size_t *ret_n, struct err *e)
{
	struct inspect_entry *list = NULL;
	struct apfs_inode ino;
	struct apfs_volume *v;
	const char *path;
	size_t n = 0;
	int r = inspect_place(in, place, &v, &path, e);

	if (!r)
		r = lookup_nofollow(v, path, &ino, e);
	if (!r && S_ISDIR(ino.mode))
		r = list_folder(v, ino.ino, &list, &n, e);
	else if (!r)
		r = list_file(path, &ino, &list, &n, e);
	if (r) {
		free(list);
		return err_ctx(e, "%s", place);
	}
	if (n)
		qsort(list, n, sizeof(*list), cmp_entries);
	*ret = list;
	*ret_n = n;
	return 0;
}
