/* SPDX-License-Identifier: MIT */
/* The folders in which kernelmanagerd looks for extensions, and what is in them. */
#ifndef COMPONENTS_KERNELMANAGERD_REPOSITORIES_H
#define COMPONENTS_KERNELMANAGERD_REPOSITORIES_H

#include <stddef.h>

#include "sim/base/err.h"

/* In the order in which it names and searches them; ends with NULL. */
extern const char *const km_repositories[];

/* Bundles of one search, as paths of the Mac. Zero-initialise. */
struct km_bundles {
	char **path; /* owned */
	size_t n, cap;
};

/* More than any Mac has; what comes after is not looked at. */
#define KM_BUNDLES_MAX 4096u

/*
 * Every *.kext and *.dext of the repositories, and those in the PlugIns folder of a kext,
 * below @root ("" for the Mac itself); repository by repository, by name in each. A
 * repository that is not there is an empty one.
 */
int km_bundles_find(const char *root, struct km_bundles *ret, struct err *e) MUST_CHECK;
void km_bundles_release(struct km_bundles *b);

#endif
