/* SPDX-License-Identifier: MIT */
#include "images/gpt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "images/in_child.h"
#include "images/libguestfs.h"
#include "images/made_once.h"
#include "sim/base/fsio.h"
#include "sim/formats/gpt/gpt.h"

#define DEVICE "/dev/sda"

/* What supermin writes into the cache folder, rounded up. */
#define APPLIANCE_MIB 800u

static struct libguestfs lib; /* of the process that partitions (in_child) */

/* The first line alone: what follows is advice for users of libguestfs. */
static int failed(guestfs_h *g, const char *doing, struct err *e)
{
	const char *why = lib.last_error(g);

	if (!why)
		why = "failed";
	return err_set(e, E_INFRA, "libguestfs: %s: %.*s", doing, (int)strcspn(why, "\n"),
		       why);
}

/* What it says when its folder is full or read-only does not help anybody. */
static int no_appliance(guestfs_h *g, struct err *e)
{
	char *dir = lib.get_cachedir(g);
	unsigned long long free_mib = 0;
	struct statvfs v;
	int r = failed(g, "starting its appliance", e);

	if (dir && !statvfs(dir, &v))
		free_mib = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
	if (dir && access(dir, W_OK | X_OK))
		r = err_set(e, E_INFRA, "libguestfs keeps its appliance in %s: %s", dir,
			    strerror(errno));
	else if (dir && free_mib < APPLIANCE_MIB)
		r = err_ctx(e, "%s has %llu MiB free, of %u that libguestfs may need",
			    dir, free_mib, APPLIANCE_MIB);
	free(dir);
	return r;
}

static int add_partition(guestfs_h *g, int number, const struct gpt_slot *p, struct err *e)
{
	int64_t first = (int64_t)(p->offset / 512);
	int64_t last = first + (int64_t)(p->size / 512) - 1;

	if (lib.part_add(g, DEVICE, "p", first, last) ||
	    lib.part_set_name(g, DEVICE, number, p->name) ||
	    lib.part_set_gpt_type(g, DEVICE, number, p->type) ||
	    lib.part_set_gpt_guid(g, DEVICE, number, p->guid))
		return failed(g, p->name, e);
	return 0;
}

/* What a Mac keeps there: a folder for firmware updates, a signature of the label. */
static int fill_esp(guestfs_h *g, int number, struct err *e)
{
	char device[sizeof(DEVICE) + 12];

	snprintf(device, sizeof(device), DEVICE "%d", number);
	if (lib.mkfs_opts(g, "vfat", device, GUESTFS_MKFS_OPTS_LABEL, "EFI", -1) ||
	    lib.mount(g, device, "/") || lib.mkdir_p(g, "/EFI/APPLE/EXTENSIONS") ||
	    lib.mkdir_p(g, "/EFI/APPLE/FIRMWARE") || lib.umount_all(g))
		return failed(g, "EFI system partition", e);
	return 0;
}

static int partition(guestfs_h *g, const struct gpt_scheme *s, struct err *e)
{
	int r = 0;

	if (lib.part_init(g, DEVICE, "gpt") ||
	    lib.part_set_disk_guid(g, DEVICE, s->guid))
		return failed(g, "partition table", e);
	for (size_t i = 0; i < s->n_slots && !r; i++)
		r = add_partition(g, (int)i + 1, &s->slots[i], e);
	for (size_t i = 0; i < s->n_slots && !r; i++)
		if (!strcmp(s->slots[i].type, GPT_TYPE_ESP))
			r = fill_esp(g, (int)i + 1, e);
	return r;
}

/*
 * supermin builds the appliance from a kernel; a machine without one in /boot (a
 * container) gets the carrier's, which make deps unpacked.
 */
static int use_carrier_kernel(const struct image_env *env, struct err *e)
{
	static const struct {
		const char *variable, *file;
	} settings[] = {
		{"SUPERMIN_KERNEL", "vmlinuz"},
		{"SUPERMIN_MODULES", "modules"},
	};
	struct buf version = BUF_INIT;
	char path[PATH_MAX], real[PATH_MAX];
	int r;

	if (getenv("SUPERMIN_KERNEL"))
		return 0;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/cache/carrier/current/%s", env->build_dir,
			 settings[i].file);
		if (!realpath(path, real))
			return err_sys(e, "the carrier kernel (run make deps): %s", path);
		setenv(settings[i].variable, real, 1);
	}
	snprintf(path, sizeof(path), "%s/cache/carrier/current/version", env->build_dir);
	r = fsio_read(path, 256, &version, e);
	if (!r) {
		char *s = (char *)version.data;

		s[strcspn(buf_str(&version), "\n")] = '\0';
		setenv("SUPERMIN_KERNEL_VERSION", s, 1);
	}
	buf_release(&version);
	return r;
}

/*
 * Emulated always: /dev/kvm may be there and hang, and this happens once for all disks.
 */
static int run_appliance(guestfs_h *g, const struct gpt_scheme *scheme, const char *path,
			 struct err *e)
{
	int r;

	lib.set_error_handler(g, NULL, NULL); /* we report, once */
	if (lib.set_backend(g, "direct") ||
	    lib.set_backend_setting(g, "force_tcg", "1") ||
	    lib.add_drive_opts(g, path, GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw", -1) ||
	    lib.launch(g))
		return no_appliance(g, e);
	r = partition(g, scheme, e);
	if (!r && lib.shutdown(g))
		r = failed(g, "shutdown", e);
	return r;
}

struct layout {
	const struct image_env *env;
	const struct gpt_scheme *scheme;
	const char *path;
};

static int work(void *arg, struct err *e)
{
	const struct layout *l = arg;
	guestfs_h *g;
	int r = use_carrier_kernel(l->env, e);

	if (!r)
		r = libguestfs_load(&lib, e);
	if (r)
		return r;
	g = lib.create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);
	if (!g)
		return err_set(e, E_INFRA, "libguestfs: cannot create a handle");
	r = run_appliance(g, l->scheme, l->path, e);
	lib.close(g);
	return r;
}

static int make_layout(void *arg, const char *path, struct err *e)
{
	struct layout *l = arg;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = 0;

	if (fd < 0)
		return err_sys(e, "creating %s", path);
	if (ftruncate(fd, (off_t)gpt_scheme_disk_size(l->scheme)))
		r = err_sys(e, "sizing %s", path);
	close(fd);
	if (l->env->progress)
		l->env->progress(l->env->progress_ctx, "partition table (libguestfs)");
	l->path = path;
	return r ? r : in_child(l->env, work, l, e);
}

int gpt_layout(const struct image_env *env, const struct gpt_scheme *scheme,
	       char ret_path[static IMAGE_PATH_MAX], struct err *e)
{
	struct layout l = {env, scheme, NULL};
	const struct made_once m = {ret_path, "the partition table", make_layout, &l, NULL};
	char dir[PATH_MAX - 64];
	int r;

	snprintf(dir, sizeof(dir), "%s/cache/layouts", env->build_dir);
	r = fsio_mkdirs(dir, 0755, e);
	if (r)
		return r;
	snprintf(ret_path, IMAGE_PATH_MAX, "%s/%s.raw", dir, scheme->name);
	return made_once(env, &m, NULL, e);
}
