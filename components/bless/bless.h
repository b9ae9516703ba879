/* SPDX-License-Identifier: MIT */
/*
 * bless(8), as far as it deals with the snapshots of a sealed system volume (bless-204.40.27,
 * handleFolder.c and BLHandleAPFSBlessData.c): --create-snapshot, --last-sealed-snapshot,
 * --snapshot. What else it does on a Mac has nothing to act upon here.
 */
#ifndef COMPONENTS_BLESS_BLESS_H
#define COMPONENTS_BLESS_BLESS_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct bless_env {
	const char *volumes; /* XNU_VOLUMES */
	const char *kernel;  /* XNU_KERNEL_SOCKET */
	bool apple_silicon;  /* no boot.efi: --bootefi is not asked for */
	bool root;	     /* who calls */
};

/*
 * Carry out the command line without the program's name. Messages are appended to @out and
 * @err_out; *ret_status is the exit status. Fails only when memory does.
 */
int bless_run(const struct bless_env *env, int argc, char **argv, struct buf *out,
	      struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
