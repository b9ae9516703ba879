/* SPDX-License-Identifier: MIT */
/*
 * spctl(8) kext-consent: must the user consent to kernel extensions, and which teams need
 * no consent. The setting is a flag of SIP, the list an NVRAM variable; both can be changed
 * in Recovery only.
 */
#ifndef COMPONENTS_SPCTL_SPCTL_H
#define COMPONENTS_SPCTL_SPCTL_H

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct spctl_paths {
	const char *csr_config; /* XNU_CSR_CONFIG */
	const char *nvram_dir;	/* XNU_NVRAM_DIR */
};

/*
 * Carry out the command line @argv of @argc words without the program's name. What is
 * printed is appended to @out and @err_out; *ret_status is the exit status. Fails only
 * when memory does.
 */
int spctl_run(const struct spctl_paths *p, int argc, char **argv, struct buf *out,
	      struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
