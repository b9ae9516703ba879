/* SPDX-License-Identifier: MIT */
#include "components/kextutil/kextutil.h"

#include <limits.h>
#include <stdlib.h>
#include <sysexits.h>

#include "components/kextutil/examine.h"
#include "components/kextutil/options.h"
#include "components/oskext/load.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define KERNEL_MAX (256u << 20)

struct run {
	struct kextutil_world *w;
	const struct kextutil_options *o;
	struct kext_repository repository;
	bool stages; /* a secure location is required, and we may make one */
	struct buf kernel;
};

static int scan(struct run *r, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < r->o->n_scan && !ret; i++)
		ret = kext_repository_scan(&r->repository, r->o->scan[i], e);
	if (!ret && !r->o->no_system_extensions)
		ret = kext_repository_scan_system(&r->repository, e);
	return ret;
}

static int read_kernel(struct run *r, struct err *e)
{
	char path[PATH_MAX];
	int ret = 0;

	if (!r->o->kernel)
		ret = fsio_join(path, sizeof(path), r->w->os.root, PATH_KERNEL, e);
	return ret ? ret : fsio_read(r->o->kernel ? r->o->kernel : path, KERNEL_MAX,
				     &r->kernel, e);
}

static void print_diagnostics(const struct run *r, const struct kext *k, const char *title)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (title)
		clog_say(r->w->os.log, CLOG_ERROR, "%s %s:", title, k->path);
	if (!kext_diag_print(&k->diags, &b, &e) && b.len)
		clog_say(r->w->os.log, CLOG_ERROR, "%.*s", (int)b.len - 1, buf_str(&b));
	buf_release(&b);
}

/* runTestsOnKext */
static int test(struct run *r, struct kext *k, struct err *e)
{
	struct examine_request rq = {
		.all = &r->repository.all,
		.auth = r->o->no_authentication ? NULL : &r->repository.auth,
		.skip_dependencies = r->o->no_dependencies,
		.kernel = r->kernel.data,
		.kernel_len = r->kernel.len,
		.log = r->w->os.log,
	};
	struct examination x = {.valid = false};
	int status = EX_OK;

	if (!r->o->no_authentication && !r->w->os.is_root)
		clog_say(r->w->os.log, CLOG_WARNING,
			 "Skipping staging and system policy checks because not running as "
			 "root, expect staging errors.");
	if (examine_kext(k, &rq, &x, e)) {
		clog_say(r->w->os.log, CLOG_ERROR, "%s", e->msg);
		status = EX_OSERR;
	} else if (!examination_good(&x)) {
		/* TN2459 gives this case a code of its own. */
		status = x.valid && !x.authentic &&
					 kext_repository_not_approved(&r->repository, k)
				 ? KEXTUTIL_SYSTEM_POLICY
				 : KEXTUTIL_KEXT_BAD;
		print_diagnostics(r, k, "Diagnostics for");
	} else {
		if (r->o->diagnostics)
			print_diagnostics(r, k, NULL);
		clog_say(r->w->os.log, CLOG_BASIC,
			 "%s appears to be loadable (%sincluding linkage for on-disk "
			 "libraries).",
			 k->path, x.link_tried ? "" : "not ");
	}
	examination_release(&x);
	return status;
}

/* loadKext */
static int load(struct run *r, struct kext *k)
{
	enum kext_return ret;

	clog_say(r->w->os.log, CLOG_BASIC, "Loading %s.", k->path);
	ret = oskext_load(&r->repository, k);
	if (!ret) {
		clog_say(r->w->os.log, CLOG_BASIC,
			 "%s successfully loaded (or already loaded).", k->path);
		return EX_OK;
	}
	clog_say(r->w->os.log, CLOG_BASIC, "Failed to load %s - %s.", k->path,
		 kext_return_text(ret));
	if (ret == KEXT_RET_LINK)
		clog_say(r->w->os.log, CLOG_ERROR,
			 "Check library declarations for your kext with kextlibs(8).");
	return KEXTUTIL_LOAD_FAILED;
}

static int process(struct run *r, const char *name, struct kext *k, struct err *e)
{
	int status;

	if (!k) {
		clog_say(r->w->os.log, CLOG_ERROR, "Kext %s - not found/unable to create.",
			 name);
		return KEXTUTIL_NOT_FOUND;
	}
	/* Without staging there may be a copy of another day. */
	if (r->stages)
		k = kext_repository_used(&r->repository, k);
	status = test(r, k, e);
	return status || r->o->no_load ? status : load(r, k);
}

/* The first failure is the status. */
static int process_all(struct run *r, struct err *e)
{
	int first = EX_OK, status;
	char real[PATH_MAX];

	for (size_t i = 0; i < r->o->n_ids; i++) {
		status = process(r, r->o->id[i], kext_set_newest(&r->repository.all, r->o->id[i]), e);
		first = first ? first : status;
	}
	for (size_t i = 0; i < r->o->n_kexts; i++) {
		const char *name = r->o->kext[i];

		status = process(r, name,
				 realpath(name, real)
					 ? kext_set_at_path(&r->repository.all, real)
					 : NULL,
				 e);
		first = first ? first : status;
	}
	return first;
}

static int prepare(struct run *r, struct err *e)
{
	int ret = kext_repository_open(&r->repository, &r->w->os, e);

	if (!ret)
		ret = scan(r, e);
	if (!ret && r->stages)
		ret = kext_repository_stage(&r->repository, e);
	return ret ? ret : read_kernel(r, e);
}

int kextutil_run(struct kextutil_world *w, int argc, char **argv)
{
	struct kextutil_options o;
	struct run r = {.w = w, .o = &o};
	struct err e = ERR_INIT;
	bool done;
	int status = kextutil_options(&o, w, argc, argv, &done);

	if (status || done)
		return status;
	/* A report wants everything there is to say. */
	if (o.diagnostics && w->os.log->max < CLOG_WARNING)
		w->os.log->max = CLOG_WARNING;
	r.stages = w->os.is_root && !o.no_authentication;
	if (prepare(&r, &e)) {
		clog_say(w->os.log, CLOG_ERROR, "%s", e.msg);
		status = EX_SOFTWARE;
	} else if (!r.repository.all.n) {
		clog_say(w->os.log, CLOG_ERROR, "No kernel extensions found.");
		status = EX_SOFTWARE;
	} else {
		status = process_all(&r, &e);
	}
	buf_release(&r.kernel);
	kext_repository_release(&r.repository);
	return status;
}
