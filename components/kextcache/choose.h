/* SPDX-License-Identifier: MIT */
/* Which kexts go into the prelinked kernel (kextcache_main.c filterKextsForCache). */
#ifndef COMPONENTS_KEXTCACHE_CHOOSE_H
#define COMPONENTS_KEXTCACHE_CHOOSE_H

#include "components/kextcache/options.h"
#include "components/kextcache/signing.h"
#include "components/staging/staging.h"
#include "sim/formats/kext/set.h"

/*
 * The kexts that the arguments name. Zero-initialise. Where the kernel that is built has to
 * be secure, each of @read that lies where others can write has a copy that goes before it.
 */
struct kc_kexts {
	struct kext_set read;         /* owns: as the arguments name them */
	struct kext_set copies;       /* owns: staged ones, and their PlugIns */
	struct kext **used; /* for each of @read: its copy, itself, or NULL: not to be had */
	bool secure;                  /* requireSecureLocation */
	struct staging staging;       /* if @secure */
	struct kc_signing signing;    /* what signatures are judged by */
	struct kext_set all;          /* candidates: originals, then their copies */
	struct kext_set repositories; /* those in folders */
	struct kext_set named;        /* *.kext arguments and their PlugIns */
	struct kext_set loaded;       /* those that the running kernel holds */
};

void kc_kexts_release(struct kc_kexts *k);

/*
 * Fill in @k->used and @k->all from @k->read, staging what has to be. (createStagedKexts)
 */
int kc_stage_kexts(const struct kc_world *w, const struct kc_options *o, struct kc_kexts *k,
		   struct err *e) MUST_CHECK;

/* -clear-staging (@clear) or -prune-staging. Returns an exit status. */
int kc_tidy_staging(const struct kc_world *w, bool clear);

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
