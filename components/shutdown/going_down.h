/* SPDX-License-Identifier: MIT */
/* Whom to ask, and whom to tell, before a Mac goes down. */
#ifndef COMPONENTS_SHUTDOWN_GOING_DOWN_H
#define COMPONENTS_SHUTDOWN_GOING_DOWN_H

#include "components/kextcache/kextd_client.h"
#include "components/shutdown/shutdown.h"

/*
 * Take kextd's reboot lock (reserve_reboot); waits without a limit for a volume that is
 * being updated. 0, also when there is no kextd or it does not answer: in doubt a Mac
 * goes down. Else kextd's errno. The lock is held as long as @c is connected.
 */
int reserve_reboot(const struct shutdown_world *w, struct kextd_client *c);

/* reboot2(2): have launchd bring the system down. It begins after this returned. */
int launchd_reboot(const struct shutdown_world *w, bool halt, struct err *e) MUST_CHECK;

#endif
