/* SPDX-License-Identifier: MIT */
/* What both kinds of kernelcache say of their kexts. */
#ifndef COMPONENTS_BOOT_KERNELCACHE_IMPL_H
#define COMPONENTS_BOOT_KERNELCACHE_IMPL_H

#include "components/boot/kernelcache.h"

/* Fill kext, list and running of @k. Release @k in any case. */
int kernelcache_describe(struct kernelcache *k, const struct kext_facts *f, size_t n,
			 struct err *e) MUST_CHECK;

#endif
