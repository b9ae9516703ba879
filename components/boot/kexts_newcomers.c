/* SPDX-License-Identifier: MIT */
#include "components/boot/kexts_newcomers.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/resolve.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/plist/pl.h"

bool newcomer_is_codeless(const struct newcomer *x)
{
	return !kext_info_value(x->from->info, "CFBundleExecutable");
}

/* ---- what came (withMkext2Info, registerIdentifier) ---- */

/* There is one of this identifier: @new is not taken. */
static void refuse_newcomer(const struct load *l, const struct kernel_kext *new,
			    const struct kernel_kext *there, const struct macho *code)
{
	bool same_code = !code || (code->has_uuid == there->has_uuid &&
				   !memcmp(code->uuid, there->uuid, UUID_LEN));

	if (new->version_number != there->version_number)
		clog_say(l->c->log, CLOG_WARNING,
			 "Refusing new kext %s, v%s: already have loaded v%s.", new->id,
			 new->version, there->version);
	else if (!same_code)
		clog_say(l->c->log, CLOG_WARNING,
			 "Refusing new kext %s, v%s: a loaded copy with a different "
			 "executable UUID is already present.",
			 new->id, new->version);
	else
		clog_say(l->c->log, CLOG_WARNING,
			 "Refusing new kext %s, v%s: a loaded copy is already present "
			 "(same version and executable).",
			 new->id, new->version);
}

static void meet(struct load *l, struct newcomer *x)
{
	struct kernel_kext *there = kernel_kexts_find(l->k, x->kext->id);
	struct err unread = ERR_INIT;
	struct macho macho;
	bool code;

	if (!there)
		return;
	code = x->from->exec &&
	       !macho_open(x->from->exec, x->from->exec_len, &macho, &unread);
	refuse_newcomer(l, x->kext, there, code ? &macho : NULL);
	if (code)
		macho_release(&macho);
	kernel_kext_free(x->kext);
	x->kext = NULL;
}

/* What has no good identifier and version cannot be loaded, and is not heard of again. */
static int take_newcomer(struct load *l, const struct mkext_kext *from, struct err *e)
{
	struct newcomer *x = &l->newcomer[l->n];
	const char *id = pl_str(kext_info_value(from->info, "CFBundleIdentifier"));
	const char *version = pl_str(kext_info_value(from->info, "CFBundleVersion"));
	const struct kext_facts f = {
		.id = id,
		.version = version,
		.bundle_path = from->bundle_path,
		.info = from->info,
		.interface = pl_true(kext_info_value(from->info, "OSBundleIsInterface")) ||
			     pl_true(kext_info_value(from->info, "OSKernelResource")),
	};
	int r;

	if (!id || !*id || strlen(id) >= KEXT_NAME_MAX || !version ||
	    kext_version_parse(version) < 0) {
		clog_say(l->c->log, CLOG_ERROR, "Kext %s - illegal identifier or version.",
			 from->bundle_path);
		return 0;
	}
	x->from = from;
	r = kernel_kext_new(&f, &x->kext, e);
	l->n++;
	if (!r)
		meet(l, x);
	return r;
}

int newcomers_take(struct load *l, const struct mkext *m, struct err *e)
{
	int r = 0;

	l->newcomer = calloc(m->n + 1, sizeof(*l->newcomer));
	if (!l->newcomer)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < m->n && !r; i++)
		r = take_newcomer(l, &m->kext[i], e);
	return r;
}

struct newcomer *newcomers_find(const struct load *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->newcomer[i].kext && !strcmp(l->newcomer[i].kext->id, id))
			return &l->newcomer[i];
	return NULL;
}

void newcomers_release(struct load *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->newcomer[i].kext && !l->newcomer[i].kext->tag)
			kernel_kext_free(l->newcomer[i].kext);
	free(l->newcomer);
}

/* ---- libraries (resolveDependencies) ---- */

static bool check_library(struct load *l, const struct newcomer *x, const char *id,
			  plist_t requested)
{
	const char *text = pl_str(requested);
	int64_t version = text ? kext_version_parse(text) : KEXT_VERSION_INVALID;
	struct newcomer *other = newcomers_find(l, id);
	const struct kernel_kext *library =
		other ? other->kext : kernel_kexts_find(l->k, id);

	if (version < 0)
		clog_say(l->c->log, CLOG_ERROR, "Kext %s - invalid library version %s.",
			 x->kext->id, text ? text : "");
	else if (!library)
		clog_say(l->c->log, CLOG_ERROR, "Kext %s - library kext %s not found.",
			 x->kext->id, id);
	else if (library->compatible <= 0 || library->compatible > version ||
		 version > library->version_number)
		clog_say(l->c->log, CLOG_ERROR,
			 "Kext %s - library kext %s not compatible with requested version "
			 "%s.",
			 x->kext->id, id, text);
	else
		return !other || newcomer_fits(l, other);
	return false;
}

/* No kext is below itself, and none too deep: what is below it can be walked from now on. */
bool newcomer_fits(struct load *l, struct newcomer *x)
{
	plist_t libraries = kext_info_value(x->from->info, "OSBundleLibraries");
	struct pl_iter it;
	bool fits;

	if (x->fits)
		return true;
	if (x->visiting || l->depth == KEXT_RESOLVE_DEPTH) {
		clog_say(l->c->log, CLOG_ERROR,
			 "Kext %s has a dependency loop; can't resolve dependencies.",
			 x->kext->id);
		return false;
	}
	if (!libraries || plist_get_node_type(libraries) != PLIST_DICT) {
		clog_say(l->c->log, newcomer_is_codeless(x) ? CLOG_DEBUG : CLOG_ERROR,
			 "Kext %s - can't resolve dependencies; OSBundleLibraries "
			 "missing/invalid type.",
			 x->kext->id);
		return newcomer_is_codeless(x);
	}
	x->visiting = fits = true;
	l->depth++;
	for (pl_each(&it, libraries); fits && pl_next(&it);)
		fits = check_library(l, x, it.key, it.value);
	if (!fits)
		pl_iter_release(&it);
	l->depth--;
	x->visiting = false;
	x->fits = fits;
	return fits;
}
