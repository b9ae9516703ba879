/* SPDX-License-Identifier: MIT */
/*
 * Is the prelinked kernel of a volume up to date? Only the modification time says so: it
 * has to be exactly what a build would have given it (kext_tools
 * check_kext_boot_cache_file). Shared by kextcache -u and kextd.
 */
#ifndef COMPONENTS_KEXTCACHE_FRESHNESS_H
#define COMPONENTS_KEXTCACHE_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/component_log.h"
#include "sim/base/err.h"
#include "sim/platform/bootcaches.h"

/*
 * The modification time, in seconds, that the prelinked kernel should have: the newest
 * watched extensions folder + 1, or the kernel's + 1 if the kernel is newer than that. A
 * folder that is missing is warned of and ignored. E_NOTFOUND when the kernel is missing
 * (then nothing is to be rebuilt), noted in @log.
 */
int plk_expected_mtime(const struct bootcaches *b, int64_t *ret,
		       const struct component_log *log, struct err *e) MUST_CHECK;

/*
 * *ret: is the staged prelinked kernel (Path) there with the expected time? True as well
 * when nothing is to be rebuilt because the kernel is missing or the volume has none of
 * this kind. @why (may be NULL) gets what it is out of date with, for kextd's note.
 */
int plk_up_to_date(const struct bootcaches *b, bool *ret, const char **why,
		   const struct component_log *log, struct err *e) MUST_CHECK;

#endif
