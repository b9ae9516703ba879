/* SPDX-License-Identifier: MIT */
/*
 * What is mounted beside the root of release 11 and later: the other volumes of the boot
 * container, those of iBoot's container, and the Data volume with its firmlinks.
 */
#include "components/boot/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "components/boot/kernel.h"
#include "components/boot/tree.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

/* Firmlinks lead here while the Data volume is locked. */
#define MEMORY_DATA_DIR CARRIER_MAC_DIR "/no-data"

struct mount_row {
	bool isc;      /* in iBoot's container; else in the system's own */
	uint16_t role;
	const char *path;
	unsigned flags;   /* of enum tree_flags */
	bool in_recovery; /* there as well, for who changes policies */
};

/* In the order in which they are mounted. */
static const struct mount_row rows[] = {
	{false, APFS_ROLE_RECOVERY, "/System/Volumes/Recovery", TREE_READ_ONLY, false},
	{false, APFS_ROLE_VM, "/System/Volumes/VM", TREE_FOR_KERNEL, false},
	{false, APFS_ROLE_PREBOOT, "/System/Volumes/Preboot", 0, false},
	{false, APFS_ROLE_UPDATE, "/System/Volumes/Update", 0, false},
	{true, APFS_ROLE_PREBOOT, PATH_ISC_PREBOOT, 0, true},
	{true, APFS_ROLE_XART, "/System/Volumes/xarts", TREE_FOR_KERNEL, false},
	{true, APFS_ROLE_HARDWARE, "/System/Volumes/Hardware", 0, false},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

void mounts_say(struct boot *b, const struct boot_volume *v)
{
	klog(&b->log, "apfs",
	     "apfs_log_mount_unmount:%u: %s mounting volume %s, requested by: kernel_task "
	     "(pid 0); parent: kernel_task (pid 0)",
	     b->release->apfs.log_mount, v->device, v->name);
}

/* A volume whose place lies below a damaged node is not mounted, and that is all. */
static int without_place(struct boot *b, const struct boot_volume *v, const char *path,
			 int r, struct err *e)
{
	if (!r || !tree_unreadable(e))
		return r;
	klog(&b->log, "apfs", "%s cannot be mounted on %s: Input/output error", v->device,
	     path);
	err_clear(e);
	return 0;
}

/* The system's tree says what it has a place for. */
static bool has_place(const char *path)
{
	char full[BOOT_PATH_BUF];

	snprintf(full, sizeof(full), TREE_ROOT "%s", path);
	return fsio_exists(full) || errno == EIO;
}

static int mount_row(struct boot *b, const struct mount_row *row, struct err *e)
{
	const struct machine_model *m = b->machine;
	unsigned disk = row->isc ? m->isc_disk : m->main_disk;
	struct boot_volume *v =
		disk ? volumes_by_role(&b->volumes, disk, row->role, NULL) : NULL;
	int r;

	if (!v || !has_place(row->path))
		return 0;
	mounts_say(b, v);
	r = tree_attach_at(&b->volumes, v, row->path, row->flags, e);
	return without_place(b, v, row->path, r, e);
}

/* ---- Data ---- */

/* What a system finds in memory that came up without its Data volume. */
static const struct {
	const char *path;
	mode_t mode;
} memory_folders[] = {
	{"/private/tmp", 01777},    {"/private/var/tmp", 01777},
	{"/private/var/run", 0775}, {"/private/var/log", 0755},
	{"/private/var/db", 0755},  {"/private/var/root", 0750},
	{"/private/etc", 0755},	    {"/private/var/install", 0755},
};

static int make_memory_folder(const char *path, mode_t mode, struct err *e)
{
	char full[BOOT_PATH_BUF];
	int r = fsio_join(full, sizeof(full), MEMORY_DATA_DIR, path, e);

	if (!r)
		r = fsio_mkdirs(full, 0755, e);
	if (!r && chmod(full, mode))
		r = err_sys(e, "%s", full);
	return r;
}

static int make_firmlink_target(void *arg, const char *path, const char *target,
				struct err *e)
{
	(void)arg;
	(void)path;
	return make_memory_folder(target, 0755, e);
}

static int mount_memory_data(struct err *e)
{
	int r = fsio_mkdirs(MEMORY_DATA_DIR, 0755, e);

	if (!r && mount("ramdisk", MEMORY_DATA_DIR, "tmpfs", MS_NOSUID | MS_NODEV,
			"mode=755"))
		r = err_sys(e, "memory for the locked Data volume");
	if (!r)
		r = tree_each_firmlink(ROOT_SERVED_DIR, make_firmlink_target, NULL, e);
	for (size_t i = 0;
	     !r && i < sizeof(memory_folders) / sizeof(memory_folders[0]); i++)
		r = make_memory_folder(memory_folders[i].path, memory_folders[i].mode, e);
	return r ? r : tree_bind_firmlinks("", ROOT_SERVED_DIR, MEMORY_DATA_DIR, e);
}

static int mount_data(struct boot *b, struct err *e)
{
	struct boot_volume *d = b->choice.data;
	int r;

	mounts_say(b, d);
	r = tree_attach_at(&b->volumes, d, PATH_DATA_MOUNT, 0, e);
	r = without_place(b, d, PATH_DATA_MOUNT, r, e);
	if (r)
		return r;
	return d->mount_point[0] ? tree_bind_firmlinks("", ROOT_SERVED_DIR,
						       d->carrier_dir, e)
				 : mount_memory_data(e);
}

static bool data_is_locked(const struct boot *b)
{
	return b->choice.data && b->choice.data->locked;
}

/*
 * An Intel Mac got the passphrase at its EFI login, before there was a kernel; Apple
 * silicon asks when the system runs.
 */
static void unlock_at_login(struct boot *b)
{
	for (size_t i = 0; b->machine->arch == MACHO_X86_64 && i < b->volumes.n; i++)
		b->volumes.v[i].locked = false;
}

/* A snapshot has a device of its own; the volume is then mounted nowhere. */
static void name_root(struct boot *b)
{
	struct boot_volume *s = b->choice.system;

	snprintf(b->root_device, sizeof(b->root_device), "%s%s", s->device,
		 b->rooted.xid ? "s1" : "");
	if (!b->rooted.xid)
		strcpy(s->mount_point, "/");
	s->read_only = true;
}

int mounts_system(struct boot *b, struct err *e)
{
	int r = 0;

	volumes_close_disk(&b->volumes);
	unlock_at_login(b);
	for (size_t i = 0; !r && i < N_ROWS; i++)
		r = mount_row(b, &rows[i], e);
	if (!r)
		r = data_is_locked(b) ? mount_memory_data(e)
		    : b->choice.data  ? mount_data(b, e)
				      : 0;
	if (!r)
		r = tree_link_in_volumes(b->choice.system->name, e);
	if (!r)
		r = tree_mount_dev(e);
	if (r)
		return r;
	b->data_missing = data_is_locked(b);
	b->hostname = b->machine->hostname;
	name_root(b);
	return tree_root_read_only(e);
}

int mounts_complete(struct boot *b, struct err *e)
{
	struct boot_volume *d = b->choice.data;
	int r;

	if (!b->data_missing || data_is_locked(b))
		return 0;
	/* Who unlocked it may have mounted it somewhere meanwhile. */
	r = d->mount_point[0] ? tree_detach(d, e) : 0;
	if (r)
		return r;
	tree_unbind_firmlinks("", ROOT_SERVED_DIR);
	if (umount2(MEMORY_DATA_DIR, MNT_DETACH))
		return err_sys(e, "memory of the locked Data volume");
	b->data_missing = false;
	r = mount_data(b, e);
	return r ? r : tree_link_in_volumes(b->choice.system->name, e);
}

/* ---- Recovery ---- */

int mounts_recovery(struct boot *b, struct err *e)
{
	struct volumes *vs = &b->volumes;
	int r;

	b->root = b->choice.recovery_volume;
	snprintf(b->root_device, sizeof(b->root_device), "%s", b->root->device);
	b->hostname = b->machine->hostname;
	mounts_say(b, b->root);
	volumes_close_disk(vs);
	r = tree_build_recovery(vs, &b->choice, &b->release, e);
	for (size_t i = 0; !r && i < N_ROWS; i++)
		if (rows[i].in_recovery)
			r = mount_row(b, &rows[i], e);
	return r;
}
