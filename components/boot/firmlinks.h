/* SPDX-License-Identifier: MIT */
/*
 * /usr/share/firmlinks: one firmlink in a line, the path on the system volume, a tab, and
 * the path below the root of the Data volume.
 */
#ifndef COMPONENTS_BOOT_FIRMLINKS_H
#define COMPONENTS_BOOT_FIRMLINKS_H

#include "sim/base/err.h"

/*
 * Call @fn for every line of @text, in order. E_SCHEMA with the line's number for one
 * that is not of that form or has a path with "." or ".."; what @fn returns ends the list
 * when it is not 0.
 */
int firmlinks_each(const char *text,
		   int (*fn)(void *arg, const char *path, const char *target,
			     struct err *e),
		   void *arg, struct err *e) MUST_CHECK;

#endif
