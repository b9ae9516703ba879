/* SPDX-License-Identifier: MIT */
#include "components/oskext/load.h"

#include <stdlib.h>
#include <string.h>

#include "components/common/loaded_kexts.h"
#include "components/common/trusted_path.h"
#include "components/oskext/kernel_request.h"
#include "sim/base/idtext.h"
#include "sim/formats/kext/input.h"
#include "sim/formats/kext/resolve.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/mkext/mkext.h"
#include "sim/formats/plist/pl.h"

struct load {
	struct kext_repository *r;
	struct kext *kext;
	struct kext_set list; /* dependencies first, then the kext */
	plist_t loaded;	      /* owned */
};

static enum kext_return cannot(const struct load *l, enum kext_return ret, const char *why)
{
	clog_say(l->r->w->log, CLOG_ERROR, "Can't load %s - %s.", l->kext->path, why);
	return ret;
}

/* ---- is it fit to be loaded? ---- */

static bool dependencies_are_authentic(const struct load *l)
{
	for (size_t i = 0; i + 1 < l->list.n; i++)
		if (!kext_authenticate(l->list.item[i], &l->r->auth))
			return false;
	return true;
}

static enum kext_return check(struct load *l)
{
	const struct kext_resolver resolver = {
		.all = &l->r->all, .auth = &l->r->auth, .log = l->r->w->log};
	struct kext_set one = {.item = &l->kext, .n = 1};
	enum kext_arch_state arch;
	struct err e = ERR_INIT;

	if (!kext_validate(l->kext))
		return cannot(l, KEXT_RET_VALIDATION, "validation problems");
	arch = kext_arch(l->kext);
	if (arch == KEXT_ARCH_NO || arch == KEXT_ARCH_BAD)
		return cannot(l, KEXT_RET_ARCH_NOT_FOUND,
			      "no code for running kernel's architecture");
	if (!kext_authenticate(l->kext, &l->r->auth))
		return cannot(l, KEXT_RET_AUTHENTICATION, "authentication problems");
	if (!kext_resolve(l->kext, &resolver) || kext_load_list(&one, &l->list, &e))
		return cannot(l, KEXT_RET_DEPENDENCIES, "failed to resolve dependencies");
	if (!dependencies_are_authentic(l))
		return cannot(l, KEXT_RET_AUTHENTICATION,
			      "dependency authentication problems");
	return KEXT_RET_OK;
}

/* ---- what is loaded already? ---- */

/* The kernel has no number of a version: both are parsed. */
static bool is_version(plist_t there, const struct kext *k)
{
	const char *version = pl_str(plist_dict_get_item(there, "CFBundleVersion"));

	return version && kext_version_parse(version) == k->version;
}

static bool is_uuid(plist_t there, struct kext *k)
{
	const uint8_t *uuid = NULL;
	struct err e = ERR_INIT;
	struct macho m;
	size_t len = 0;
	bool same;

	if (pl_data(there, "OSBundleUUID", &uuid, &len, &e) || len != UUID_LEN)
		uuid = NULL;
	if (!k->executable || kext_load_executable(k, &e) ||
	    macho_open(k->exe.data, k->exe.len, &m, &e))
		return !uuid;
	same = m.has_uuid ? uuid && !memcmp(uuid, m.uuid, UUID_LEN) : !uuid;
	macho_release(&m);
	return same;
}

/* Another one of the same name would be a surprise to whoever asks for this one. */
static enum kext_return compare_with_loaded(struct load *l)
{
	plist_t there;
	struct err e = ERR_INIT;

	if (loaded_kexts_read(l->r->w->loaded_kexts, &l->loaded, &e)) {
		clog_say(l->r->w->log, CLOG_ERROR, "%s", e.msg);
		return KEXT_RET_INTERNAL;
	}
	there = loaded_kexts_find(l->loaded, l->kext->id);
	if (!there)
		return KEXT_RET_OK;
	if (!is_version(there, l->kext))
		return cannot(l, KEXT_RET_VERSION_DIFFERS,
			      "a different version is already loaded");
	if (!is_uuid(there, l->kext))
		return cannot(l, KEXT_RET_VERSION_DIFFERS,
			      "a different UUID is already loaded");
	return KEXT_RET_OK;
}

/* ---- the request ---- */

static int append_path(const void *arg, const struct kext *k, struct buf *out, struct err *e)
{
	const struct oskext_world *w = arg;
	const char *inside = trusted_path_inside(w->root, k->path);

	return buf_printf(out, e, "%s", inside ? inside : k->path);
}

/* What is loaded stays out. */
static bool is_sent(const struct load *l, struct kext *k)
{
	plist_t there = loaded_kexts_find(l->loaded, k->id);

	return !there || !is_version(there, k) || !is_uuid(there, k);
}

static int make_archive(const struct load *l, struct buf *out, struct err *e)
{
	struct mkext_kext *kext = calloc(l->list.n + 1, sizeof(*kext));
	struct kext_inputs in = {.n = 0};
	size_t n = 0;
	int r;

	if (!kext)
		return err_set(e, E_NOMEM, "out of memory");
	r = kext_inputs_init(&in, &l->list, append_path, l->r->w, e);
	for (size_t i = 0; i < l->list.n && !r; i++) {
		if (!is_sent(l, l->list.item[i]))
			continue;
		kext[n++] = (struct mkext_kext){
			.info = in.v[i].info,
			.bundle_path = in.v[i].bundle_path,
			.exec_rel_path = in.v[i].exec_rel_path,
			.exec = in.v[i].exec,
			.exec_len = in.v[i].exec_len,
		};
	}
	if (!r)
		r = mkext_load_request(l->kext->id, kext, n, out, e);
	kext_inputs_release(&in);
	free(kext);
	return r;
}

static enum kext_return ask_kernel(const struct load *l)
{
	const struct oskext_world *w = l->r->w;
	struct buf archive = BUF_INIT;
	enum kext_return ret = KEXT_RET_INTERNAL;
	struct err e = ERR_INIT;

	if (make_archive(l, &archive, &e))
		clog_say(w->log, CLOG_ERROR, "Can't create kernel load request for %s: %s.",
			 l->kext->path, e.msg);
	else {
		clog_say(w->log, CLOG_PROGRESS, "Loading %s.", l->kext->path);
		ret = kernel_request_load(w->kernel_socket, &archive, w->log);
		if (ret)
			clog_say(w->log, CLOG_ERROR, "Failed to load %s - %s.",
				 l->kext->path, kext_return_text(ret));
	}
	buf_release(&archive);
	return ret;
}

enum kext_return oskext_load(struct kext_repository *r, struct kext *k)
{
	struct load l = {.r = r, .kext = k};
	enum kext_return ret = check(&l);

	if (!ret)
		ret = compare_with_loaded(&l);
	if (!ret)
		ret = ask_kernel(&l);
	if (!ret)
		clog_say(r->w->log, CLOG_PROGRESS, "Successfully loaded %s.", k->path);
	plist_free(l.loaded);
	kext_set_release(&l.list);
	return ret;
}

/* ---- the reverse ---- */

enum kext_return oskext_unload(const char *kernel_socket, const char *id,
			       const struct component_log *log)
{
	enum kext_return ret;

	/* The missing letter is Apple's. */
	clog_say(log, CLOG_PROGRESS,
		 "Requesting unload of %s (with termnation of IOServices).", id);
	ret = kernel_request_unload(kernel_socket, id, log);
	if (ret)
		clog_say(log, CLOG_ERROR, "Failed to unload %s - %s.", id,
			 kext_return_text(ret));
	else
		clog_say(log, CLOG_PROGRESS, "Successfully unloaded %s.", id);
	return ret;
}
