/* SPDX-License-Identifier: MIT */
/*
 * The waits of the real system, in one table, so that a scenario can shorten all of
 * them by one factor (/dev/xnu/time_factor) and none is hidden in a program.
 */
#ifndef SIM_PLATFORM_WAITS_H
#define SIM_PLATFORM_WAITS_H

#include <stdint.h>

#include "sim/base/err.h"

enum mac_wait {
	WAIT_KEXTD_AUTO_UPDATE_DELAY, /* kAutoUpdateDelay: kextd ignores changes after
					 start */
	WAIT_KEXTD_SETTLE,	      /* kWatchSettleTime: debounce */
	WAIT_KEXTD_RELEASE_KEXTS,     /* kReleaseKextsDelay */
	WAIT_KEXTCACHE_LOCK_RETRY,    /* "kextd wasn't ready; waiting 10 seconds" */
	WAIT_KEXTCACHE_IOKIT_QUIET,   /* "Waiting for I/O Kit to quiesce." at most */
	WAIT_KEXTCACHE_SYSTEM_LOAD,   /* -F with a prelinked kernel: low system load */
	WAIT_LAUNCHD_EXIT_TIMEOUT,    /* ExitTimeOut's default: SIGTERM to SIGKILL */
	WAIT_LAUNCHD_THROTTLE, /* ThrottleInterval's default: start to next start */
	WAIT_KEXT_APPROVAL, /* Security & Privacy shows the Allow button */
	WAIT_MAX
};

struct waits {
	double factor; /* 0 .. 1000; 1 is the Mac's own time */
};

#define WAITS_REAL {.factor = 1.0}

/*
 * Read the factor from @path (XNU_TIME_FACTOR): a decimal number in the C locale and
 * perhaps a newline. A file that is not there means 1. E_CORRUPT for anything else
 * than a number from 0 to 1000.
 */
int waits_read(struct waits *w, const char *path, struct err *e) MUST_CHECK;

/* The Mac's own length of @which in seconds, and scaled, in nanoseconds. */
unsigned waits_seconds(enum mac_wait which);
int64_t waits_ns(const struct waits *w, enum mac_wait which);
/* A wait whose length is told by somebody else (a job's plist, a user), scaled. */
int64_t waits_scale_ns(const struct waits *w, double real_seconds);

#endif
