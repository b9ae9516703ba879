/* SPDX-License-Identifier: MIT */
/* Which macOS build is a program part of? */
#ifndef COMPONENTS_COMMON_THIS_RELEASE_H
#define COMPONENTS_COMMON_THIS_RELEASE_H

#include "sim/base/err.h"
#include "sim/platform/release.h"

/*
 * The row of the release whose SystemVersion.plist is below @root ("/" for the
 * running system). On a Mac the build decides which binary is on the volume; here
 * it decides which row the one binary follows.
 * E_NOTFOUND without that file; E_CORRUPT if it holds no ProductBuildVersion;
 * E_UNSUPPORTED for a build that is not in the table.
 */
int this_release(const char *root, const struct release **ret, struct err *e) MUST_CHECK;

#define SYSTEM_VERSION_MAX 65536 /* bytes of that file; Apple's has about 500 */

/* The same from the content of that file, which errors call @what. */
int this_release_of(const void *data, size_t len, const char *what,
		    const struct release **ret, struct err *e) MUST_CHECK;

#endif
