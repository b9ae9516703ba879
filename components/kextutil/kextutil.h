/* SPDX-License-Identifier: MIT */
/*
 * kextutil(8): tests of a kext for who develops it (kext_tools-623 kextutil_main.c). What
 * is not here is loading into the running kernel: with 10.15 a kext gets into the
 * laboratory's kernel by the prelinked one alone.
 */
#ifndef COMPONENTS_KEXTUTIL_KEXTUTIL_H
#define COMPONENTS_KEXTUTIL_KEXTUTIL_H

#include <stdbool.h>

#include "sim/base/component_log.h"

/* Exit codes beside those of <sysexits.h> (kextutil_main.h). */
enum kextutil_exit {
	KEXTUTIL_NOT_FOUND = 1,
	KEXTUTIL_KEXT_BAD = 4,
	KEXTUTIL_LOAD_FAILED = 6,
	KEXTUTIL_SYSTEM_POLICY = 27, /* TN2459: the user has not allowed it yet */
};

/* What surrounds a run. All borrowed. */
struct kextutil_world {
	const char *root;	      /* of the running system: "/" */
	const char *csr_config;	      /* XNU_CSR_CONFIG */
	const char *syspolicy_socket; /* XNU_SYSPOLICY_SOCKET */
	const char *anchors;	      /* PATH_ANCHORS; NULL: signatures are not looked at */
	bool is_root;		      /* stages, and asks for approval */
	struct component_log *log;    /* max is changed by -v and -q */
};

/* Returns the exit status. Changes the order of @argv, as getopt does. */
int kextutil_run(struct kextutil_world *w, int argc, char **argv);

#endif
