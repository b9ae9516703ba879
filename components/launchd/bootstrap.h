/* SPDX-License-Identifier: MIT */
/*
 * launchd's socket, XNU_BOOTSTRAP_SOCKET: what a Mac's programs say to launchd through
 * the bootstrap port. Packets as in components/common/packet.h:
 *
 *   {"op":"reboot","how":"restart"|"halt"|"poweroff"|"userspace"}
 *                             answered before it begins; the last one ends all processes
 *                             and starts the jobs anew, under the same kernel
 *   {"op":"list"}             "jobs": array of {"label","pid","status"}
 *   {"op":"load","path":P}    load a property list, and start it if it runs at load
 *   {"op":"bootout","label":L}    stop a job and forget it
 *   {"op":"kickstart","label":L}  start a job now
 *
 * All but list are for root: EPERM for others.
 */
#ifndef COMPONENTS_LAUNCHD_BOOTSTRAP_H
#define COMPONENTS_LAUNCHD_BOOTSTRAP_H

#include <stdbool.h>

#include <jansson.h>

#include "components/launchd/supervisor.h"
#include "components/launchd/teardown.h"

/* What requests act on. */
struct bootstrap {
	struct supervisor *supervisor; /* borrowed */
	bool shutdown;		       /* a reboot was asked for */
	enum teardown_how how;
};

/*
 * Carry out one request of the user @uid. Returns the reply, which the caller owns;
 * NULL when there is no memory for one.
 */
json_t *bootstrap_handle(struct bootstrap *b, const json_t *request, unsigned uid);

#endif
