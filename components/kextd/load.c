/* SPDX-License-Identifier: MIT */
#include "components/kextd/load.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/common/packet.h"
#include "components/common/trusted_path.h"
#include "components/kextd/kextd.h"
#include "components/oskext/load.h"
#include "sim/base/fsio.h"
#include "sim/formats/kext/resolve.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

struct request {
	const struct oskext_world *w;
	const struct kextd_load_caller *who;
	const char *id;	  /* NULL: it is named by its path */
	const char *path; /* resolved for who is not root */
	char real[PATH_MAX];
	const json_t *dependencies;
	struct kext_repository repository;
};

static enum kext_return deny(const struct request *rq, enum kext_return ret, const char *what,
			     const char *why)
{
	clog_say(rq->w->log, CLOG_ERROR, "%s %s", what, why);
	return ret;
}

/* ---- what is asked (createAbsOrRealURLForURL) ---- */

/* Where installers alone write: the only places that other users may load from. */
static bool is_installed(const struct request *rq, const char *path)
{
	static const char *const folders[] = {
		PATH_SYSTEM_EXTENSIONS,
		PATH_LIBRARY_EXTENSIONS,
		PATH_APPLE_EXTENSIONS,
		"/System/Library/Filesystems",
	};
	const char *inside = trusted_path_inside(rq->w->root, path);

	for (size_t i = 0; inside && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (fsio_below(inside, folders[i]) && strcmp(inside, folders[i]) != 0)
			return true;
	return false;
}

/* @real: NULL to look only. */
static enum kext_return check_path(struct request *rq, const char *path, char *real)
{
	char resolved[PATH_MAX];

	if (!path || path[0] != '/') {
		clog_say(rq->w->log, CLOG_ERROR,
			 "Error: Request from '%s' (euid %u) to load kext with relative path.",
			 rq->who->name, rq->who->uid);
		return KEXT_RET_INVALID_ARGUMENT;
	}
	if (rq->who->uid == 0) {
		if (real)
			snprintf(real, PATH_MAX, "%s", path);
		return KEXT_RET_OK;
	}
	if (is_installed(rq, path) && !realpath(path, resolved)) {
		clog_say(rq->w->log, CLOG_ERROR, "Unable to resolve raw path %s.", path);
		return KEXT_RET_INTERNAL;
	}
	if (!is_installed(rq, path) || !is_installed(rq, resolved)) {
		clog_say(rq->w->log, CLOG_ERROR,
			 "Request from non-root process '%s' (euid %u) to load %s - not in "
			 "extensions dirs or filesystems folder.",
			 rq->who->name, rq->who->uid, path);
		return KEXT_RET_NOT_PRIVILEGED;
	}
	if (real)
		snprintf(real, PATH_MAX, "%s", resolved);
	return KEXT_RET_OK;
}

static enum kext_return read_request(struct request *rq, const json_t *json)
{
	const char *path = json_string_value(json_object_get(json, "path"));
	enum kext_return ret = KEXT_RET_OK;

	rq->id = json_string_value(json_object_get(json, "id"));
	rq->dependencies = json_object_get(json, "dependencies");
	if (!rq->id)
		ret = check_path(rq, path, rq->real);
	for (size_t i = 0; i < json_array_size(rq->dependencies) && !ret; i++)
		ret = check_path(
			rq, json_string_value(json_array_get(rq->dependencies, i)), NULL);
	if (!ret && rq->who->uid != 0)
		clog_say(rq->w->log, CLOG_PROGRESS, "Request from '%s' (euid %u) to load %s.",
			 rq->who->name, rq->who->uid, rq->id ? rq->id : rq->real);
	return ret;
}

/* ---- what there is ---- */

static int read_kexts(struct request *rq, struct err *e)
{
	struct kext_repository *r = &rq->repository;
	int ret = kext_repository_open(r, rq->w, e);

	for (size_t i = 0; i < json_array_size(rq->dependencies) && !ret; i++)
		ret = kext_repository_scan(
			r, json_string_value(json_array_get(rq->dependencies, i)), e);
	if (!ret && !rq->id)
		ret = kext_repository_scan(r, rq->real, e);
	if (!ret)
		ret = kext_repository_scan_system(r, e);
	return ret ? ret : kext_repository_stage(r, e);
}

/* ---- may it? ---- */

/* checkNonrootLoadAllowed: it, and all that it needs, says that anybody may. */
static enum kext_return check_user_load(struct request *rq, struct kext *k)
{
	const struct kext_resolver resolver = {.all = &rq->repository.all,
					       .log = rq->w->log};
	struct kext_set one = {.item = &k, .n = 1}, list = {.n = 0};
	enum kext_return ret = KEXT_RET_OK;
	struct err e = ERR_INIT;

	if (!kext_resolve(k, &resolver) || kext_load_list(&one, &list, &e)) {
		clog_say(rq->w->log, CLOG_ERROR,
			 "Can't resolve dependencies for kext load request.");
		ret = KEXT_RET_DEPENDENCIES;
	}
	for (size_t i = list.n; i > 0 && !ret; i--) {
		if (pl_true(kext_info(list.item[i - 1], "OSBundleAllowUserLoad")))
			continue;
		clog_say(rq->w->log, CLOG_ERROR,
			 "Request from non-root process '%s' (euid %u) to load %s - not "
			 "allowed.",
			 rq->who->name, rq->who->uid, list.item[i - 1]->path);
		ret = KEXT_RET_NOT_PRIVILEGED;
	}
	kext_set_release(&list);
	return ret;
}

static enum kext_return check_security(struct request *rq, struct kext *k)
{
	const struct kext_repository *r = &rq->repository;

	if (kext_is_excluded(k, &r->all))
		return deny(rq, KEXT_RET_NOT_LOADABLE, k->id, "is in exclude list; omitting.");
	if (!kext_repository_is_secure(r, k))
		return deny(rq, KEXT_RET_NOT_LOADABLE, k->id,
			    "was unable to stage properly; failing.");
	if (kext_authenticate(k, &r->auth))
		return KEXT_RET_OK;
	return deny(rq,
		    kext_repository_not_approved(r, k) ? KEXT_RET_SYSTEM_POLICY
						       : KEXT_RET_AUTHENTICATION,
		    k->id, "failed security checks; failing.");
}

static enum kext_return load(struct request *rq)
{
	struct kext_repository *r = &rq->repository;
	enum kext_return ret = KEXT_RET_OK;
	struct err e = ERR_INIT;
	struct kext *k;

	if (read_kexts(rq, &e)) {
		clog_say(rq->w->log, CLOG_ERROR, "%s", e.msg);
		return KEXT_RET_INTERNAL;
	}
	k = rq->id ? kext_repository_by_id(r, rq->id) : kext_repository_at_path(r, rq->real);
	if (!k) {
		clog_say(rq->w->log, CLOG_ERROR,
			 "Error: Kext %s - not found/unable to create.",
			 rq->id ? rq->id : rq->real);
		return KEXT_RET_NOT_FOUND;
	}
	if (rq->who->uid != 0)
		ret = check_user_load(rq, k);
	if (!ret)
		ret = check_security(rq, k);
	return ret ? ret : oskext_load(r, k);
}

enum kext_return kextd_load(const struct oskext_world *w, const json_t *request,
			    const struct kextd_load_caller *who)
{
	struct request rq = {.w = w, .who = who};
	enum kext_return ret = read_request(&rq, request);

	if (ret)
		return ret;
	ret = load(&rq);
	kext_repository_release(&rq.repository);
	return ret;
}

/* ---- who asks (nameForPID) ---- */

static void read_name(const struct kextd *k, pid_t pid, char out[static 64])
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/comm", k->o->proc, (int)pid);
	snprintf(out, 64, "(unknown)");
	if (!fsio_read(path, 64, &b, &e))
		snprintf(out, 64, "%.*s", (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
	buf_release(&b);
}

json_t *kextd_load_reply(const struct kextd *k, const struct kextd_peer *c,
			 const json_t *request)
{
	char name[64];
	const struct kextd_load_caller who = {.name = name, .uid = c->uid};
	json_t *reply = packet_reply(0, NULL);

	read_name(k, c->pid, name);
	if (reply)
		json_object_set_new(reply, "os_return",
				    json_integer(kextd_load(k->o->os, request, &who)));
	return reply;
}
