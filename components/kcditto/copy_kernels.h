/* SPDX-License-Identifier: MIT */
/*
 * The copy of prelinked kernels from where kextcache builds them to where the booter
 * reads them (kext_tools rosp_staging.m, copyKernelsInVolume): kcditto does it at
 * shutdown, kextcache at once when the volume is not the running system's.
 */
#ifndef COMPONENTS_KCDITTO_COPY_KERNELS_H
#define COMPONENTS_KCDITTO_COPY_KERNELS_H

#include <stddef.h>

#include "sim/base/component_log.h"
#include "sim/platform/release.h"

/* Apple's result for any failed copy: `(result = f() != EX_OK)` stores a truth value. */
#define COPY_KERNELS_FAILED 1

/*
 * Copy immutablekernel* and then prelinkedkernel* of @volume_root (a mount point)
 * from the folder of bootcaches.plist's Path to that of its ReadOnlyPath.
 *
 * Returns Apple's status, not an error code: 0; COPY_KERNELS_FAILED; EX_SOFTWARE (70)
 * when bootcaches.plist tells no paths; EX_NOPERM (77) unless run by root. A staging
 * folder that is missing or does not hold the base file is success. Errors are
 * written to @log with the source position that @running (the release that the
 * calling program is part of) puts in front.
 */
int copy_kernels_in_volume(const char *volume_root, const struct release *running,
			   const struct component_log *log);

/* The first part of a source position: ".../kext_tools-623.11.5/<file>.<line>: ". */
void kext_tools_position(char *out, size_t size, const struct release *running,
			 const char *file, unsigned line);

#endif
