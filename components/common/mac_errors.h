/* SPDX-License-Identifier: MIT */
/* Errors as a Mac's user reads them. */
#ifndef COMPONENTS_COMMON_MAC_ERRORS_H
#define COMPONENTS_COMMON_MAC_ERRORS_H

#include "sim/base/err.h"

/* What strerror(3) of a Mac says; glibc has other words for some errors. */
const char *mac_strerror(int error);

/* The same of what the kernel answered (sys_errno), or the error's own text when it could
 * not be asked. Borrowed from @e. */
const char *mac_err_text(const struct err *e);

#endif
