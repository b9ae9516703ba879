/* SPDX-License-Identifier: MIT */
/*
 * mount(8) and mount_apfs(8) in one: the list, new mounts, updates.
 *
 * Who carries out an update (-u) depends on what is mounted. A volume that can be sealed
 * is served by the kernel's own server, so the kernel is asked; before macOS 11 a volume
 * is shown by a bind mount, which mount(2) changes, if SIP lets it.
 */
#ifndef COMPONENTS_MOUNT_MOUNT_TOOL_H
#define COMPONENTS_MOUNT_MOUNT_TOOL_H

#include <stdbool.h>

#include "components/common/volume_list.h"
#include "sim/base/buf.h"

struct mount_env {
	const char *volumes; /* XNU_VOLUMES */
	const char *kernel;  /* XNU_KERNEL_SOCKET */
	/* Files are encrypted with keys of their own: a Mac with T2 or Apple silicon. */
	bool protects_data;
	/* f_flag of statvfs(3): what counts is now, not what the list said earlier. */
	unsigned long (*flags)(const char *path);
	/* mount(2) of the bind mount on @path; 0 or an errno. */
	int (*remount)(const char *path, bool read_only);
};

/* The real ones. */
unsigned long mount_flags(const char *path);
int mount_remount(const char *path, bool read_only);

/*
 * Carry out the command line @argv, the program's name first. What is printed is appended
 * to @out and @err_out; *ret_status is the exit status. Fails only when memory does.
 */
int mount_run(const struct mount_env *env, int argc, char **argv, struct buf *out,
	      struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

/* What `mount_apfs` exits with, and mount(8) shows, for an errno. */
int mount_exit_status(int error);

/* Append the list of what is mounted. */
int mount_list_text(const struct mount_env *env, const struct volume_list *l,
		    struct buf *out, struct err *e) MUST_CHECK;

#endif
