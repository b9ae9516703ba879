/* SPDX-License-Identifier: MIT */
/* A file that a command makes: it gets its name when it is complete, and takes nobody's.
 */
#ifndef HARNESS_NEW_FILE_H
#define HARNESS_NEW_FILE_H

#include "sim/base/err.h"

#define NEW_FILE_PATH_MAX 4096

/*
 * Let @make write the file @path under another name beside it, and call it @path when
 * that worked; else it is removed. E_EXISTS: @path is there already.
 */
int new_file(const char *path, int (*make)(void *ctx, const char *part, struct err *e),
	     void *ctx, struct err *e) MUST_CHECK;

#endif
