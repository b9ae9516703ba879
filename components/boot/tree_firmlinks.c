/* SPDX-License-Identifier: MIT */
/* Firmlinks of the running tree: bind mounts of folders of the Data volume. */
#define _GNU_SOURCE
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include "components/boot/firmlinks.h"
#include "components/boot/tree.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

#define FIRMLINKS_MAX_BYTES 65536
/* The file system's driver and server show the Mac's attributes below this prefix. */
#define FIRMLINK_XATTR "osx." APFS_XATTR_NAME_FIRMLINK

/* ---- finding them ---- */

typedef int (*firmlink_fn)(void *arg, const char *path, const char *target,
			   struct err *e);

/* What cannot be read, and so has no attribute, is nobody's firmlink. */
static int visit_folder(FTS *fts, FTSENT *ent, size_t prefix, firmlink_fn fn, void *arg,
			struct err *e)
{
	char target[PATH_MAX];
	ssize_t n;

	if (ent->fts_info != FTS_D)
		return 0;
	n = lgetxattr(ent->fts_path, FIRMLINK_XATTR, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	(void)fts_set(fts, ent, FTS_SKIP);
	return fn(arg, ent->fts_path + prefix, target, e);
}

/*
 * A firmlink is a folder with an attribute; the list is made from that for programs. When
 * the list lies below a damaged node, all folders that can be read are asked.
 */
static int each_by_attribute(const char *system_dir, firmlink_fn fn, void *arg,
			     struct err *e)
{
	char *const roots[] = {(char *)(uintptr_t)system_dir, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *ent;
	int r = 0;

	if (!fts)
		return err_sys(e, "%s", system_dir);
	while (!r && (ent = fts_read(fts)))
		r = visit_folder(fts, ent, strlen(system_dir), fn, arg, e);
	fts_close(fts);
	return r;
}

int tree_each_firmlink(const char *system_dir,
		       int (*fn)(void *arg, const char *path, const char *target,
				 struct err *e),
		       void *arg, struct err *e)
{
	char file[BOOT_PATH_BUF];
	struct buf text = BUF_INIT;
	int r = fsio_join(file, sizeof(file), system_dir, PATH_FIRMLINKS, e);

	if (!r)
		r = fsio_read(file, FIRMLINKS_MAX_BYTES, &text, e);
	if (!r)
		r = firmlinks_each(buf_str(&text), fn, arg, e);
	buf_release(&text);
	if (r && tree_unreadable(e)) {
		err_clear(e);
		r = each_by_attribute(system_dir, fn, arg, e);
	}
	return r ? err_ctx(e, "firmlinks") : 0;
}

/* ---- binding them ---- */

struct bind_context {
	const char *prefix; /* where the System volume is: "" for the root */
	const char *data_dir;
};

static int bind_firmlink(void *arg, const char *path, const char *target, struct err *e)
{
	const struct bind_context *c = arg;
	char source[BOOT_PATH_BUF], place[BOOT_PATH_BUF];
	int r = fsio_join(source, sizeof(source), c->data_dir, target, e);

	if (r)
		return r;
	/* A firmlink without its other end leads nowhere, and the Mac starts all the
	 * same. */
	if (!fsio_exists(source))
		return 0;
	if (snprintf(place, sizeof(place), "%s%s", c->prefix, path) >= (int)sizeof(place))
		return err_set(e, E_OVERFLOW, "path too long");
	r = tree_bind(source, place, e);
	if (r && tree_unreadable(e)) {
		err_clear(e);
		return 0; /* and so does one that cannot be read */
	}
	return r;
}

int tree_bind_firmlinks(const char *prefix, const char *system_dir, const char *data_dir,
			struct err *e)
{
	struct bind_context c = {.prefix = prefix, .data_dir = data_dir};

	return tree_each_firmlink(system_dir, bind_firmlink, &c, e);
}

static int unbind_firmlink(void *arg, const char *path, const char *target, struct err *e)
{
	const struct bind_context *c = arg;
	char mounted[sizeof(TREE_ROOT) + 2 * BOOT_PATH_BUF];

	(void)target;
	(void)e;
	snprintf(mounted, sizeof(mounted), TREE_ROOT "%s%s", c->prefix, path);
	(void)!umount2(mounted, UMOUNT_NOFOLLOW | MNT_DETACH);
	return 0;
}

void tree_unbind_firmlinks(const char *prefix, const char *system_dir)
{
	struct bind_context c = {.prefix = prefix};
	struct err e = ERR_INIT;

	(void)!tree_each_firmlink(system_dir, unbind_firmlink, &c, &e);
}

/* ---- groups in Recovery ---- */

/* Firmlinks go with the volumes of their group; they do not keep them busy. */
static void part(struct boot_volume *v)
{
	if (!v->joined)
		return;
	v->joined = false;
	tree_unbind_firmlinks(v->mount_point, v->carrier_dir);
}

static const struct boot_volume *data_of(const struct volumes *vs,
					 const struct boot_volume *system)
{
	for (size_t i = 0; i < vs->n; i++)
		if (vs->v[i].role == APFS_ROLE_DATA && vs->v[i].mount_point[0] &&
		    !strcmp(vs->v[i].group, system->group))
			return &vs->v[i];
	return NULL;
}

int tree_join_groups(struct volumes *vs, struct err *e)
{
	for (size_t i = 0; i < vs->n; i++) {
		struct boot_volume *v = &vs->v[i];
		const struct boot_volume *data;
		int r;

		if (v->role != APFS_ROLE_SYSTEM || v->joined ||
		    strncmp(v->mount_point, "/Volumes/", 9) != 0)
			continue;
		data = data_of(vs, v);
		r = data ? tree_bind_firmlinks(v->mount_point, v->carrier_dir,
					       data->carrier_dir, e)
			 : 0;
		if (r)
			return r;
		v->joined = data != NULL;
	}
	return 0;
}

void tree_part_group(struct volumes *vs, const struct boot_volume *v)
{
	for (size_t i = 0; i < vs->n; i++)
		if (v->group[0] && !strcmp(vs->v[i].group, v->group))
			part(&vs->v[i]);
}
