/* SPDX-License-Identifier: MIT */
/* What the running kernel says of its own start: XNU_BOOT_ARGS. */
#ifndef COMPONENTS_COMMON_BOOT_ARGS_H
#define COMPONENTS_COMMON_BOOT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

/* The flag @key of the list @path; false when it is not there. E_CORRUPT, E_NOTFOUND. */
int boot_args_bool(const char *path, const char *key, bool *ret, struct err *e) MUST_CHECK;
/* The text @key; "" when it is not there. E_OVERFLOW: longer than @size. */
int boot_args_text(const char *path, const char *key, char *out, size_t size,
		   struct err *e) MUST_CHECK;

#endif
