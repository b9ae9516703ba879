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
#include "sim/formats/prelink/pack.h"

/* One bundle for kc_build_for_tree, or a folder of bundles. */
struct kc_bundle {
	const char *folder; /* the X.kext on this machine, or where such lie */
	const char *path;   /* recorded as its path in the Mac:
			       "/Library/Extensions/X.kext", "/Library/Extensions" */
	/*
	 * Of a whole system: what a start from the Mac's own disk demands by
	 * OSBundleRequired goes in, the newest of each identifier, and what those need.
	 * What is of no use is left out, with a message.
	 */
	bool as_demanded;
};

struct kc_request {
	const void *kernel; /* the Mach-O of the kernel; borrowed */
	size_t kernel_len;
	const struct kc_bundle *bundle;
	size_t n_bundles;
	enum prelink_compression compression;
	bool all_personalities; /* keep IOKitPersonalities of every kext */
	bool omit_bad;		/* what is of no use is left out, with a message. Without it
				   each bundle that is not as_demanded has to go in */
	const struct component_log *log; /* may be NULL */
};

#define KC_ID_LEN 16

/* What came of it. */
struct kc_built {
	uint8_t kcid[KC_ID_LEN]; /* _PrelinkKCID */
	size_t n_kexts, n_omitted;
	bool aborted; /* a kext that did not link ended it, and the log says so */
};

/* What kextd asks for when it has the kernel of a Mac's own disk built. */
#define KC_DEMANDED_LOCAL                                                                \
	(KEXT_REQ_ROOT | KEXT_REQ_LOCAL_ROOT | KEXT_REQ_CONSOLE | KEXT_REQ_DRIVERKIT)

/*
 * Link the bundles of @rq (each must be valid and find its dependencies among them,
 * unless omit_bad or as_demanded is set; PlugIns of a bundle are candidates too; owners
 * and permissions are not looked at) and append the finished file - fat header, comp header, stream - to
 * @packed. E_CORRUPT with the diagnostics of the kext that is wrong.
 */
int kc_build_for_tree(const struct kc_request *rq, struct buf *packed,
		      struct kc_built *ret, struct err *e) MUST_CHECK;

#endif
