/* SPDX-License-Identifier: MIT */
/*
 * The kernel's socket, /dev/xnu/kernel: what on a Mac are system calls and IOKit requests
 * about volumes. Packets as in components/common/packet.h:
 *
 *   {"op":"mount","device":"disk1s5","path":"/Volumes/X","options":["rdonly"]}
 *   {"op":"unmount","device":"disk1s5"}      not what the system itself runs from
 *   {"op":"unlock","device":…,"passphrase":…}   the volume and its volume group
 *   {"op":"volumes"}                          refreshes volumes.plist; anybody may ask
 *   {"op":"shutdown_begin"}                   launchd alone
 */
#ifndef COMPONENTS_BOOT_SERVICE_H
#define COMPONENTS_BOOT_SERVICE_H

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "components/boot/volumes.h"
#include "sim/carrier/sip/sip.h"

#define SERVICE_CLIENTS_MAX 16

struct service {
	struct volumes *volumes; /* borrowed, like the next */
	struct sip *sip;
	uint32_t csr;   /* effective */
	bool recovery;
	pid_t launchd;  /* process 1 of the Mac, as the carrier numbers it */
	int listener;
	int client[SERVICE_CLIENTS_MAX]; /* -1: free */
};

/* Make the socket; the other fields have been set. */
int service_open(struct service *s, struct err *e) MUST_CHECK;
void service_close(struct service *s);

/* Descriptors to wait for: at most 1 + SERVICE_CLIENTS_MAX; returns how many. */
size_t service_poll_set(const struct service *s, struct pollfd *set);
/* Serve what poll(2) found in the same @set of @n. */
void service_run(struct service *s, const struct pollfd *set, size_t n);

#endif
