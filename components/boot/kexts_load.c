/* SPDX-License-Identifier: MIT */
/*
 * A request of user space to load a kext: OSKext::loadFromMkext and what it calls. User
 * space has judged the kexts; the kernel looks that identifiers, versions and libraries
 * fit what is loaded (kexts_newcomers.c), and links.
 */
#include <stdlib.h>
#include <string.h>

#include "components/boot/kexts_newcomers.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/plist/pl.h"

/* ---- loading ---- */

static enum kext_return load_one(struct load *l, struct newcomer *x);

static bool has_tag(const struct kernel_kext *x, uint64_t tag)
{
	for (size_t i = 0; i < x->n_deps; i++)
		if (x->dep[i] == tag)
			return true;
	return false;
}

static bool add_tags(struct kernel_kext *x, const uint64_t *tag, size_t n)
{
	uint64_t *more = reallocarray(x->dep, x->n_deps + n + 1, sizeof(*more));

	if (!more)
		return false;
	x->dep = more;
	for (size_t i = 0; i < n; i++)
		if (!has_tag(x, tag[i]))
			x->dep[x->n_deps++] = tag[i];
	return true;
}

/* A codeless library is only there for the libraries that it names. */
static bool depend_on(struct kernel_kext *x, const struct kernel_kext *library)
{
	return library->tag ? add_tags(x, &library->tag, 1)
			    : add_tags(x, library->dep, library->n_deps);
}

static enum kext_return load_library(struct load *l, struct newcomer *x, const char *id)
{
	struct newcomer *other = newcomers_find(l, id);
	struct kernel_kext *library = other ? other->kext : kernel_kexts_find(l->k, id);
	enum kext_return r = other ? load_one(l, other) : KEXT_RET_OK;

	if (!r)
		return depend_on(x->kext, library) ? KEXT_RET_OK : KEXT_RET_NO_MEMORY;
	clog_say(l->c->log, CLOG_ERROR, "Dependency %s of kext %s failed to load.", id,
		 x->kext->id);
	return KEXT_RET_DEPENDENCY_LOAD;
}

static enum kext_return load_libraries(struct load *l, struct newcomer *x)
{
	plist_t libraries = kext_info_value(x->from->info, "OSBundleLibraries");
	enum kext_return r = KEXT_RET_OK;
	struct pl_iter it;

	if (!libraries)
		return KEXT_RET_OK;
	for (pl_each(&it, libraries); pl_next(&it);) {
		r = load_library(l, x, it.key);
		if (r) {
			pl_iter_release(&it);
			break;
		}
	}
	return r;
}

/* An interface is not linked. */
static bool keep_symbols(struct newcomer *x)
{
	struct err e = ERR_INIT;

	if (buf_append(&x->kext->bytes, x->from->exec, x->from->exec_len, &e))
		return false;
	x->kext->image = x->kext->bytes.data;
	x->kext->image_len = x->kext->bytes.len;
	return true;
}

/* loadExecutable */
static enum kext_return link_newcomer(struct load *l, struct newcomer *x)
{
	struct err e = ERR_INIT;

	if (!l->c->entitled) {
		clog_say(l->c->log, CLOG_ERROR, "Not entitled to link kext '%s'",
			 x->kext->id);
		return KEXT_RET_NOT_PRIVILEGED;
	}
	if (!x->from->exec) {
		clog_say(l->c->log, CLOG_ERROR,
			 "Can't load kext %s - executable is missing.", x->kext->id);
		return KEXT_RET_VALIDATION;
	}
	if (x->kext->interface)
		return keep_symbols(x) ? KEXT_RET_OK : KEXT_RET_NO_MEMORY;
	if (!kernel_kexts_link(l->k, x->kext, x->from->exec, x->from->exec_len, l->c->log,
			       &e))
		return KEXT_RET_OK;
	clog_say(l->c->log, CLOG_ERROR, "Can't load kext %s - link failed.", x->kext->id);
	return e.code == E_NOMEM ? KEXT_RET_NO_MEMORY : KEXT_RET_LINK;
}

static enum kext_return load_code(struct load *l, struct newcomer *x)
{
	struct err e = ERR_INIT;
	enum kext_return r;

	clog_say(l->c->log, CLOG_PROGRESS, "Loading kext %s.", x->kext->id);
	if (!newcomer_fits(l, x)) {
		clog_say(l->c->log, CLOG_ERROR,
			 "Can't load kext %s - failed to resolve library dependencies.",
			 x->kext->id);
		return KEXT_RET_DEPENDENCIES;
	}
	r = load_libraries(l, x);
	if (r)
		return r;
	if (kernel_kexts_reserve(l->k, &e))
		return KEXT_RET_NO_MEMORY;
	r = link_newcomer(l, x);
	if (r)
		return r;
	kernel_kexts_take(l->k, x->kext);
	return KEXT_RET_OK;
}

/* OSKext::load. Without code there is nothing to have in memory; what it names is loaded for
 * those who come by way of it. */
static enum kext_return load_one(struct load *l, struct newcomer *x)
{
	enum kext_return r;

	if (x->done)
		return KEXT_RET_OK;
	if (newcomer_is_codeless(x))
		r = x->fits ? load_libraries(l, x) : KEXT_RET_OK;
	else
		r = load_code(l, x);
	x->done = r == KEXT_RET_OK;
	if (r)
		clog_say(l->c->log, CLOG_ERROR, "Kext %s failed to load (0x%x).", x->kext->id,
			 kext_return_code(r));
	else
		clog_say(l->c->log, CLOG_PROGRESS, "Kext %s loaded.", x->kext->id);
	return r;
}

/* loadKextWithIdentifier */
static enum kext_return load_by_id(struct load *l, const char *id)
{
	struct newcomer *x = newcomers_find(l, id);
	enum kext_return r;

	if (!x && kernel_kexts_find(l->k, id)) {
		clog_say(l->c->log, CLOG_DEBUG, "Kext %s is already loaded.", id);
		return KEXT_RET_OK;
	}
	if (!x) {
		clog_say(l->c->log, CLOG_ERROR, "Can't load kext %s - not found.", id);
		return KEXT_RET_NOT_FOUND;
	}
	r = load_one(l, x);
	if (r)
		clog_say(l->c->log, CLOG_ERROR, "Failed to load kext %s (error 0x%x).", id,
			 kext_return_code(r));
	return r;
}

static enum kext_return load_archive(struct load *l, const struct mkext *m)
{
	struct err e = ERR_INIT;

	if (strcmp(m->predicate, "Load") != 0) {
		clog_say(l->c->log, CLOG_ERROR,
			 "Received kext load request with no predicate; skipping.");
		return KEXT_RET_INVALID_ARGUMENT;
	}
	if (!*m->id) {
		clog_say(l->c->log, CLOG_ERROR,
			 "Received kext load request with no kext identifier.");
		return KEXT_RET_INVALID_ARGUMENT;
	}
	if (newcomers_take(l, m, &e)) {
		clog_say(l->c->log, CLOG_ERROR, "%s", e.msg);
		return KEXT_RET_NO_MEMORY;
	}
	clog_say(l->c->log, CLOG_PROGRESS,
		 "Received request from user space to load kext %s.", m->id);
	return load_by_id(l, m->id);
}

enum kext_return kernel_kexts_load(struct kernel_kexts *k, const void *data, size_t len,
				   const struct kext_caller *c)
{
	struct load l = {.k = k, .c = c};
	struct err e = ERR_INIT;
	enum kext_return r;
	struct mkext m;

	if (!k->prelink) {
		clog_say(c->log, CLOG_ERROR, "Kext loading is disabled.");
		return KEXT_RET_DISABLED;
	}
	if (mkext_open(data, len, &m, &e)) {
		clog_say(c->log, CLOG_ERROR, "%s", e.msg);
		clog_say(c->log, CLOG_ERROR, "Failed to read kext load request.");
		r = KEXT_RET_BAD_DATA;
	} else {
		r = load_archive(&l, &m);
	}
	newcomers_release(&l);
	mkext_release(&m);
	return r;
}
