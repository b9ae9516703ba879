/* SPDX-License-Identifier: MIT */
/* Which library defines which symbol. */
#ifndef COMPONENTS_KEXTLIBS_FIND_H
#define COMPONENTS_KEXTLIBS_FIND_H

#include "sim/formats/kext/set.h"

struct wanted_symbol {
	const char *name;  /* borrowed from the kext's executable */
	struct kext *from; /* the first library that defines it; NULL: none does */
	bool several;	   /* another one does so, too */
};

/* Zero-initialise; release with found_release. */
struct found_symbols {
	struct wanted_symbol *sym; /* owned; sorted by name */
	size_t n;
	struct kext_set libraries; /* those that define one, in the order of discovery */
};
void found_release(struct found_symbols *f);

/* May @k serve as a library, and is it part of the kernel? */
bool find_is_library(const struct kext *k, bool unsupported);
bool find_is_kpi(const struct kext *k);

/* Look the undefined symbols of @k up in the libraries of @all. E_CORRUPT: @k's executable
 * cannot be read. */
int find_libraries(struct kext *k, const struct kext_set *all, bool unsupported,
		   struct found_symbols *ret, struct err *e) MUST_CHECK;

#endif
