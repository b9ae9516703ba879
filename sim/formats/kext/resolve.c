/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/kext/copyright.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/plist/pl.h"

#define KERNEL_ID      "com.apple.kernel"
#define KERNEL_PREFIX  "com.apple.kernel."
#define KPI_PREFIX     "com.apple.kpi."
#define KPI_PRIVATE    "com.apple.kpi.private"
#define KPI_KASAN      "com.apple.kpi.kasan"
#define KASAN_SUFFIX   "_kasan"
#define APPLE_PREFIX   "com.apple."

/* What kinds of library a kext has asked for. */
struct asked {
	bool raw_kernel, kernel, kpi, private_kpi;
};

/* The kexts whose dependencies are being looked for, from the root down. */
struct stack {
	struct kext *item[KEXT_RESOLVE_DEPTH];
	size_t n;
};

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n > m && !strcmp(s + n - m, suffix);
}

static bool compatible(const struct kext *k, int64_t requested)
{
	return k->compatible > 0 && k->compatible <= requested && requested <= k->version;
}

static bool believed(struct kext *k, const struct kext_resolver *r)
{
	if (!kext_validate(k))
		return false;
	return !r->auth || kext_authenticate(k, r->auth);
}

/*
 * The highest compatible version of @id below @below, the one found last among equals;
 * @tried keeps those of equal version that were refused from being taken again.
 */
static struct kext *next_candidate(const struct kext_resolver *r, const char *id,
				   int64_t requested, const struct kext_set *tried)
{
	struct kext *best = NULL;

	for (size_t i = 0; i < r->all->n; i++) {
		struct kext *k = r->all->item[i];

		if (strcmp(k->id, id) || !compatible(k, requested) ||
		    kext_set_has(tried, k))
			continue;
		if (!best || k->version >= best->version)
			best = k;
	}
	return best;
}

static struct kext *find_compatible(const struct kext_resolver *r, const char *id,
				    int64_t requested)
{
	struct kext_set tried = {0};
	struct err e = ERR_INIT;
	struct kext *k;

	while ((k = next_candidate(r, id, requested, &tried)) && !believed(k, r)) {
		clog_say(
			r->log, CLOG_ERROR,
			"Rejecting invalid/inauthentic kext for bundle id %s at location "
			"file://%s/.",
			id, k->path);
		if (kext_set_add(&tried, k, &e)) {
			k = NULL;
			break;
		}
	}
	kext_set_release(&tried);
	return k;
}

static void note_kind(struct asked *a, const char *id)
{
	if (!strcmp(id, KERNEL_ID))
		a->raw_kernel = true;
	else if (starts_with(id, KERNEL_PREFIX))
		a->kernel = true;
	else if (starts_with(id, KPI_PREFIX))
		a->kpi = true;
	if (!strcmp(id, KPI_PRIVATE))
		a->private_kpi = true;
}

static bool add_dep(struct kext *k, struct kext *dep)
{
	struct kext **deps = realloc(k->deps, (k->n_deps + 1) * sizeof(struct kext *));

	if (!deps)
		return false;
	k->deps = deps;
	k->deps[k->n_deps++] = dep;
	return true;
}

/* A kext that is needed early may make those that use it needed early, too. */
static void promote(struct kext *k)
{
	plist_t value = plist_dict_get_item(k->info, "OSBundleRequired");

	if (value && k->required != KEXT_REQ_SAFE_BOOT)
		return;
	plist_dict_set_item(k->info, "OSBundleRequired", plist_new_string("Console"));
	k->required = KEXT_REQ_CONSOLE;
}

static void say_not_found(struct kext *k, const char *id, const struct kext_resolver *r)
{
	const struct kext *any = kext_set_newest(r->all, id);

	if (!any) {
		clog_say(r->log, CLOG_ERROR, "%s - dependency '%s' not found.", k->path,
			 id);
		kext_diag_add(&k->diags, KEXT_F_DEP_UNAVAILABLE, id);
	} else if (any->compatible > 0) {
		clog_say(r->log, CLOG_ERROR,
			 "%s - no compatible dependency found for %s.", k->path, id);
		kext_diag_add(&k->diags, KEXT_F_DEP_INCOMPATIBLE, id);
	} else {
		clog_say(r->log, CLOG_ERROR,
			 "%s - dependency for %s lacks valid OSBundleCompatibleVersion.",
			 k->path, id);
		kext_diag_add(&k->diags, KEXT_F_DEP_NO_COMPATIBLE_VERSION, id);
	}
}

static bool find_library(struct kext *k, const char *id, const char *version,
			 const struct kext_resolver *r)
{
	struct kext *dep = find_compatible(r, id, kext_version_parse_user(version));

	if (!dep) {
		say_not_found(k, id, r);
		return false;
	}
	clog_say(r->log, CLOG_DETAIL, "%s found compatible %sdependency %s for %s%s.",
		 k->path, dep->promotes ? "promotable " : "", dep->path, id,
		 dep->kernel_component ? " (kernel component)" : "");
	if (dep->promotes)
		promote(k);
	return add_dep(k, dep);
}

/* Fill k->deps from OSBundleLibraries. */
static bool find_libraries(struct kext *k, struct asked *asked,
			   const struct kext_resolver *r)
{
	struct pl_iter it;
	bool ok = true;

	if (!k->libraries)
		return true;
	for (pl_each(&it, k->libraries); pl_next(&it);) {
		const char *version = pl_str(it.value);

		note_kind(asked, it.key);
		ok &= version && find_library(k, it.key, version, r);
	}
	return ok;
}

static bool may_use_private_kpi(const struct kext *k)
{
	return starts_with(k->id, APPLE_PREFIX) &&
	       (kext_apple_copyright(pl_str(kext_info(k, "NSHumanReadableCopyright"))) ||
		kext_apple_copyright(pl_str(kext_info(k, "CFBundleGetInfoString"))));
}

/* Rules about which libraries may be asked for. */
static bool check_kinds(struct kext *k, const struct asked *a,
			const struct kext_resolver *r)
{
	bool code = k->executable && !k->dext && kext_arch(k) == KEXT_ARCH_YES;

	if (code && a->kernel) {
		kext_diag_add(&k->diags, KEXT_F_NON_KPI, NULL);
		return false;
	}
	if (code && !a->kpi)
		kext_diag_add(&k->diags, KEXT_F_WARN_NO_KPI, NULL);
	if (a->private_kpi && !may_use_private_kpi(k)) {
		clog_say(r->log, CLOG_ERROR, "%s has an Apple prefix but no copyright.",
			 k->path);
		kext_diag_add(&k->diags, KEXT_F_PRIVATE_KPI, NULL);
		return false;
	}
	return true;
}

static bool check_own(struct kext *k, const struct asked *a,
		      const struct kext_resolver *r)
{
	bool ok = true;

	if (a->raw_kernel) {
		kext_diag_add(&k->diags, KEXT_F_RAW_KERNEL, NULL);
		ok = false;
	}
	if (k->interface && k->n_deps != 1) {
		clog_say(r->log, CLOG_ERROR,
			 "%s - Interface kext must have exactly one dependency.",
			 k->path);
		kext_diag_add(&k->diags, KEXT_F_INTERFACE_COUNT, NULL);
		ok = false;
	}
	return ok;
}

static bool resolve(struct kext *k, const struct kext_resolver *r, struct stack *st);

static bool resolve_deps(struct kext *k, const struct kext_resolver *r, struct stack *st)
{
	bool ok = true;

	for (size_t i = 0; i < k->n_deps; i++) {
		if (resolve(k->deps[i], r, st))
			continue;
		for (size_t j = 0; j < st->n; j++)
			kext_diag_add(&st->item[j]->diags, KEXT_F_DEP_INDIRECT,
				      k->deps[i]->id);
		ok = false;
	}
	return ok;
}

static bool add_kasan(struct kext *k, const struct kext_resolver *r)
{
	struct kext *kasan;

	if (!k->executable || k->dext || !ends_with(k->executable, KASAN_SUFFIX))
		return true;
	kasan = kext_set_newest(r->all, KPI_KASAN);
	if (!kasan)
		return true;
	clog_say(r->log, CLOG_DETAIL, "%s adding implicit KASan dependency", k->path);
	return add_dep(k, kasan);
}

static bool resolve_unseen(struct kext *k, const struct kext_resolver *r,
			   struct stack *st)
{
	struct asked asked = {0};
	bool ok;

	if (k->kernel_component)
		return true;
	clog_say(r->log, CLOG_STEP, "Resolving dependencies for %s.", k->path);
	ok = find_libraries(k, &asked, r);
	ok &= check_own(k, &asked, r);
	ok &= resolve_deps(k, r, st);
	ok &= add_kasan(k, r);
	return check_kinds(k, &asked, r) && ok;
}

static bool resolve(struct kext *k, const struct kext_resolver *r, struct stack *st)
{
	if (k->resolved != KEXT_UNKNOWN)
		return k->resolved == KEXT_YES;
	if (!kext_validate(k)) {
		clog_say(r->log, CLOG_ERROR, "%s is invalid; can't resolve dependencies.",
			 k->path);
		return false;
	}
	if (k->resolving || st->n == KEXT_RESOLVE_DEPTH) {
		kext_diag_add(&st->item[0]->diags, KEXT_F_DEP_CIRCULAR, k->id);
		kext_diag_add(&k->diags, KEXT_F_DEP_CIRCULAR, k->id);
		return false;
	}
	k->resolving = true;
	st->item[st->n++] = k;
	k->resolved = resolve_unseen(k, r, st) ? KEXT_YES : KEXT_NO;
	st->n--;
	k->resolving = false;
	return k->resolved == KEXT_YES;
}

/* Which values of OSBundleRequired may a dependency of a kext with @required have? */
static unsigned suitable(unsigned required)
{
	static const unsigned early = KEXT_REQ_ROOT | KEXT_REQ_CONSOLE;

	switch (required) {
	case KEXT_REQ_ROOT:
	case KEXT_REQ_CONSOLE:
	case KEXT_REQ_DRIVERKIT:
		return early | KEXT_REQ_LOCAL_ROOT | KEXT_REQ_NETWORK_ROOT |
		       KEXT_REQ_DRIVERKIT;
	case KEXT_REQ_LOCAL_ROOT:
		return early | KEXT_REQ_LOCAL_ROOT;
	case KEXT_REQ_NETWORK_ROOT:
		return early | KEXT_REQ_NETWORK_ROOT;
	default:
		return ~0u;
	}
}

/* One kext, one version: two of an identifier in the graph do not go together. */
static bool check_graph(struct kext *k)
{
	unsigned set = suitable(k->required);
	const struct kext_set one = {.item = &k, .n = 1};
	struct kext_set list = {0};
	struct err e = ERR_INIT;
	bool ok = !kext_load_list(&one, &list, &e);

	for (size_t i = 0; i < list.n; i++) {
		const struct kext *dep = list.item[i];

		if (set != ~0u && !(dep->required & set)) {
			char subject[KEXT_NAME_MAX * 2 + 64];
			const char *value = kext_required_name(dep->required);

			snprintf(subject, sizeof(subject), "%s - %s", dep->id,
				 value ? value : "OSBundleRequired not set");
			kext_diag_add(&k->diags, KEXT_F_WARN_DEP_NOT_REQUIRED, subject);
		}
		for (size_t j = i + 1; j < list.n; j++) {
			if (strcmp(dep->id, list.item[j]->id))
				continue;
			kext_diag_add(&k->diags, KEXT_F_DEP_MULTIPLE, dep->id);
			ok = false;
		}
	}
	kext_set_release(&list);
	return ok;
}

bool kext_resolve(struct kext *k, const struct kext_resolver *r)
{
	struct stack st = {.n = 0};

	if (!resolve(k, r, &st))
		return false;
	if (!check_graph(k))
		k->resolved = KEXT_NO;
	return k->resolved == KEXT_YES;
}

/*
 * Depth first. Cannot run deeper than the resolver did, because only what it resolved is
 * followed and a resolved graph has no circles.
 */
static int list_one(struct kext *k, unsigned depth, struct kext_set *ret, struct err *e)
{
	if (kext_set_has(ret, k))
		return 0;
	if (depth > KEXT_RESOLVE_DEPTH)
		return err_set(e, E_OVERFLOW, "%s: dependencies nested too deep",
			       k->path);
	for (size_t i = 0; i < k->n_deps; i++) {
		int r = list_one(k->deps[i], depth + 1, ret, e);

		if (r)
			return r;
	}
	return kext_set_add(ret, k, e);
}

int kext_load_list(const struct kext_set *wanted, struct kext_set *ret, struct err *e)
{
	for (size_t i = 0; i < wanted->n; i++) {
		int r = list_one(wanted->item[i], 0, ret, e);

		if (r)
			return r;
	}
	return 0;
}
