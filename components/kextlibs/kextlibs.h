/* SPDX-License-Identifier: MIT */
/*
 * kextlibs(8): which library kexts define the symbols that a kext needs (kext_tools-623
 * kextlibs_main.c; OSKextFindLinkDependencies). The kernel's own KPI are asked first, and
 * what they lack is looked for in other libraries.
 */
#ifndef COMPONENTS_KEXTLIBS_KEXTLIBS_H
#define COMPONENTS_KEXTLIBS_KEXTLIBS_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/component_log.h"

/* Exit codes beside those of <sysexits.h> (kextlibs_main.h). */
enum kextlibs_exit { KEXTLIBS_UNDEFINED = 1, KEXTLIBS_MULTIPLE = 2 };

#define KEXTLIBS_FOLDERS_MAX 64

struct kextlibs_options {
	const char *kext;
	const char *folder[KEXTLIBS_FOLDERS_MAX]; /* where libraries are looked for */
	size_t n_folders;
	bool xml;	  /* an OSBundleLibraries property to paste */
	bool compatible;  /* OSBundleCompatibleVersion instead of CFBundleVersion */
	bool unsupported; /* com.apple.kpi.unsupported and .private may be used */
	bool undef, onedef, multdef; /* list these symbols */
};

/*
 * Libraries to @out (standard output), the rest to @err_out. *ret_status is the exit status.
 * Fails only when memory does.
 */
int kextlibs_run(const struct kextlibs_options *o, struct buf *out, struct buf *err_out,
		 int *ret_status, struct err *e) MUST_CHECK;

#endif
