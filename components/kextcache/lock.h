/* SPDX-License-Identifier: MIT */
/*
 * The lock of a volume during its update, as kextcache takes it from kextd
 * (update_boot.c takeVolumeForPath, putVolumeForPath).
 */
#ifndef COMPONENTS_KEXTCACHE_LOCK_H
#define COMPONENTS_KEXTCACHE_LOCK_H

#include <limits.h>

#include "components/kextcache/kextcache.h"
#include "components/kextcache/kextd_client.h"

struct kc_lock {
	struct kextd_client client;
	char volume[PATH_MAX]; /* mount point */
	bool held;
};

#define KC_LOCK_INIT                                                                     \
	{                                                                                \
		.client = KEXTD_CLIENT_INIT                                              \
	}

/*
 * Lock the volume that @path (which has to exist) is on; waits while it is busy. Nothing
 * is locked, and that is success, when kextd does not run or does not watch the volume,
 * without root, and when an outer kextcache holds the lock. 0 or an errno of the Mac.
 */
int kc_lock_take(struct kc_lock *l, struct kc_world *w, const char *path);
/* Give it back; kextd learns @status. */
void kc_lock_put(struct kc_lock *l, struct kc_world *w, int status);

#endif
