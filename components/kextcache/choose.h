/* SPDX-License-Identifier: MIT */
/* Which kexts go into the prelinked kernel (kextcache_main.c filterKextsForCache). */
#ifndef COMPONENTS_KEXTCACHE_CHOOSE_H
#define COMPONENTS_KEXTCACHE_CHOOSE_H

#include "components/kextcache/options.h"
#include "sim/formats/kext/set.h"

/* The kexts that the arguments name. Zero-initialise. */
struct kc_kexts {
	struct kext_set all;          /* owns */
	struct kext_set repositories; /* those in folders */
	struct kext_set named;        /* *.kext arguments and their PlugIns */
	struct kext_set loaded;       /* those that the running kernel holds */
};

void kc_kexts_release(struct kc_kexts *k);

/* Read all arguments, and with -all-loaded what is loaded. 0 or an exit status. */
int kc_read_kexts(const struct kc_world *w, const struct kc_options *o,
		  struct kc_kexts *k);

/*
 * Filter by OSBundleRequired, judge, resolve; @list (empty, not owning) gets the load
 * list. 0 or an exit status; an empty list is EX_OSERR with a message.
 */
int kc_choose(const struct kc_world *w, const struct kc_options *o, struct kc_kexts *k,
	      struct kext_set *list);

#endif
