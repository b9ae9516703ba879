/* SPDX-License-Identifier: MIT */
/*
 * apfs_systemsnapshot of apfs.fs: fs_snapshot(2) of the system volume from the command
 * line. -s and -r, with -v, are known from public use; -d, the messages and the exit
 * statuses are assumed.
 */
#ifndef COMPONENTS_APFS_SYSTEMSNAPSHOT_SYSTEMSNAPSHOT_H
#define COMPONENTS_APFS_SYSTEMSNAPSHOT_SYSTEMSNAPSHOT_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct systemsnapshot_env {
	const char *volumes; /* XNU_VOLUMES */
	const char *kernel;  /* XNU_KERNEL_SOCKET */
};

/*
 * Carry out the command line @argv, the program's name first. Messages are appended to
 * @err_out; success is silent. *ret_status: 0; EX_USAGE; 1, what was asked for was not
 * done. Fails only when memory does.
 */
int systemsnapshot_run(const struct systemsnapshot_env *env, int argc, char **argv,
		       struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
