/* SPDX-License-Identifier: MIT */
/*
 * kernelmanagerd(8), the userland half of kernel management from macOS 11 on: it finds
 * and validates extensions, asks the kernel to publish the collection that was booted,
 * takes note of each kext, and serves until the kernel has no more requests.
 *
 * It has one connection to the kernel's socket (components/boot/service.h, op
 * "kext_daemon"), on which notifications come between the replies.
 */
#ifndef COMPONENTS_KERNELMANAGERD_KERNELMANAGERD_H
#define COMPONENTS_KERNELMANAGERD_KERNELMANAGERD_H

#include <stdbool.h>

#include "components/common/unified_log.h"
#include "sim/base/err.h"

struct kernelmanagerd_options {
	const char *root;    /* "" for the Mac itself; where extensions are looked for */
	const char *socket;  /* XNU_KERNEL_SOCKET */
	const char *version; /* of KernelManagement_executables: "262.60.4" */
	bool apple_silicon;  /* kext auditing is off there */
	struct unified_log *log;
	int stop_fd; /* readable: launchd wants it to end; -1: none */
};

/*
 * Start, load the collection, serve. 0 when the kernel said goodbye or launchd wanted the
 * end; E_IO when the kernel is gone; E_BUSY when there is another kernelmanagerd.
 */
int kernelmanagerd_run(const struct kernelmanagerd_options *o, struct err *e) MUST_CHECK;

#endif
