/* SPDX-License-Identifier: MIT */
#include "components/kextcache/choose.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "components/common/loaded_kexts.h"
#include "components/syspolicyd/client.h"
#include "sim/base/fsio.h"
#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/resolve.h"
#include "sim/formats/plist/pl.h"

/* With any of these asked for, kexts that every boot needs come along. */
#define ALWAYS (KEXT_REQ_ROOT | KEXT_REQ_CONSOLE | KEXT_REQ_DRIVERKIT)

void kc_kexts_release(struct kc_kexts *k)
{
	kext_set_release(&k->repositories);
	kext_set_release(&k->named);
	kext_set_release(&k->loaded);
	kext_set_release(&k->all);
	kext_set_release(&k->copies);
	kext_set_release(&k->read);
	free(k->used);
	kc_signing_release(&k->signing);
	if (k->secure)
		staging_release(&k->staging);
}

/* What was read at or below @arg: what is used of it, then the original. */
static int add_below(struct kext_set *to, const struct kc_kexts *k, const char *arg,
		     struct err *e)
{
	char real[PATH_MAX];
	int r = 0;

	if (!realpath(arg, real))
		return 0;
	for (size_t i = 0; i < k->read.n && !r; i++) {
		if (!k->used[i] || !fsio_below(k->read.item[i]->path, real))
			continue;
		if (!kext_set_has(to, k->used[i]))
			r = kext_set_add(to, k->used[i], e);
		if (!r && !kext_set_has(to, k->read.item[i]))
			r = kext_set_add(to, k->read.item[i], e);
	}
	return r;
}

/* The kernel's list names identifiers; of each the newest kext we know is meant. */
static int read_loaded(const struct kc_world *w, struct kc_kexts *k, struct err *e)
{
	plist_t list = NULL;
	int r;

	clog_say(w->log, CLOG_PROGRESS, "Waiting for I/O Kit to quiesce.");
	r = loaded_kexts_read(w->loaded_kexts, &list, e);
	for (uint32_t i = 0; !r && i < plist_array_get_size(list); i++) {
		plist_t d = plist_array_get_item(list, i);
		const char *id = pl_str(plist_dict_get_item(d, "CFBundleIdentifier"));
		struct kext *kext = id ? kext_set_newest(&k->all, id) : NULL;

		if (kext)
			r = kext_set_add(&k->loaded, kext, e);
	}
	plist_free(list);
	return r;
}

int kc_read_kexts(const struct kc_world *w, const struct kc_options *o,
		  struct kc_kexts *k)
{
	struct err e = ERR_INIT;
	int r = 0;

	k->read.owns = k->copies.owns = true;
	for (size_t i = 0; i < o->n_args && !r; i++)
		r = kext_set_scan(&k->read, o->arg[i], w->log, &e);
	if (!r)
		r = kc_stage_kexts(w, o, k, &e);
	for (size_t i = 0; i < o->n_args && !r; i++)
		r = add_below(kc_arg_is_kext(o, i) ? &k->named : &k->repositories, k,
			      o->arg[i], &e);
	if (r)
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
	if (r || !k->all.n) {
		clog_say(w->log, CLOG_ERROR, "%s",
			 r ? "Error reading extensions." : "No kernel extensions found.");
		return EX_SOFTWARE;
	}
	if (o->all_loaded && read_loaded(w, k, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		return EX_SOFTWARE;
	}
	return EX_OK;
}

/* What each step needs. */
struct choice {
	const struct kc_world *w;
	const struct kc_options *o;
	struct kc_kexts *k;
	const struct kext_auth *auth;
	const struct kext_resolver *resolver;
};

/* By its identifier; which version and copy of it is chosen later. */
static bool is_loaded(const struct choice *c, const struct kext *k)
{
	for (size_t i = 0; i < c->k->loaded.n; i++)
		if (!strcmp(c->k->loaded.item[i]->id, k->id))
			return true;
	return false;
}

static bool matches(const struct choice *c, const struct kext *k, unsigned required)
{
	if (!c->o->all_loaded)
		return kext_is_required(k, required);
	return (required && kext_is_required(k, required)) ||
	       is_loaded(c, k);
}

static int filter(const struct choice *c, const struct kext_set *from, unsigned required,
		  struct kext_set *to, struct err *e)
{
	int r = 0;

	if (required)
		required |= ALWAYS;
	for (size_t i = 0; i < from->n && !r; i++) {
		struct kext *k = from->item[i];

		if (!matches(c, k, required))
			clog_say(c->w->log, CLOG_STEP,
				 "%s is not demanded by OSBundleRequired conditions.",
				 k->path);
		else if (!kext_set_has(to, k))
			r = kext_set_add_newest(to, k, c->w->log, e);
	}
	return r;
}

static int filter_ids(const struct choice *c, struct kext_set *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->o->n_ids && !r; i++) {
		struct kext *k = kext_set_newest(&c->k->all, c->o->id[i]);

		if (!k)
			clog_say(c->w->log, CLOG_ERROR,
				 "Can't find kext with optional identifier %s; skipping.",
				 c->o->id[i]);
		else if (matches(c, k, c->o->required_all) && !kext_set_has(to, k))
			r = kext_set_add(to, k, e);
	}
	return r;
}

/* The first pass: which are wanted. */
static int want(const struct choice *c, struct kext_set *to, struct err *e)
{
	const struct kc_options *o = c->o;
	int r;

	if (o->n_ids)
		return filter_ids(c, to, e);
	r = filter(c, &c->k->repositories, o->required_repositories | o->required_all, to,
		   e);
	if (!r)
		r = filter(c, &c->k->named, o->required_all, to, e);
	return r;
}

static void print_diagnostics(const struct choice *c, const struct kext *k)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (c->o->diagnostics && !kext_diag_print(&k->diags, &b, &e) && b.len)
		clog_say(c->w->log, CLOG_EXPLICIT, "Diagnostics for %s:\n%.*s", k->path,
			 (int)b.len - 1, buf_str(&b));
	buf_release(&b);
}

static bool omit(const struct choice *c, const struct kext *k, enum clog_level level,
		 const char *why)
{
	clog_say(c->w->log, level, "%s %s", k->path, why);
	if (level != CLOG_STEP)
		print_diagnostics(c, k);
	return false;
}

/* The second pass: which are fit. */
static bool is_fit(const struct choice *c, struct kext *k)
{
	if (kext_arch(k) == KEXT_ARCH_NO)
		return omit(c, k, CLOG_STEP,
			    "doesn't support architecture '" KEXT_ARCH "'; skipping.");
	if (!kext_validate(k))
		return omit(c, k, CLOG_ERROR, "is not valid; omitting.");
	if (kext_is_excluded(k, c->auth->all))
		return omit(c, k, CLOG_ERROR, "is in the exclude list; omitting.");
	if (!kext_authenticate(k, c->auth))
		return omit(c, k, CLOG_ERROR, "does not authenticate; omitting.");
	/* What the message says is not what happens; so it is on a Mac. */
	if (!kext_resolve(k, c->resolver))
		return omit(
			c, k, CLOG_WARNING,
			"is missing dependencies (including anyway; dependencies may be "
			"available from elsewhere)");
	return true;
}

static int choose(const struct choice *c, struct kext_set *list, struct err *e)
{
	struct kext_set wanted = {0}, fit = {0};
	int r = want(c, &wanted, e);

	for (size_t i = wanted.n; i-- > 0 && !r;)
		if (is_fit(c, wanted.item[i]))
			r = kext_set_add(&fit, wanted.item[i], e);
	if (!r)
		r = kext_load_list(&fit, list, e);
	kext_set_release(&wanted);
	kext_set_release(&fit);
	return r;
}

/* What authentication asks back. */
struct authority {
	const struct kc_world *w;
	const struct kc_kexts *k;
};

static bool is_secure(void *world, const struct kext *k)
{
	const struct authority *a = world;

	return staging_is_secure(&a->k->staging, k->path);
}

static bool is_approved(void *world, const struct kext *k)
{
	const struct authority *a = world;

	return syspolicy_allows(a->w->syspolicy_socket, k->path, true);
}

int kc_choose(const struct kc_world *w, const struct kc_options *o, struct kc_kexts *k,
	      struct kext_set *list)
{
	struct authority authority = {.w = w, .k = k};
	const struct kext_auth auth = {
		.check_filesystem = !o->no_authentication,
		.all = &k->all,
		.log = w->log,
		.signing = k->signing.on,
		.is_secure = k->secure ? is_secure : NULL,
		.is_approved = k->secure ? is_approved : NULL,
		.world = &authority,
	};
	const struct kext_resolver resolver = {
		.all = &k->all, .auth = &auth, .log = w->log};
	const struct choice c = {
		.w = w, .o = o, .k = k, .auth = &auth, .resolver = &resolver};
	struct err e = ERR_INIT;

	if (choose(&c, list, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		return EX_OSERR;
	}
	if (!list->n) {
		clog_say(w->log, CLOG_ERROR, "No kexts found for architecture %s.",
			 o->arch[0]);
		return EX_OSERR;
	}
	return EX_OK;
}
