/* SPDX-License-Identifier: MIT */
/* What SIP protects, as kextcache asks: csr_check(2) and rootless_check_trusted(3). */
#ifndef COMPONENTS_KEXTCACHE_PROTECT_H
#define COMPONENTS_KEXTCACHE_PROTECT_H

#include <stdbool.h>

#include "components/kextcache/options.h"

/* SIP's flags. Without a setting to read, SIP is on: 0. */
uint32_t kc_csr_config(const struct kc_world *w);
/* csr_check(CSR_ALLOW_UNRESTRICTED_FS) != 0 */
bool kc_sip_on(const struct kc_world *w);
/* Is @path, which need not exist, one that rootless.conf of the running system protects?
 */
bool kc_is_trusted(const struct kc_world *w, const char *path);
/* Would the prelinked kernel of @o be protected? False when none is to be built. */
bool kc_plk_protected(const struct kc_world *w, const struct kc_options *o);
/* isProtectedAction */
bool kc_protected_action(const struct kc_world *w, const struct kc_options *o);

#endif
