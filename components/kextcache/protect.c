/* SPDX-License-Identifier: MIT */
#include "components/kextcache/protect.h"

#include "components/common/trusted_path.h"
#include "sim/platform/csr.h"

uint32_t kc_csr_config(const struct kc_world *w)
{
	struct err e = ERR_INIT;
	uint32_t config = 0;

	return csr_read(w->csr_config, &config, &e) ? 0 : config;
}

bool kc_sip_on(const struct kc_world *w)
{
	return !csr_allows(kc_csr_config(w), CSR_ALLOW_UNRESTRICTED_FS);
}

bool kc_is_trusted(const struct kc_world *w, const char *path)
{
	struct trusted_paths t;
	struct err e = ERR_INIT;
	bool yes = !trusted_paths_load(&t, w->root, &e) && trusted_path(&t, path, NULL);

	trusted_paths_release(&t);
	return yes;
}

bool kc_plk_protected(const struct kc_world *w, const struct kc_options *o)
{
	return o->has_plk && kc_sip_on(w) && kc_is_trusted(w, o->plk);
}

bool kc_protected_action(const struct kc_world *w, const struct kc_options *o)
{
	return kc_plk_protected(w, o) || o->system_caches ||
	       (o->update_volume && kc_is_root_volume(w, o->update_volume));
}
