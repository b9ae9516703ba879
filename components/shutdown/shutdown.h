/* SPDX-License-Identifier: MIT */
/*
 * shutdown(8), reboot(8) and halt(8) but for their main (system_cmds 854, shutdown.tproj
 * and reboot.tproj). What the three share is the order: lock kextd, so that no update of
 * a prelinked kernel is cut off, then tell launchd.
 */
#ifndef COMPONENTS_SHUTDOWN_SHUTDOWN_H
#define COMPONENTS_SHUTDOWN_SHUTDOWN_H

#include <time.h>

#include "components/shutdown/options.h"
#include "sim/base/component_log.h"
#include "sim/platform/waits.h"

struct shutdown_world {
	const char *program;	 /* in front of messages: "shutdown" */
	const char *kextd;	 /* XNU_KEXTD_SOCKET */
	const char *launchd;	 /* XNU_BOOTSTRAP_SOCKET */
	const char *nologin;	 /* keeps users from logging in while it is there */
	const char *user, *host; /* who asks, for the broadcast */
	struct waits waits;	 /* of the countdown */
	const struct component_log *log;	/* the terminal; borrowed */
	const struct component_log *system_log; /* syslog(3); borrowed; may be NULL */
};

/*
 * Count down and shut down. Returns the exit status, which is 0 also when the shutdown
 * was called off because kextd refused, or launchd did, as Apple's is. The caller
 * removes world.nologin when a signal ends it before.
 */
int shutdown_run(const struct shutdown_world *w, const struct shutdown_options *o);

/* reboot and halt: at once. Returns the exit status. */
int reboot_run(const struct shutdown_world *w, const struct reboot_options *o);

#endif
