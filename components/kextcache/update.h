/* SPDX-License-Identifier: MIT */
/* kextcache -u, -U, -i: the caches of a volume (update_boot.c checkUpdateCachesAndBoots).
 */
#ifndef COMPONENTS_KEXTCACHE_UPDATE_H
#define COMPONENTS_KEXTCACHE_UPDATE_H

#include "components/kextcache/options.h"
#include "sim/platform/bootcaches.h"

/* Returns an exit status. */
int kc_update_volume(struct kc_world *w, const struct kc_options *o);

#define KC_REBUILD_ARGS_MAX (2 * BOOTCACHES_ARCHS_MAX + 2 * BOOTCACHES_DIRS_MAX + 16)

/* The command line of the kextcache that builds, as rebuild_kext_boot_cache_file makes
 * it. */
struct kc_rebuild {
	char *argv[KC_REBUILD_ARGS_MAX]; /* owned, ends with NULL */
	size_t argc;
};

/*
 * E_CORRUPT when the volume wants no prelinked kernel. @all_loaded: the volume is that of
 * the running system.
 */
int kc_rebuild_command(const struct bootcaches *b, bool all_loaded,
		       struct kc_rebuild *ret, struct err *e) MUST_CHECK;
void kc_rebuild_release(struct kc_rebuild *r);

#endif
