/* SPDX-License-Identifier: MIT */
/* csrutil(8) of Catalina. */
#ifndef COMPONENTS_CSRUTIL_CSRUTIL_H
#define COMPONENTS_CSRUTIL_CSRUTIL_H

#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* Where the kernel's answers are: XNU_CSR_CONFIG, XNU_NVRAM_DIR. */
struct csrutil_paths {
	const char *csr_config;
	const char *nvram_dir;
};

/*
 * Carry out the command line @argv of @argc words without the program's name. What is
 * printed is appended to @out (standard output) and @err_out. *ret_status is the exit
 * status. Fails only when memory does.
 */
int csrutil_run(const struct csrutil_paths *p, int argc, char **argv, struct buf *out,
		struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
