/* SPDX-License-Identifier: MIT */
/*
 * The Mac's unified log, from programs: os_log(3). A record goes to the kernel's socket
 * (op "log" of components/boot/service.h), gets its place in the order there, and is in
 * the log when the call returns: what the program does next comes after it.
 *
 * Best effort, as on a Mac: without a kernel that listens a record is lost.
 */
#ifndef COMPONENTS_COMMON_UNIFIED_LOG_H
#define COMPONENTS_COMMON_UNIFIED_LOG_H

#include "sim/base/err.h"

#define UNIFIED_LOG_MESSAGE_MAX 4096 /* bytes of a message; the rest is cut off */

struct unified_log {
	const char *socket;  /* XNU_KERNEL_SOCKET; borrowed, like the next */
	const char *process; /* "kernelmanagerd" */
	int fd;		     /* -1: not connected */
};

void unified_log_init(struct unified_log *l, const char *socket, const char *process);
void unified_log_release(struct unified_log *l);

/* One record; @sender is the library or kext that speaks, NULL for the program itself.
 * The message may have several lines. */
void unified_log_say(struct unified_log *l, const char *sender, const char *form, ...)
	PRINTF_LIKE(3, 4);

#endif
