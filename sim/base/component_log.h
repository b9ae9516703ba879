/* SPDX-License-Identifier: MIT */
/*
 * Where a component's messages go.
 *
 * Apple's tools give every message a level and drop those above a limit; what is
 * left goes to stderr, to the system log or nowhere, which the program decides.
 * Library code says what it has to say through this struct and never knows.
 */
#ifndef SIM_BASE_COMPONENT_LOG_H
#define SIM_BASE_COMPONENT_LOG_H

#include "sim/base/err.h"

/* The levels of OSKextLog (libkern/OSKextLibPrivate.h), with its numbers. */
enum clog_level {
	CLOG_EXPLICIT = 0, /* always */
	CLOG_ERROR = 1,
	CLOG_WARNING = 2,
	CLOG_BASIC = 3,
	CLOG_PROGRESS = 4,
	CLOG_STEP = 5,
	CLOG_DETAIL = 6,
	CLOG_DEBUG = 7,
};
#define CLOG_LEVEL_MASK 0x7u /* kOSKextLogLevelMask: the level in a set of log flags */

struct component_log {
	/* One message without a newline at its end. NULL: messages are dropped. */
	void (*line)(void *arg, enum clog_level level, const char *text);
	void *arg;
	enum clog_level max; /* messages above this level are dropped */
};

/* @log may be NULL. A message longer than ERR_MSG_MAX + 512 bytes is cut. */
void clog_say(const struct component_log *log, enum clog_level level, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
