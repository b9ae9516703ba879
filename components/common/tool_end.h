/* SPDX-License-Identifier: MIT */
/* How a tool that is a function of its arguments ends: a message and an exit status. */
#ifndef COMPONENTS_COMMON_TOOL_END_H
#define COMPONENTS_COMMON_TOOL_END_H

#include "sim/base/buf.h"

struct tool_end {
	struct buf *err_out; /* its standard error, borrowed */
	int status;	     /* its exit status */
};

/* Put a line on standard error, and take @status. Fails only for want of memory. */
int tool_fail(struct tool_end *t, int status, struct err *e, const char *form, ...)
	PRINTF_LIKE(4, 5) MUST_CHECK;

#endif
