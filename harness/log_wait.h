/* SPDX-License-Identifier: MIT */
/* Waiting for a line of a growing file; of the host and of the laboratory's guest program. */
#ifndef HARNESS_LOG_WAIT_H
#define HARNESS_LOG_WAIT_H

#include "sim/base/buf.h"

/*
 * Wait until some line of @path, from its start, is like @pattern (match_like); it is
 * appended to @line. The file need not be there yet, but its folder does. A line counts
 * when it has its end. E_TIMEOUT after @timeout_ms.
 */
int log_wait(const char *path, const char *pattern, int timeout_ms, struct buf *line,
	     struct err *e) MUST_CHECK;

#endif
