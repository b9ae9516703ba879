/* SPDX-License-Identifier: MIT */
/* kextunload(8): kexts out of the running kernel (kext_tools-623 kextunload_main.c). */
#ifndef COMPONENTS_KEXTUNLOAD_KEXTUNLOAD_H
#define COMPONENTS_KEXTUNLOAD_KEXTUNLOAD_H

#include <stdbool.h>

#include "sim/base/component_log.h"

/* Exit codes beside those of <sysexits.h>. */
enum kextunload_exit {
	KEXTUNLOAD_NOT_FOUND = 1,
	KEXTUNLOAD_NOT_PRIVILEGED = 2,
	KEXTUNLOAD_PARTIAL_FAILURE = 3,
};

/* All borrowed. */
struct kextunload_world {
	const char *kernel_socket; /* XNU_KERNEL_SOCKET */
	bool is_root;
	struct component_log *log; /* max is changed by -v and -q */
};

/* Returns the exit status. Changes the order of @argv, as getopt does. */
int kextunload_run(struct kextunload_world *w, int argc, char **argv);

#endif
