/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_SUBPROCESS_H
#define HARNESS_SUBPROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* PATH of the programs we run: sbin is not on every user's path. */
#define SUBPROCESS_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Is @program (a name, or a path with a slash) there? */
bool subprocess_installed(const char *program);

/*
 * Run @argv (NULL-terminated) to its end with an empty standard input; what it writes is
 * appended to @out (at most 64 KiB). *ret_status is its exit status, or 128 + signal; 127
 * when it could not be executed. It dies with us. E_TIMEOUT when it takes longer than
 * @timeout_ms; it is killed then.
 */
int subprocess_run(const char *const *argv, unsigned timeout_ms, struct buf *out,
		   int *ret_status, struct err *e) MUST_CHECK;

#endif
