/* SPDX-License-Identifier: MIT */
/* What a kernel says of itself, and the release that it belongs to. */
#ifndef SIM_PLATFORM_KERNEL_BANNER_H
#define SIM_PLATFORM_KERNEL_BANNER_H

#include <stdbool.h>

#include "sim/platform/release.h"

struct kernel_banner {
	char darwin[16]; /* "19.6.0" */
	char xnu[40];	 /* "6153.141.1", without the number of the build behind ~ */
};

/*
 * Read "Darwin Kernel Version 19.6.0: <date>; root:xnu-6153.141.1~1/RELEASE_X86_64".
 * False: it is something else.
 */
bool kernel_banner_parse(const char *text, struct kernel_banner *ret);

/* Is that the kernel of @r? */
bool kernel_banner_is_of(const struct kernel_banner *b, const struct release *r);
/* Of the same major version of Darwin, so that tools of @r know what to make of it? */
bool kernel_banner_is_near(const struct kernel_banner *b, const struct release *r);
/* The newest release that has it; NULL when none of ours does. */
const struct release *kernel_banner_release(const struct kernel_banner *b);

#endif
