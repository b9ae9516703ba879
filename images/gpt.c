/* SPDX-License-Identifier: MIT */
#include "images/gpt.h"

#include <fcntl.h>
#include <guestfs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/gpt/gpt.h"

#define ESP_TYPE       "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
#define DISK_GUID      "4B455854-4C41-4200-8000-000000000000"
#define ESP_GUID       "4B455854-4C41-4200-8000-000000000001"
#define CONTAINER_GUID "4B455854-4C41-4200-8000-000000000002"

/* Part of the file name: change it when the layout changes. */
#define LAYOUT_VERSION "1"

#define LAST(offset, size) ((int64_t)(((offset) + (size)) / 512 - 1))

static int failed(guestfs_h *g, const char *doing, struct err *e)
{
	const char *why = guestfs_last_error(g);

	return err_set(e, E_INFRA, "libguestfs: %s: %s", doing, why ? why : "failed");
}

static int partition(guestfs_h *g, struct err *e)
{
	if (guestfs_part_init(g, "/dev/sda", "gpt") ||
	    guestfs_part_add(g, "/dev/sda", "p", (int64_t)(GPT_ESP_OFFSET / 512),
			     LAST(GPT_ESP_OFFSET, GPT_ESP_SIZE)) ||
	    guestfs_part_add(g, "/dev/sda", "p", (int64_t)(GPT_CONTAINER_OFFSET / 512),
			     LAST(GPT_CONTAINER_OFFSET, GPT_CONTAINER_SIZE)) ||
	    guestfs_part_set_disk_guid(g, "/dev/sda", DISK_GUID) ||
	    guestfs_part_set_name(g, "/dev/sda", 1, "EFI System Partition") ||
	    guestfs_part_set_name(g, "/dev/sda", 2, "Container") ||
	    guestfs_part_set_gpt_type(g, "/dev/sda", 1, ESP_TYPE) ||
	    guestfs_part_set_gpt_type(g, "/dev/sda", 2, GPT_TYPE_APFS) ||
	    guestfs_part_set_gpt_guid(g, "/dev/sda", 1, ESP_GUID) ||
	    guestfs_part_set_gpt_guid(g, "/dev/sda", 2, CONTAINER_GUID))
		return failed(g, "partition table", e);
	return 0;
}

/* What a Mac keeps there: a folder for firmware updates, a signature of the label. */
static int esp(guestfs_h *g, struct err *e)
{
	if (guestfs_mkfs_opts(g, "vfat", "/dev/sda1", GUESTFS_MKFS_OPTS_LABEL, "EFI", -1) ||
	    guestfs_mount(g, "/dev/sda1", "/") ||
	    guestfs_mkdir_p(g, "/EFI/APPLE/EXTENSIONS") ||
	    guestfs_mkdir_p(g, "/EFI/APPLE/FIRMWARE") || guestfs_umount_all(g))
		return failed(g, "EFI system partition", e);
	return 0;
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
static int run_appliance(guestfs_h *g, const char *path, struct err *e)
{
	int r;

	guestfs_set_error_handler(g, NULL, NULL); /* we report, once */
	if (guestfs_set_backend(g, "direct") ||
	    guestfs_set_backend_setting(g, "force_tcg", "1") ||
	    guestfs_add_drive_opts(g, path, GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw", -1) ||
	    guestfs_launch(g))
		return failed(g, "starting its appliance", e);
	r = partition(g, e);
	if (!r)
		r = esp(g, e);
	if (!r && guestfs_shutdown(g))
		r = failed(g, "shutdown", e);
	return r;
}

static int make_layout(const struct image_env *env, const char *path, struct err *e)
{
	guestfs_h *g;
	int fd, r;

	r = use_carrier_kernel(env, e);
	if (r)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "creating %s", path);
	if (ftruncate(fd, (off_t)GPT_DISK_SIZE)) {
		r = err_sys(e, "sizing %s", path);
		close(fd);
		return r;
	}
	close(fd);
	g = guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);
	if (!g)
		return err_set(e, E_INFRA, "libguestfs: cannot create a handle");
	r = run_appliance(g, path, e);
	guestfs_close(g);
	return r;
}

int gpt_layout(const struct image_env *env, char ret_path[static IMAGE_PATH_MAX],
	       struct err *e)
{
	char dir[PATH_MAX - 64], tmp[PATH_MAX];
	int r;

	snprintf(dir, sizeof(dir), "%s/cache/layouts", env->build_dir);
	r = fsio_mkdirs(dir, 0755, e);
	if (r)
		return r;
	snprintf(ret_path, IMAGE_PATH_MAX, "%s/intel-" LAYOUT_VERSION ".raw", dir);
	if (fsio_exists(ret_path))
		return 0;
	if (env->progress)
		env->progress(env->progress_ctx, "partition table (libguestfs)");
	snprintf(tmp, sizeof(tmp), "%s.%ld", ret_path, (long)getpid());
	r = make_layout(env, tmp, e);
	if (!r && rename(tmp, ret_path))
		r = err_sys(e, "renaming %s", tmp);
	if (r)
		unlink(tmp);
	return r;
}
