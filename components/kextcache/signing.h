/* SPDX-License-Identifier: MIT */
/* Signatures of kexts, as kextcache asks for them (kextcache_main.c, main). */
#ifndef COMPONENTS_KEXTCACHE_SIGNING_H
#define COMPONENTS_KEXTCACHE_SIGNING_H

#include "components/kextcache/options.h"
#include "sim/formats/kext/signature.h"

/* Kernelcache v1.3 and later volumes have signed kexts; so has what cannot be read. */
bool kc_enforces_signatures(const struct kc_world *w, const struct kc_options *o);

/* What verdicts of a run depend on. Zero-initialise, release. */
struct kc_signing {
	struct cs_anchors anchors; /* owned */
	struct kext_signing s;
	const struct kext_signing *on; /* &s; NULL: signatures are not looked at */
};
/*
 * Signatures are not looked at with -z, on old volumes, and in a world without a place for
 * anchors. @k must not be moved afterwards. E_CORRUPT: an anchor is damaged.
 */
int kc_signing_init(struct kc_signing *k, const struct kc_world *w,
		    const struct kc_options *o, struct err *e) MUST_CHECK;
void kc_signing_release(struct kc_signing *k);

#endif
