/* SPDX-License-Identifier: MIT */
/* Requests to the kernel's socket (components/boot/service.h). */
#ifndef COMPONENTS_COMMON_KERNEL_CALL_H
#define COMPONENTS_COMMON_KERNEL_CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "sim/base/err.h"

/*
 * Each returns 0, or an error whose sys_errno is what the kernel answered; an error
 * without it means that the kernel could not be asked.
 */

/* The result @r of a call below as an errno: 0, the kernel's answer, or EIO when it could
 * not be asked. */
int kernel_call_errno(int r, const struct err *e);

/* Any request; @req is released (NULL: out of memory). *@ret_reply (may be NULL) is the
 * caller's; NULL when there is none. A refusal is a reply, and an error. */
int kernel_call(const char *socket, json_t *req, json_t **ret_reply,
		struct err *e) MUST_CHECK;
/* The same for who cannot wait: E_TIMEOUT after @timeout_ms. */
int kernel_call_within(const char *socket, json_t *req, int timeout_ms,
		       json_t **ret_reply, struct err *e) MUST_CHECK;

int kernel_mount(const char *socket, const char *device, const char *path, bool read_only,
		 struct err *e) MUST_CHECK;
/* mount -u of what is mounted on @path. */
int kernel_mount_update(const char *socket, const char *path, bool read_only,
			struct err *e) MUST_CHECK;
/* Bring the kernel's list of volumes up to date: seals change without a request. */
int kernel_volumes(const char *socket, struct err *e) MUST_CHECK;
int kernel_unmount(const char *socket, const char *device, struct err *e) MUST_CHECK;
int kernel_unlock(const char *socket, const char *device, const char *passphrase,
		  struct err *e) MUST_CHECK;

/* fs_snapshot(2) of the System volume @device: what is done with the snapshot @name. */
enum kernel_snapshot { SNAPSHOT_CREATE, SNAPSHOT_DELETE, SNAPSHOT_ROOT, SNAPSHOT_REVERT };
int kernel_snapshot(const char *socket, enum kernel_snapshot what, const char *device,
		    const char *name, struct err *e) MUST_CHECK;

#endif
