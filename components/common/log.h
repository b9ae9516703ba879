/* SPDX-License-Identifier: MIT */
/*
 * Where a component's messages go.
 *
 * The same code runs inside different programs (the copy of kernels in kcditto and
 * in kextcache, for one), and Apple's programs send the same text to different
 * places. So library code gets a struct component_log from its program and never
 * knows whether a line ends on stdout, in a log file or in a test's buffer.
 */
#ifndef COMPONENTS_COMMON_LOG_H
#define COMPONENTS_COMMON_LOG_H

#include "sim/base/err.h"

enum component_log_level {
	COMPONENT_LOG_NOTE,
	COMPONENT_LOG_WARNING,
	COMPONENT_LOG_ERROR,
};

/* A sink. @write gets one line without its end; the text is valid during the call. */
struct component_log {
	void (*write)(void *ctx, enum component_log_level level, const char *text);
	void *ctx;
};

/* Write one line, without "\n". NULL is a sink that drops everything. */
void component_log(const struct component_log *log, enum component_log_level level,
		   const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Notes to stdout; warnings and errors to stderr. Each line leaves in one write(2). */
extern const struct component_log component_log_stdio;

/*
 * Lines "Oct 10 11:00:31 <host> <program>[<pid>]: <text>" added to a file, as
 * syslogd writes them. On a Mac these go to the unified log, which has no public
 * format.
 */
struct component_log_file {
	int fd; /* -1 when closed */
	const char *program; /* borrowed */
};

/* Open @path for appending, making its folder. On failure the sink drops its lines. */
int component_log_file_open(struct component_log_file *f, const char *path,
			    const char *program, struct err *e) MUST_CHECK;
void component_log_file_close(struct component_log_file *f);
/* A sink that writes to @f, which must live longer. */
struct component_log component_log_to_file(struct component_log_file *f);

#endif
