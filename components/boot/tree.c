/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "components/boot/firmlinks.h"
#include "components/common/this_release.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

#define FIRMLINKS_MAX_BYTES 65536
#define RECOVERY_ROOT	    "/%s/BaseSystem" /* on its volume; %s: volume group */

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

int tree_mount_volume(struct boot_volume *v, struct err *e)
{
	char options[32], dir[sizeof(v->carrier_dir)], node[32];
	int r;

	if (v->carrier_dir[0])
		return 0;
	snprintf(dir, sizeof(dir), TREE_VOLUMES "/%s", v->device);
	snprintf(node, sizeof(node), CARRIER_DISK "%u", v->partition);
	/* vol= has to be the last option: the driver reads its number to the end. */
	snprintf(options, sizeof(options), "readwrite,vol=%u", v->slot);
	r = fsio_mkdirs(dir, 0755, e);
	if (!r && mount(node, dir, "apfs", 0, options))
		r = err_sys(e, "mounting %s (%s)", v->device, v->name);
	if (!r)
		strcpy(v->carrier_dir, dir);
	return r;
}

int tree_open(const char *path, int flags, int *ret_fd, struct err *e)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int root = open(TREE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd;

	if (root < 0)
		return err_sys(e, "%s", TREE_ROOT);
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		err_sys(e, "%s", path);
	close(root);
	if (fd < 0)
		return -(int)e->code;
	*ret_fd = (int)fd;
	return 0;
}

static int remount_read_only(const char *target, struct err *e)
{
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return err_sys(e, "making %s read-only", target);
	return 0;
}

/* Bind @source to the folder that the Mac calls @path. */
static int bind_at(const char *source, const char *path, struct err *e)
{
	char target[64];
	int fd, r = tree_open(path, O_PATH | O_DIRECTORY, &fd, e);

	if (r)
		return r;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (mount(source, target, NULL, MS_BIND, NULL))
		r = err_sys(e, "mounting on %s", path);
	close(fd);
	return r;
}

int tree_attach(struct boot_volume *v, int dir_fd, const char *path, bool read_only,
		struct err *e)
{
	char target[64], mounted[sizeof(TREE_ROOT) + BOOT_PATH_BUF];

	if (v->mount_point[0])
		return err_set(e, E_BUSY, "%s is mounted on %s", v->device,
			       v->mount_point);
	if (strlen(path) >= sizeof(v->mount_point))
		return err_set(e, E_OVERFLOW, "path too long");
	snprintf(target, sizeof(target), "/proc/self/fd/%d", dir_fd);
	if (mount(v->carrier_dir, target, NULL, MS_BIND, NULL))
		return err_sys(e, "mounting %s on %s", v->device, path);
	strcpy(v->mount_point, path);
	v->read_only = read_only;
	if (!read_only)
		return 0;
	/* The descriptor is of the folder below the new mount; the path leads onto it. */
	snprintf(mounted, sizeof(mounted), TREE_ROOT "%s", path);
	return remount_read_only(mounted, e);
}

static int unbind_firmlink(void *arg, const char *path, const char *target, struct err *e)
{
	const struct boot_volume *v = arg;
	char mounted[sizeof(TREE_ROOT) + 2 * BOOT_PATH_BUF];

	(void)target;
	(void)e;
	snprintf(mounted, sizeof(mounted), TREE_ROOT "%s%s", v->mount_point, path);
	(void)!umount2(mounted, UMOUNT_NOFOLLOW | MNT_DETACH);
	return 0;
}

/* Firmlinks go with the volumes of their group; they do not keep them busy. */
static void unbind_firmlinks(struct boot_volume *v)
{
	char file[sizeof(v->carrier_dir) + sizeof(PATH_FIRMLINKS)];
	struct buf text = BUF_INIT;

	if (!v->joined)
		return;
	v->joined = false;
	snprintf(file, sizeof(file), "%s" PATH_FIRMLINKS, v->carrier_dir);
	if (!fsio_read(file, FIRMLINKS_MAX_BYTES, &text, NULL))
		(void)!firmlinks_each(buf_str(&text), unbind_firmlink, v, NULL);
	buf_release(&text);
}

int tree_detach(struct boot_volume *v, struct err *e)
{
	char mounted[sizeof(TREE_ROOT) + BOOT_PATH_BUF];

	if (!v->mount_point[0])
		return err_set(e, E_INVAL, "%s is not mounted", v->device);
	snprintf(mounted, sizeof(mounted), TREE_ROOT "%s", v->mount_point);
	if (umount2(mounted, UMOUNT_NOFOLLOW)) {
		if (errno == EBUSY)
			return err_set(e, E_BUSY, "%s is in use", v->mount_point);
		return err_sys(e, "unmounting %s", v->mount_point);
	}
	v->mount_point[0] = '\0';
	v->read_only = false;
	return 0;
}

static int attach_at(struct boot_volume *v, const char *path, struct err *e)
{
	int fd, r = tree_mount_volume(v, e);

	if (!r)
		r = tree_open(path, O_PATH | O_DIRECTORY, &fd, e);
	if (r)
		return r;
	r = tree_attach(v, fd, path, false, e);
	close(fd);
	return r;
}

/* ---- the system ---- */

static int bind_root(const char *source, struct err *e)
{
	int r = fsio_mkdirs(TREE_ROOT, 0755, e);

	if (!r && mount(source, TREE_ROOT, NULL, MS_BIND, NULL))
		r = err_sys(e, "root %s", source);
	return r;
}

struct firmlink_context {
	const char *prefix; /* where the System volume is: "" for the root */
	const struct boot_volume *data;
};

static int bind_firmlink(void *arg, const char *path, const char *target, struct err *e)
{
	const struct firmlink_context *c = arg;
	char source[BOOT_PATH_BUF], place[BOOT_PATH_BUF];
	int r = fsio_join(source, sizeof(source), c->data->carrier_dir, target, e);

	if (r)
		return r;
	/* A firmlink without its other end leads nowhere, and the Mac starts all the
	 * same. */
	if (!fsio_exists(source))
		return 0;
	if (snprintf(place, sizeof(place), "%s%s", c->prefix, path) >= (int)sizeof(place))
		return err_set(e, E_OVERFLOW, "path too long");
	return bind_at(source, place, e);
}

static int bind_firmlinks(const char *prefix, const struct boot_volume *system,
			  const struct boot_volume *data, struct err *e)
{
	struct firmlink_context c = {.prefix = prefix, .data = data};
	struct buf text = BUF_INIT;
	char file[sizeof(system->carrier_dir) + sizeof(PATH_FIRMLINKS)];
	int r;

	snprintf(file, sizeof(file), "%s" PATH_FIRMLINKS, system->carrier_dir);
	r = fsio_read(file, FIRMLINKS_MAX_BYTES, &text, e);
	if (!r)
		r = firmlinks_each(buf_str(&text), bind_firmlink, &c, e);
	buf_release(&text);
	return r ? err_ctx(e, "firmlinks") : 0;
}

/* "/Volumes/Macintosh HD" is a link to "/", made anew at each start. */
static int link_in_volumes(const char *name, struct err *e)
{
	int dir, r = tree_open("/Volumes", O_RDONLY | O_DIRECTORY, &dir, e);

	if (r)
		return r;
	if (unlinkat(dir, name, 0) && errno == EISDIR)
		unlinkat(dir, name, AT_REMOVEDIR);
	/* A folder that somebody filled stays in the way, as on a Mac. */
	if (symlinkat("/", dir, name) && errno != EEXIST)
		r = err_sys(e, "/Volumes/%s", name);
	close(dir);
	return r;
}

static int mount_dev(struct err *e)
{
	if (mount("devfs", TREE_ROOT "/dev", "tmpfs", MS_NOSUID, "mode=755"))
		return err_sys(e, "/dev");
	return 0;
}

static int build_system(const struct boot_choice *c, const struct release **ret_release,
			struct err *e)
{
	struct boot_volume *s = c->system;
	int r = tree_mount_volume(s, e);

	if (!r)
		r = bind_root(s->carrier_dir, e);
	if (!r)
		r = this_release(TREE_ROOT, ret_release, e);
	if (!r && c->data)
		r = attach_at(c->data, PATH_DATA_MOUNT, e);
	if (!r && c->data)
		r = bind_firmlinks("", s, c->data, e);
	if (!r && c->vm)
		r = attach_at(c->vm, "/private/var/vm", e);
	if (!r)
		r = link_in_volumes(s->name, e);
	if (!r)
		r = mount_dev(e);
	if (r)
		return r;
	strcpy(s->mount_point, "/");
	s->read_only = (*ret_release)->system_read_only;
	return s->read_only ? remount_read_only(TREE_ROOT, e) : 0;
}

/* ---- Recovery ---- */

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

/* As DiskArbitration does with what it finds: on a folder named after the volume. */
static int attach_by_name(struct boot_volume *v, struct err *e)
{
	char path[BOOT_PATH_BUF];
	int dir, r = tree_open("/Volumes", O_RDONLY | O_DIRECTORY, &dir, e);

	if (r)
		return r;
	snprintf(path, sizeof(path), "/Volumes/%s", v->name);
	if (strchr(v->name, '/') || (mkdirat(dir, v->name, 0755) && errno != EEXIST))
		r = err_sys(e, "%s", path);
	close(dir);
	return r ? r : attach_at(v, path, e);
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
		r = attach_by_name(v, e);
		if (r)
			return r;
	}
	return 0;
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
		r = data ? bind_firmlinks(v->mount_point, v, data, e) : 0;
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
			unbind_firmlinks(&vs->v[i]);
}

static int build_recovery(struct volumes *vs, const struct boot_choice *c,
			  const struct release **ret_release, struct err *e)
{
	char source[256];
	int r = tree_mount_volume(c->recovery_volume, e);

	if (r)
		return r;
	snprintf(source, sizeof(source), "%s" RECOVERY_ROOT,
		 c->recovery_volume->carrier_dir, c->system->group);
	r = bind_root(source, e);
	if (!r)
		r = this_release(TREE_ROOT, ret_release, e);
	if (!r)
		r = mount_memory(e);
	if (!r)
		r = mount_dev(e);
	if (!r)
		r = attach_others(vs, e);
	if (!r)
		r = tree_join_groups(vs, e);
	if (r)
		return r;
	strcpy(c->recovery_volume->mount_point, "/");
	c->recovery_volume->read_only = true;
	return remount_read_only(TREE_ROOT, e);
}

int tree_build(struct volumes *vs, const struct boot_choice *c,
	       const struct release **ret_release, struct err *e)
{
	return c->recovery ? build_recovery(vs, c, ret_release, e) :
			     build_system(c, ret_release, e);
}

/* ---- the end ---- */

static void keep_first(int *r, int next, struct err *e, const struct err *why)
{
	if (*r || !next)
		return;
	*r = next;
	*e = *why;
}

int tree_unmount_all(struct volumes *vs, struct err *e)
{
	struct err why = ERR_INIT;
	int r = 0;

	sync();
	/* All mounts below the root go with it, and none is looked up by name again. */
	if (umount2(TREE_ROOT, MNT_DETACH) && errno != EINVAL && errno != ENOENT)
		keep_first(&r, err_sys(&why, "unmounting " TREE_ROOT), e, &why);
	for (size_t i = 0; i < vs->n; i++) {
		struct boot_volume *v = &vs->v[i];

		if (v->carrier_dir[0] && umount2(v->carrier_dir, 0))
			keep_first(&r, err_sys(&why, "unmounting %s", v->name), e, &why);
		v->carrier_dir[0] = v->mount_point[0] = '\0';
	}
	return r;
}
