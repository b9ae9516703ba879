/* SPDX-License-Identifier: MIT */
/*
 * The tree of Recovery: a folder of the Recovery volume, read-only, what has to be
 * writable in memory, and the other volumes below /Volumes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/boot/tree.h"
#include "components/common/this_release.h"
#include "sim/formats/apfs/raw.h"

#define RECOVERY_ROOT "/%s/BaseSystem" /* on its volume; %s: volume group */

/* What Recovery keeps in memory, because its own volume is read-only. */
static const struct {
	const char *path;
	const char *options;
} memory_folders[] = {
	{"/Volumes", "mode=755"},	  {"/private/tmp", "mode=1777"},
	{"/private/var/tmp", "mode=1777"}, {"/private/var/log", "mode=755"},
	{"/private/var/run", "mode=755"},  {"/private/var/root", "mode=750"},
	{"/private/var/install", "mode=755"},
};

static int mount_memory(struct err *e)
{
	for (size_t i = 0; i < sizeof(memory_folders) / sizeof(memory_folders[0]); i++) {
		char path[256];

		snprintf(path, sizeof(path), TREE_ROOT "%s", memory_folders[i].path);
		if (mount("ramdisk", path, "tmpfs", MS_NOSUID,
			  memory_folders[i].options) &&
		    errno != ENOENT)
			return err_sys(e, "%s", memory_folders[i].path);
	}
	return 0;
}

/*
 * As DiskArbitration does with what it finds: on a folder named after the volume. One
 * with a seal stays read-only until somebody wants it otherwise.
 */
static int attach_by_name(struct volumes *vs, struct boot_volume *v, struct err *e)
{
	char path[BOOT_PATH_BUF];
	int dir, r = tree_open("/Volumes", O_RDONLY | O_DIRECTORY, &dir, e);

	if (r)
		return r;
	snprintf(path, sizeof(path), "/Volumes/%s", v->name);
	if (strchr(v->name, '/') || (mkdirat(dir, v->name, 0755) && errno != EEXIST))
		r = err_sys(e, "%s", path);
	close(dir);
	return r ? r : tree_attach_at(vs, v, path, v->sealed ? TREE_READ_ONLY : 0, e);
}

/* A damaged system is what many come here for: it is not shown, and that is all. */
static bool may_be_missing(const struct boot_volume *v, const struct err *e)
{
	return v->sealed &&
	       (e->code == E_CORRUPT || e->code == E_BADHASH || tree_unreadable(e));
}

static int attach_others(struct volumes *vs, struct err *e)
{
	int r;

	for (size_t i = 0; i < vs->n; i++) {
		struct boot_volume *v = &vs->v[i];
		bool shown = v->role == APFS_ROLE_SYSTEM || v->role == APFS_ROLE_DATA ||
			     v->role == APFS_ROLE_NONE;

		if (!shown || v->locked)
			continue;
		r = attach_by_name(vs, v, e);
		if (r && !may_be_missing(v, e))
			return r;
		if (r)
			err_clear(e);
	}
	return 0;
}

int tree_build_recovery(struct volumes *vs, const struct boot_choice *c,
			  const struct release **ret_release, struct err *e)
{
	char source[256];
	int r = tree_mount_volume(vs, c->recovery_volume, e);

	if (r)
		return r;
	snprintf(source, sizeof(source), "%s" RECOVERY_ROOT,
		 c->recovery_volume->carrier_dir, c->system->group);
	r = tree_bind_root(source, e);
	if (!r)
		r = this_release(TREE_ROOT, ret_release, e);
	if (!r)
		r = mount_memory(e);
	if (!r)
		r = tree_mount_dev(e);
	if (!r)
		r = attach_others(vs, e);
	if (!r)
		r = tree_join_groups(vs, e);
	if (r)
		return r;
	strcpy(c->recovery_volume->mount_point, "/");
	c->recovery_volume->read_only = true;
	return tree_root_read_only(e);
}
