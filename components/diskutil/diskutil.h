/* SPDX-License-Identifier: MIT */
/*
 * diskutil(8), as far as the scenarios use it: list, info, mount, unmount, and of APFS
 * list, unlockVolume, listSnapshots, deleteSnapshot.
 */
#ifndef COMPONENTS_DISKUTIL_DISKUTIL_H
#define COMPONENTS_DISKUTIL_DISKUTIL_H

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct diskutil_paths {
	const char *volumes;    /* XNU_VOLUMES */
	const char *kernel;     /* XNU_KERNEL_SOCKET */
	const char *mount_base; /* "/Volumes" */
};

/*
 * Carry out the command line without the program's name. @input is what
 * -stdinpassphrase reads ("" when unused). What is printed is appended to @out and
 * @err_out; *ret_status is the exit status. Fails only when memory does.
 */
int diskutil_run(const struct diskutil_paths *p, int argc, char **argv, const char *input,
		 struct buf *out, struct buf *err_out, int *ret_status,
		 struct err *e) MUST_CHECK;

#endif
