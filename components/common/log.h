/* SPDX-License-Identifier: MIT */
/* The usual ends of a struct component_log: the program's output, or a log file. */
#ifndef COMPONENTS_COMMON_LOG_H
#define COMPONENTS_COMMON_LOG_H

#include "sim/base/component_log.h"
#include "sim/base/err.h"

/* Errors and warnings to stderr, the rest to stdout. Each line leaves in one write(2),
 * so that lines of several programs on one console do not mix. */
extern const struct component_log log_stdio;

/* As the kext tools say what they have to say: all of it up to @max on stderr, whatever its
 * level, and nothing in front. */
struct component_log log_plain_stderr(enum clog_level max);

/*
 * Lines "Oct 10 11:00:31 <host> <program>[<pid>]: <text>" added to a file, as syslogd
 * writes them. (On a Mac they go to the unified log, which has no public format.)
 */
struct log_file {
	int fd;		     /* -1 when closed */
	const char *program; /* borrowed */
};

/* Open @path for appending, making its folder. */
int log_file_open(struct log_file *f, const char *path, const char *program,
		  struct err *e) MUST_CHECK;
void log_file_close(struct log_file *f);
/* A sink of all levels up to @max that writes to @f, which must live longer. */
struct component_log log_file_sink(struct log_file *f, enum clog_level max);

#endif
