/* SPDX-License-Identifier: MIT */
/* Copies in a place that SIP protects, for a kernel that has to be secure. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sysexits.h>

#include "components/kextcache/choose.h"
#include "components/kextcache/protect.h"

static bool needs_copy(const struct kc_kexts *k, const struct kext *kext)
{
	return k->secure && !staging_is_secure(&k->staging, kext->path);
}

/* Make or renew all copies, before one is opened: a copy can be in another one. */
static void make_copies(struct kc_kexts *k)
{
	for (size_t i = 0; i < k->read.n; i++) {
		struct err why = ERR_INIT;
		char path[PATH_MAX];

		k->used[i] = k->read.item[i];
		if (needs_copy(k, k->used[i]) &&
		    staging_place(&k->staging, k->used[i]->path, path, &why))
			k->used[i] = NULL;
	}
}

/* The copy of @kext, opened; NULL when it cannot be, which was said. */
static int open_copy(struct kc_kexts *k, struct kext **kext, struct err *e)
{
	char path[PATH_MAX], real[PATH_MAX];
	int r = staging_path(&k->staging, (*kext)->path, path, e);

	*kext = NULL;
	if (!r)
		r = kext_set_scan(&k->copies, path, k->staging.log, e);
	if (!r && realpath(path, real))
		*kext = kext_set_at_path(&k->copies, real);
	return r;
}

/* Originals first, then copies: of two equal candidates the later one is taken. */
static int add_candidates(struct kc_kexts *k, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < k->read.n && !r; i++)
		if (k->used[i])
			r = kext_set_add(&k->all, k->read.item[i], e);
	for (size_t i = 0; i < k->read.n && !r; i++) {
		if (!k->used[i] || !needs_copy(k, k->read.item[i]))
			continue;
		r = open_copy(k, &k->used[i], e);
		if (!r && k->used[i])
			r = kext_set_add(&k->all, k->used[i], e);
	}
	return r;
}

int kc_stage_kexts(const struct kc_world *w, const struct kc_options *o, struct kc_kexts *k,
		   struct err *e)
{
	int r = 0;

	k->used = calloc(k->read.n + 1, sizeof(struct kext *));
	if (!k->used)
		return err_set(e, E_NOMEM, "out of memory");
	k->secure = !o->no_authentication && kc_protected_action(w, o);
	if (k->secure)
		r = staging_init(&k->staging, w->root, w->csr_config, w->log, e);
	if (!r)
		r = kc_signing_init(&k->signing, w, o, e);
	k->staging.signing = k->signing.on;
	if (!r)
		make_copies(k);
	return r ? r : add_candidates(k, e);
}

int kc_tidy_staging(const struct kc_world *w, bool clear)
{
	struct staging s;
	struct err e = ERR_INIT;
	int status = EX_OK;

	if (staging_init(&s, w->root, w->csr_config, w->log, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		status = EX_SOFTWARE;
	} else if (clear) {
		staging_clear(&s);
	} else {
		staging_prune(&s);
	}
	staging_release(&s);
	return status;
}
