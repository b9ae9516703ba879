/* SPDX-License-Identifier: MIT */
/*
 * Versions of kernel extensions: major[.minor[.revision]][stage level], read as
 * libkern/OSKextVersion.c of xnu reads them, oddities included.
 */
#ifndef SIM_FORMATS_KEXT_VERSION_H
#define SIM_FORMATS_KEXT_VERSION_H

#include <stdint.h>

#define KEXT_VERSION_INVALID (-1)
#define KEXT_VERSION_MAX     20 /* bytes of a rendered version, NUL included */

/*
 * As the kernel: major * 10^12 + minor * 10^8 + revision * 10^4 + stage * 10^3 + level,
 * or KEXT_VERSION_INVALID. Reading ends at white space. NULL is invalid.
 */
int64_t kext_version_parse(const char *text);

/*
 * As programs do (IOKitUser, OSKextParseVersionCFString): by way of an ASCII buffer of 20
 * bytes, so that longer or non-ASCII text is invalid whatever it says.
 */
int64_t kext_version_parse_user(const char *text);

/* "8.0b1"; "(invalid)" for a negative value, "(missing)" for 0. Returns @out. */
const char *kext_version_render(int64_t version, char out[KEXT_VERSION_MAX]);

#endif
