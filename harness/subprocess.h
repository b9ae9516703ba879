/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_SUBPROCESS_H
#define HARNESS_SUBPROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/*
 * Is @program (a name, or a path with a slash) there? Here and below programs are looked
 * for in $PATH, and then where a user's PATH does not always lead: in the sbins.
 */
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
