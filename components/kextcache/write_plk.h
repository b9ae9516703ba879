/* SPDX-License-Identifier: MIT */
/* Putting a prelinked kernel in its place (kernelcache.c writeFatFileWithValidation). */
#ifndef COMPONENTS_KEXTCACHE_WRITE_PLK_H
#define COMPONENTS_KEXTCACHE_WRITE_PLK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "sim/base/component_log.h"

#define KC_PLK_MODE 0644

/*
 * Write @data beside @path under a temporary name "<path>.XXXX", rename it over @path,
 * then set access and modification time to @times (may be NULL). With @expect, what is at
 * @path before the rename has to be that file. Nothing is synced: Apple does not, either.
 * Returns 0 or an exit status; messages go to @log. No temporary file is left behind
 * unless the process dies.
 */
int kc_write_plk(const char *path, const void *data, size_t len, mode_t mode,
		 const struct stat *expect, const struct timespec times[2],
		 const struct component_log *log);

#endif
