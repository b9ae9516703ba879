/* SPDX-License-Identifier: MIT */
#include "components/common/tool_end.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

int tool_fail(struct tool_end *t, int status, struct err *e, const char *form, ...)
{
	char line[2 * PATH_MAX];
	va_list ap;

	va_start(ap, form);
	vsnprintf(line, sizeof(line), form, ap);
	va_end(ap);
	t->status = status;
	return buf_printf(t->err_out, e, "%s\n", line);
}
