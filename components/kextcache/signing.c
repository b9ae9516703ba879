/* SPDX-License-Identifier: MIT */
#include "components/kextcache/signing.h"

#include <time.h>

#include "components/kextcache/create_internal.h"
#include "components/kextcache/protect.h"
#include "sim/platform/csr.h"

bool kc_enforces_signatures(const struct kc_world *w, const struct kc_options *o)
{
	struct bootcaches b = {0};
	bool yes = true;

	if (o->no_authentication)
		return false;
	if (!kc_volume_caches(w, o, &b))
		yes = b.kind == BOOTCACHES_KERNELCACHE && b.minor >= 3;
	bootcaches_release(&b);
	return yes;
}

int kc_signing_init(struct kc_signing *k, const struct kc_world *w,
		    const struct kc_options *o, struct err *e)
{
	uint32_t csr = kc_csr_config(w);

	*k = (struct kc_signing){.s = {.anchors = &k->anchors, .now = time(NULL)}};
	k->s.untrusted_allowed = csr_allows(csr, CSR_ALLOW_UNTRUSTED_KEXTS) ||
				 csr_allows(csr, CSR_ALLOW_APPLE_INTERNAL);
	if (!w->anchors || !kc_enforces_signatures(w, o))
		return 0;
	k->on = &k->s;
	return cs_anchors_load(&k->anchors, w->anchors, e);
}

void kc_signing_release(struct kc_signing *k)
{
	cs_anchors_release(&k->anchors);
}
