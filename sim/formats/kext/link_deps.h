/* SPDX-License-Identifier: MIT */
/* What a kext of a load list is linked against, as kxld wants it. */
#ifndef SIM_FORMATS_KEXT_LINK_DEPS_H
#define SIM_FORMATS_KEXT_LINK_DEPS_H

#include "sim/formats/kext/input.h"
#include "sim/formats/macho/kxld.h"

/* Zero-initialise. */
struct kext_link_deps {
	enum kext_reach *reach; /* of each input before the one that is linked */
	const struct kxld_exports **direct, **indirect; /* in the list's order */
	size_t n_direct, n_indirect;
};
void kext_link_deps_release(struct kext_link_deps *d);

/*
 * Of v[i]; @exports: what each input offers, borrowed by @d, NULL for one without an
 * executable. The inputs have to be in order.
 */
int kext_link_deps_collect(const struct kext_input *v,
			   const struct kxld_exports *const *exports, size_t i,
			   struct kext_link_deps *d, struct err *e) MUST_CHECK;

#endif
