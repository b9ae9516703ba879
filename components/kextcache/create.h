/* SPDX-License-Identifier: MIT */
/* kextcache_main.c createPrelinkedKernel, compressPrelinkedKernel. */
#ifndef COMPONENTS_KEXTCACHE_CREATE_H
#define COMPONENTS_KEXTCACHE_CREATE_H

#include "components/kextcache/options.h"

/* Build the prelinked kernel that @o asks for. Returns an exit status. */
int kc_create(struct kc_world *w, const struct kc_options *o);

/* Compress or uncompress the existing one in place, keeping its times and mode. */
int kc_recompress(const struct kc_world *w, const struct kc_options *o);

#endif
