/* SPDX-License-Identifier: MIT */
/*
 * The host's /etc/ld.so.cache, format "glibc-ld.so.cache1.1" (glibc,
 * sysdeps/generic/dl-cache.h): which file a library's name stands for.
 */
#ifndef SIM_CARRIER_LD_CACHE_H
#define SIM_CARRIER_LD_CACHE_H

#include "sim/base/buf.h"

/* Zero-initialise. */
struct ld_cache {
	struct buf bytes;
	size_t n; /* entries */
};

/*
 * Read @path. A host without a cache (a bare root, another libc) gives an empty one, and
 * so does one of another format: the default folders are looked through anyway.
 */
int ld_cache_load(struct ld_cache *c, const char *path, struct err *e) MUST_CHECK;

/*
 * Path of the x86-64 library @name, NULL when it is not there. Variants for newer CPUs
 * (glibc-hwcaps) are passed over: the virtual CPU is not the host's. Borrowed.
 */
const char *ld_cache_find(const struct ld_cache *c, const char *name);

void ld_cache_release(struct ld_cache *c);

#endif
