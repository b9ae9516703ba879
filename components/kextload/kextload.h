/* SPDX-License-Identifier: MIT */
/*
 * kextload(8): has kexts loaded into the running kernel (kext_tools-623 kextload_main.c).
 * kextd does it; without kextd root can do it himself.
 */
#ifndef COMPONENTS_KEXTLOAD_KEXTLOAD_H
#define COMPONENTS_KEXTLOAD_KEXTLOAD_H

#include "components/oskext/repository.h"

/* Exit codes beside those of <sysexits.h>. */
enum kextload_exit {
	KEXTLOAD_SYSTEM_POLICY = 27, /* TN2459: the user has not allowed it yet */
};

struct kextload_world {
	struct oskext_world os; /* its log's max is changed by -v and -q */
	const char *kextd_socket; /* XNU_KEXTD_SOCKET */
};

/* Returns the exit status. Changes the order of @argv, as getopt does. */
int kextload_run(struct kextload_world *w, int argc, char **argv);

#endif
