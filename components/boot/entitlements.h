/* SPDX-License-Identifier: MIT */
/* Reading what ENTITLEMENTS() left in an executable. */
#ifndef COMPONENTS_BOOT_ENTITLEMENTS_H
#define COMPONENTS_BOOT_ENTITLEMENTS_H

#include <stddef.h>

#include "sim/base/err.h"

#define ENTITLEMENTS_MAX_BYTES 65536 /* of the property list */

/*
 * Call @fn for every entitlement that is true in the executable @fd. One without the
 * section has none; so has a file that is no ELF at all. E_CORRUPT for a damaged ELF or
 * list; what @fn returns ends the list when it is not 0.
 */
int entitlements_read(int fd, int (*fn)(void *arg, const char *name, struct err *e),
		      void *arg, struct err *e) MUST_CHECK;

#endif
