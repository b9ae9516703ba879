/* SPDX-License-Identifier: MIT */
/*
 * bputil(1): shows and changes the LocalPolicy of an installed system, on Macs with Apple
 * silicon. What is let through in which environment is not decided here: the Secure
 * Enclave does (sim/platform/secureboot/localpolicy.c), and says so by a number.
 */
#ifndef COMPONENTS_BPUTIL_BPUTIL_H
#define COMPONENTS_BPUTIL_BPUTIL_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct bputil_env {
	const char *volumes; /* XNU_VOLUMES */
	const char *kernel;  /* XNU_KERNEL_SOCKET */
	bool apple_silicon;
	bool root; /* who calls */
	/* Asks the user; see components/common/ask.h. */
	bool (*ask)(void *ctx, const char *question, char *answer, size_t size);
	void *ctx;
};

/*
 * Carry out the command line @argv, the program's name first. What is printed is appended
 * to @out and @err_out. *ret_status: 0, or 1 when something was refused or is wrong. Fails
 * only when memory does.
 */
int bputil_run(const struct bputil_env *env, int argc, char **argv, struct buf *out,
	       struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
