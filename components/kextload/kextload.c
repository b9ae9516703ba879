/* SPDX-License-Identifier: MIT */
#include "components/kextload/kextload.h"

#include <limits.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "components/common/packet.h"
#include "components/kextd/protocol.h"
#include "components/kextload/options.h"
#include "components/oskext/load.h"
#include "sim/base/fsio.h"

struct run {
	struct kextload_world *w;
	const struct kextload_options *o;
	int kextd; /* its socket; -1: nobody is there */
	struct kext_repository repository; /* without kextd */
};

static int status_of(enum kext_return ret)
{
	switch (ret) {
	case KEXT_RET_OK:
		return EX_OK;
	case KEXT_RET_NOT_PRIVILEGED:
		return EX_NOPERM;
	case KEXT_RET_SYSTEM_POLICY:
		return KEXTLOAD_SYSTEM_POLICY;
	default:
		return EX_OSERR;
	}
}

/* ---- by way of kextd (KextManagerLoadKextWithURL, ...WithIdentifier) ---- */

/* What kextd is told does not depend on where this program was started. */
static json_t *absolute(const char *path)
{
	char here[PATH_MAX], full[PATH_MAX];
	struct err e = ERR_INIT;

	if (path[0] == '/' || !getcwd(here, sizeof(here)) ||
	    fsio_join(full, sizeof(full), here, path, &e))
		return json_string(path);
	return json_string(full);
}

static void append_all(json_t *to, const char *const *path, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_array_append_new(to, absolute(path[i]));
}

static json_t *request(const struct run *r, const char *id, const char *path)
{
	json_t *where = json_array(), *rq;

	append_all(where, r->o->kext, r->o->n_kexts);
	append_all(where, r->o->repository, r->o->n_repositories);
	append_all(where, r->o->dependency, r->o->n_dependencies);
	rq = json_pack("{s:s,s:o}", "op", KEXTD_OP_LOAD_KEXT, "dependencies", where);
	if (rq && id)
		json_object_set_new(rq, "id", json_string(id));
	else if (rq)
		json_object_set_new(rq, "path", absolute(path));
	return rq;
}

static enum kext_return ask_kextd(const struct run *r, const char *id, const char *path)
{
	enum kext_return ret = KEXT_RET_INTERNAL;
	json_t *rq = request(r, id, path), *reply = NULL;
	struct err e = ERR_INIT;

	if (!rq)
		return KEXT_RET_NO_MEMORY;
	if (packet_call(r->kextd, rq, PACKET_FOREVER, &reply, &e))
		clog_say(r->w->os.log, CLOG_ERROR, "%s", e.msg);
	else if (!packet_errno(reply))
		ret = (enum kext_return)json_integer_value(
			json_object_get(reply, "os_return"));
	json_decref(reply);
	json_decref(rq);
	return ret;
}

/* ---- without it (loadKextsIntoKernel) ---- */

static int read_kexts(struct run *r, struct err *e)
{
	const struct {
		const char *const *path;
		size_t n;
	} where[] = {{r->o->kext, r->o->n_kexts},
		     {r->o->repository, r->o->n_repositories},
		     {r->o->dependency, r->o->n_dependencies}};
	int ret = kext_repository_open(&r->repository, &r->w->os, e);

	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++)
		for (size_t j = 0; j < where[i].n && !ret; j++)
			ret = kext_repository_scan(&r->repository, where[i].path[j], e);
	if (!ret)
		ret = kext_repository_scan_system(&r->repository, e);
	return ret ? ret : kext_repository_stage(&r->repository, e);
}

static enum kext_return load_directly(struct run *r, const char *id, const char *path)
{
	const char *name = id ? id : path;
	struct kext *k = id ? kext_repository_by_id(&r->repository, id)
			    : kext_repository_at_path(&r->repository, path);

	if (!k) {
		if (id)
			clog_say(r->w->os.log, CLOG_ERROR,
				 "Error: Kext %s - not found/unable to create.", id);
		return KEXT_RET_NOT_FOUND;
	}
	if (!kext_repository_is_secure(&r->repository, k)) {
		clog_say(r->w->os.log, CLOG_ERROR, "%s could not be staged, failing.", name);
		return KEXT_RET_NOT_LOADABLE;
	}
	if (!kext_authenticate(k, &r->repository.auth)) {
		clog_say(r->w->os.log, CLOG_ERROR, "%s failed security checks; failing.",
			 name);
		return KEXT_RET_NOT_LOADABLE;
	}
	return oskext_load(&r->repository, k);
}

/* ---- both ---- */

static int load(struct run *r, const char *id, const char *path)
{
	bool with_kextd = r->kextd >= 0;
	const char *name = id ? id : path;
	enum kext_return ret;

	clog_say(r->w->os.log, CLOG_BASIC, "%s %s.",
		 with_kextd ? "Requesting load of" : "Loading", name);
	ret = with_kextd ? ask_kextd(r, id, path) : load_directly(r, id, path);
	if (!ret)
		clog_say(r->w->os.log, CLOG_BASIC,
			 "%s loaded successfully (or already loaded).", name);
	else
		clog_say(r->w->os.log, CLOG_ERROR, "%s failed to load - %s%s.", name,
			 kext_return_text(ret),
			 with_kextd ? "; check the system/kernel logs for errors or try "
				      "kextutil(8)"
				    : "");
	return status_of(ret);
}

/* One that fails does not keep the others from being tried; the first is the status. */
static int load_all(struct run *r)
{
	int first = EX_OK, status;

	for (size_t i = 0; i < r->o->n_ids; i++) {
		status = load(r, r->o->id[i], NULL);
		first = first ? first : status;
	}
	for (size_t i = 0; i < r->o->n_kexts; i++) {
		status = load(r, NULL, r->o->kext[i]);
		first = first ? first : status;
	}
	return first;
}

/* checkAccess */
static int find_kextd(struct run *r)
{
	struct err e = ERR_INIT;

	if (!packet_connect(r->w->kextd_socket, &r->kextd, &e))
		return EX_OK;
	if (!r->w->os.is_root) {
		clog_say(r->w->os.log, CLOG_ERROR,
			 "Can't contact kextd; must run as root to load kexts.");
		return EX_NOPERM;
	}
	clog_say(r->w->os.log, CLOG_BASIC,
		 "Can't contact kextd; attempting to load directly into kernel. Dexts will "
		 "not be loadable.");
	return EX_OK;
}

int kextload_run(struct kextload_world *w, int argc, char **argv)
{
	struct kextload_options o;
	struct run r = {.w = w, .o = &o, .kextd = -1};
	struct err e = ERR_INIT;
	bool done;
	int status = kextload_options(&o, w, argc, argv, &done);

	if (status || done)
		return status;
	status = find_kextd(&r);
	if (!status && r.kextd < 0 && read_kexts(&r, &e)) {
		clog_say(w->os.log, CLOG_ERROR, "%s", e.msg);
		status = EX_OSERR;
	}
	if (!status)
		status = load_all(&r);
	kext_repository_release(&r.repository);
	if (r.kextd >= 0)
		close(r.kextd);
	return status;
}
