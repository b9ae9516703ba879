/* SPDX-License-Identifier: MIT */
/* What came with a request to load, before any of it is loaded. */
#ifndef COMPONENTS_BOOT_KEXTS_NEWCOMERS_H
#define COMPONENTS_BOOT_KEXTS_NEWCOMERS_H

#include "components/boot/kexts_impl.h"
#include "sim/formats/mkext/mkext.h"

/* A kext that came with the request. */
struct newcomer {
	const struct mkext_kext *from; /* borrowed */
	struct kernel_kext *kext;      /* owned until it is loaded; NULL: not taken */
	bool visiting;		       /* the walk over libraries is below it */
	bool fits;		       /* its libraries were looked at */
	bool done;		       /* loaded; or codeless, and there is no more to do */
};

struct load {
	struct kernel_kexts *k;
	const struct kext_caller *c;
	struct newcomer *newcomer;
	size_t n;
	unsigned depth; /* of the walk over libraries */
};

/* Take the kexts of @m that are not loaded. Release also after an error. (withMkext2Info,
 * registerIdentifier) */
int newcomers_take(struct load *l, const struct mkext *m, struct err *e) MUST_CHECK;
/* Those that were not loaded are forgotten. (flushNonloadedKexts) */
void newcomers_release(struct load *l);

/* NULL: none of that identifier came, or was taken. */
struct newcomer *newcomers_find(const struct load *l, const char *id);
bool newcomer_is_codeless(const struct newcomer *x);

/* Are the libraries of @x there, down to the last, and of the right versions? If so,
 * @x->fits, and what is below it can be walked. The log says what is wrong.
 * (resolveDependencies) */
bool newcomer_fits(struct load *l, struct newcomer *x);

#endif
