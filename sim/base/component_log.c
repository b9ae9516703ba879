/* SPDX-License-Identifier: MIT */
#include "sim/base/component_log.h"

#include <stdarg.h>
#include <stdio.h>

void clog_say(const struct component_log *log, enum clog_level level, const char *fmt, ...)
{
	char text[ERR_MSG_MAX + 512];
	va_list ap;

	if (!log || !log->line || level > log->max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log->line(log->arg, level, text);
}
