/* SPDX-License-Identifier: MIT */
/*
 * Build a prelinked kernel from a kernel and kexts, without a volume: what kextcache
 * does after it has chosen the kexts and before it writes the file. The image builder
 * makes the kernel of a new disk with it.
 */
#ifndef COMPONENTS_KEXTCACHE_BUILD_H
#define COMPONENTS_KEXTCACHE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/component_log.h"
#include "sim/base/err.h"
#include "sim/formats/kext/set.h"

/* One bundle for kc_build_for_tree. */
struct kc_bundle {
	const char *folder; /* the X.kext on this machine */
	const char
		*path; /* recorded as _PrelinkBundlePath: "/Library/Extensions/X.kext" */
};

struct kc_request {
	const void *kernel;           /* the Mach-O of the kernel; borrowed */
	size_t kernel_len;
	const struct kc_bundle *bundle;
	size_t n_bundles;
	bool lzvn;                    /* compression: lzvn, else lzss */
	bool all_personalities;       /* keep IOKitPersonalities of every kext */
	const struct component_log *log; /* may be NULL */
};

#define KC_ID_LEN 16

/*
 * Link the bundles of @rq (each must be valid and find its dependencies among them;
 * PlugIns of a bundle are candidates too; owners and permissions are not looked at) and
 * append the finished file - fat header, comp header, stream - to @packed. @kcid (may be
 * NULL) gets _PrelinkKCID. E_CORRUPT with the diagnostics of the kext that is wrong.
 */
int kc_build_for_tree(const struct kc_request *rq, struct buf *packed,
		      uint8_t kcid[KC_ID_LEN], struct err *e) MUST_CHECK;

#endif
