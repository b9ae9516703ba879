/* SPDX-License-Identifier: MIT */
/* Command line of kextutil (readArgs, checkArgs). */
#ifndef COMPONENTS_KEXTUTIL_OPTIONS_H
#define COMPONENTS_KEXTUTIL_OPTIONS_H

#include <stddef.h>

#include "components/kextutil/kextutil.h"

#define KEXTUTIL_ARGS_MAX 256

struct kextutil_options {
	bool no_load, diagnostics, no_authentication, no_dependencies, no_system_extensions;
	const char *kernel;			 /* NULL: the running one */
	const char *scan[KEXTUTIL_ARGS_MAX];	 /* -r, -d, and the kexts */
	size_t n_scan;
	const char *id[KEXTUTIL_ARGS_MAX];	 /* -b */
	size_t n_ids;
	const char *kext[KEXTUTIL_ARGS_MAX];
	size_t n_kexts;
};

/* 0 or an exit status; *ret_done: help was printed, and that was all. */
int kextutil_options(struct kextutil_options *o, struct kextutil_world *w, int argc,
		     char **argv, bool *ret_done);

#endif
