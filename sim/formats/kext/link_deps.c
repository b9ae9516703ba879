/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/link_deps.h"

#include <stdlib.h>
#include <string.h>

void kext_link_deps_release(struct kext_link_deps *d)
{
	free(d->reach);
	free(d->direct);
	free(d->indirect);
	memset(d, 0, sizeof(*d));
}

int kext_link_deps_collect(const struct kext_input *v,
			   const struct kxld_exports *const *exports, size_t i,
			   struct kext_link_deps *d, struct err *e)
{
	*d = (struct kext_link_deps){
		.reach = calloc(i + 1, sizeof(*d->reach)),
		.direct = calloc(i + 1, sizeof(struct kxld_exports *)),
		.indirect = calloc(i + 1, sizeof(struct kxld_exports *)),
	};
	if (!d->reach || !d->direct || !d->indirect) {
		kext_link_deps_release(d);
		return err_set(e, E_NOMEM, "out of memory");
	}
	kext_input_reach(v, i, d->reach);
	for (size_t j = 0; j < i; j++) {
		if (!exports[j])
			continue;
		if (d->reach[j] == KEXT_DIRECT)
			d->direct[d->n_direct++] = exports[j];
		else if (d->reach[j] == KEXT_INDIRECT)
			d->indirect[d->n_indirect++] = exports[j];
	}
	return 0;
}
