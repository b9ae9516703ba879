/* SPDX-License-Identifier: MIT */
/*
 * The client side of kextd's locks (components/kextd/protocol.h). A lock lives as long as
 * the connection, so that a client that dies lets go, as with a Mach port.
 */
#ifndef COMPONENTS_KEXTCACHE_KEXTD_CLIENT_H
#define COMPONENTS_KEXTCACHE_KEXTD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

struct kextd_client {
	int fd; /* -1: not connected */
};

#define KEXTD_CLIENT_INIT                                                                \
	{                                                                                \
		.fd = -1                                                                 \
	}

/* Connect to the socket @path. E_NOTFOUND when nobody listens there. */
int kextd_connect(struct kextd_client *c, const char *path, struct err *e) MUST_CHECK;
void kextd_disconnect(struct kextd_client *c);

/*
 * Each sends one request and waits for the answer, without a time limit. *ret_errno gets
 * kextd's verdict, an errno of the Mac (0, EBUSY, ENOENT, ENOLCK, EALREADY). E_IO when
 * the connection broke.
 */
int kextd_lock_volume(struct kextd_client *c, const char *volume, bool wait,
		      int *ret_errno, struct err *e) MUST_CHECK;
int kextd_unlock_volume(struct kextd_client *c, const char *volume, int status,
			int *ret_errno, struct err *e) MUST_CHECK;
/* @busy (may be NULL) gets the volume that is being updated when the answer is EBUSY. */
int kextd_lock_reboot(struct kextd_client *c, bool wait, int *ret_errno, char *busy,
		      size_t busy_size, struct err *e) MUST_CHECK;

#endif
