/* SPDX-License-Identifier: MIT */
/*
 * kextutil(8): tests of a kext for who develops it, and loads it (kext_tools-623
 * kextutil_main.c).
 */
#ifndef COMPONENTS_KEXTUTIL_KEXTUTIL_H
#define COMPONENTS_KEXTUTIL_KEXTUTIL_H

#include "components/oskext/repository.h"

/* Exit codes beside those of <sysexits.h> (kextutil_main.h). */
enum kextutil_exit {
	KEXTUTIL_NOT_FOUND = 1,
	KEXTUTIL_KEXT_BAD = 4,
	KEXTUTIL_LOAD_FAILED = 6,
	KEXTUTIL_SYSTEM_POLICY = 27, /* TN2459: the user has not allowed it yet */
};

struct kextutil_world {
	struct oskext_world os; /* its log's max is changed by -v and -q */
};

/* Returns the exit status. Changes the order of @argv, as getopt does. */
int kextutil_run(struct kextutil_world *w, int argc, char **argv);

#endif
