/* SPDX-License-Identifier: MIT */
/*
 * launchd's own lines on the console.
 *
 * On a Mac they are asynchronous: at shutdown a line of launchd appears after the output
 * of the child that caused it, and even after what the kernel printed for the next step.
 * Modelled: lines are queued with the time at which they were made, and written when
 * launchd is about to start the next child, and at the end. This gives the order that
 * was seen on 10.15.0.
 */
#ifndef COMPONENTS_LAUNCHD_LOG_H
#define COMPONENTS_LAUNCHD_LOG_H

#include <time.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

enum launchd_level { LAUNCHD_NOTICE, LAUNCHD_WARNING, LAUNCHD_ERROR };

struct launchd_log {
	int fd;		       /* the console; borrowed */
	int pid;	       /* as printed */
	char host[65];	       /* as printed */
	time_t (*clock)(void); /* seconds since 1970 */
	struct buf queue;      /* lines, each with its NUL */
};

/* Host name, process and clock are those of the system. */
void launchd_log_init(struct launchd_log *l, int fd);
/* Drops what was not written. */
void launchd_log_release(struct launchd_log *l);

/*
 * Queue "Thu Oct 10 11:00:31 2019 <host> com.apple.xpc.launchd[1] <Notice>: <text>";
 * with "(<subject>) " before the level unless @subject is NULL.
 */
void launchd_say(struct launchd_log *l, const char *subject, enum launchd_level level,
		 const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Write the queue, each line by one write(2). A console that is gone is ignored. */
void launchd_log_drain(struct launchd_log *l);

#endif
