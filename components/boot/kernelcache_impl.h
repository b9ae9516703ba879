/* SPDX-License-Identifier: MIT */
/* What both kinds of kernelcache say of their kexts. */
#ifndef COMPONENTS_BOOT_KERNELCACHE_IMPL_H
#define COMPONENTS_BOOT_KERNELCACHE_IMPL_H

#include <plist/plist.h>

#include "components/boot/kernelcache.h"

/* All borrowed. */
struct kext_facts {
	const char *id, *version, *bundle_path;
	plist_t info;
	uint64_t load_addr, size;
	const uint8_t *uuid; /* NULL: it has none */
};

/* Fill kext, list and loaded of @k. Release @k in any case. */
int kernelcache_describe(struct kernelcache *k, const struct kext_facts *f, size_t n,
			 struct err *e) MUST_CHECK;

#endif
