/* SPDX-License-Identifier: MIT */
/*
 * /usr/sbin/kcditto without its main: copy the staged kernels onto the system volume,
 * and when all went well remove the script that asked for it, so that it is not run
 * again (kext_tools kcditto_main.m).
 */
#ifndef COMPONENTS_KCDITTO_KCDITTO_H
#define COMPONENTS_KCDITTO_KCDITTO_H

#include "sim/base/component_log.h"
#include "sim/platform/release.h"

struct kcditto {
	const char *volume_root; /* "/" */
	const char *script;	 /* PATH_SHOVE_KERNELS */
	const struct release *running;
	const struct component_log *log;
};

/* Apple's exit status: 0, 64, 70, 77, or 1 for a failed copy. @argc as main's. */
int kcditto_run(const struct kcditto *k, int argc);

#endif
