/* SPDX-License-Identifier: MIT */
/*
 * csrutil(8). Where the setting is kept differs: in NVRAM on Macs that start by boot.efi,
 * in the LocalPolicy on Apple silicon (sip0, and sip1 for the authenticated root).
 */
#ifndef COMPONENTS_CSRUTIL_CSRUTIL_H
#define COMPONENTS_CSRUTIL_CSRUTIL_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct csrutil_paths {
	const char *csr_config; /* XNU_CSR_CONFIG */
	const char *nvram_dir;	/* XNU_NVRAM_DIR */
	const char *kernel;	/* XNU_KERNEL_SOCKET */
	const char *volumes;	/* XNU_VOLUMES */
	bool apple_silicon;
	uint32_t flags; /* SIP flags that the kernel knows: struct release's csr_flags */
	/*
	 * Ask the user @question, which is printed, for a line into @answer of @size bytes.
	 * False at the end of the input. Only on Apple silicon.
	 */
	bool (*ask)(void *ctx, const char *question, char *answer, size_t size);
	void *ctx;
};

/*
 * Carry out the command line @argv of @argc words without the program's name. What is
 * printed is appended to @out (standard output) and @err_out. *ret_status is the exit
 * status. Fails only when memory does.
 */
int csrutil_run(const struct csrutil_paths *p, int argc, char **argv, struct buf *out,
		struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
