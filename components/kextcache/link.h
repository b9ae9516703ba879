/* SPDX-License-Identifier: MIT */
/* From a load list to the bytes of a prelinked kernel file. */
#ifndef COMPONENTS_KEXTCACHE_LINK_H
#define COMPONENTS_KEXTCACHE_LINK_H

#include "components/kextcache/build.h"

/* A path that begins with @from is recorded with @to instead. */
struct kc_prefix {
	const char *from, *to;
};

struct kc_link {
	const void *kernel; /* Mach-O, thin or fat; borrowed */
	size_t kernel_len;
	const struct kext_set
		*list; /* dependencies first; executables are read as needed */
	const struct kc_prefix *prefix;
	size_t n_prefixes;
	enum prelink_compression compression;
	bool all_personalities, need_all;
	const struct kext_set *needed; /* of @list: E_CORRUPT when one does not link. NULL:
					  none has to */
	const struct component_log *log;
};

/*
 * Append the file to @packed. Kexts that do not link are left out, with a message, and
 * counted in @ret.
 */
int kc_link(const struct kc_link *l, struct buf *packed, struct kc_built *ret,
	    struct err *e) MUST_CHECK;

#endif
