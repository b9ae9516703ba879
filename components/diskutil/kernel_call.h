/* SPDX-License-Identifier: MIT */
/* Requests to the kernel's socket (components/boot/service.h) about one volume. */
#ifndef COMPONENTS_DISKUTIL_KERNEL_CALL_H
#define COMPONENTS_DISKUTIL_KERNEL_CALL_H

#include <stdbool.h>

#include "sim/base/err.h"

/*
 * Each returns 0, or an error whose sys_errno is what the kernel answered; an error
 * without it means that the kernel could not be asked.
 */
int kernel_mount(const char *socket, const char *device, const char *path, bool read_only,
		 struct err *e) MUST_CHECK;
int kernel_unmount(const char *socket, const char *device, struct err *e) MUST_CHECK;
int kernel_unlock(const char *socket, const char *device, const char *passphrase,
		  struct err *e) MUST_CHECK;

#endif
