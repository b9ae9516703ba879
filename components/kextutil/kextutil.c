/* SPDX-License-Identifier: MIT */
#include "components/kextutil/kextutil.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "components/kextutil/examine.h"
#include "components/kextutil/options.h"
#include "components/staging/staging.h"
#include "components/syspolicyd/client.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define KERNEL_MAX (256u << 20)

struct run {
	struct kextutil_world *w;
	const struct kextutil_options *o;
	struct kext_set all; /* owns: originals, then staged copies */
	struct staging staging;
	struct cs_anchors anchors; /* owned */
	struct kext_signing signing;
	bool stages; /* a secure location is required, and we may make one */
	struct buf kernel;
};

static const char *const system_folders[] = {
	PATH_SYSTEM_EXTENSIONS,
	PATH_LIBRARY_EXTENSIONS,
	PATH_APPLE_EXTENSIONS,
};

static bool is_secure(void *world, const struct kext *k)
{
	return staging_is_secure(&((struct run *)world)->staging, k->path);
}

static bool is_approved(void *world, const struct kext *k)
{
	return syspolicy_allows(((struct run *)world)->w->syspolicy_socket, k->path, false);
}

static int scan(struct run *r, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < r->o->n_scan && !ret; i++)
		ret = kext_set_scan(&r->all, r->o->scan[i], r->w->log, e);
	for (size_t i = 0; !r->o->no_system_extensions && i < 3 && !ret; i++) {
		char path[PATH_MAX];

		ret = fsio_join(path, sizeof(path), r->w->root, system_folders[i], e);
		if (!ret)
			ret = kext_set_scan(&r->all, path, r->w->log, e);
	}
	return ret;
}

/* Copies behind their originals, all of them made before one is read. */
static int stage(struct run *r, struct err *e)
{
	size_t n = r->all.n;
	char path[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		(void)!staging_place(&r->staging, r->all.item[i]->path, path, &why);
	}
	for (size_t i = 0; i < n && !ret; i++) {
		if (is_secure(r, r->all.item[i]) ||
		    staging_path(&r->staging, r->all.item[i]->path, path, e) ||
		    !fsio_exists(path))
			continue;
		ret = kext_set_scan(&r->all, path, r->w->log, e);
	}
	return ret;
}

static int read_kernel(struct run *r, struct err *e)
{
	char path[PATH_MAX];
	int ret = 0;

	if (!r->o->kernel)
		ret = fsio_join(path, sizeof(path), r->w->root, PATH_KERNEL, e);
	return ret ? ret : fsio_read(r->o->kernel ? r->o->kernel : path, KERNEL_MAX,
				     &r->kernel, e);
}

/* The copy of @k that is used, or @k. */
static struct kext *used(const struct run *r, struct kext *k)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct err e = ERR_INIT;
	struct kext *copy = NULL;

	if (r->stages && !is_secure((void *)(uintptr_t)r, k) &&
	    !staging_path(&r->staging, k->path, path, &e) && realpath(path, real))
		copy = kext_set_at_path(&r->all, real);
	return copy ? copy : k;
}

static void print_diagnostics(const struct run *r, const struct kext *k, const char *title)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (title)
		clog_say(r->w->log, CLOG_ERROR, "%s %s:", title, k->path);
	if (!kext_diag_print(&k->diags, &b, &e) && b.len)
		clog_say(r->w->log, CLOG_ERROR, "%.*s", (int)b.len - 1, buf_str(&b));
	buf_release(&b);
}

/* runTestsOnKext */
static int test(struct run *r, struct kext *k, struct err *e)
{
	const struct kext_auth auth = {
		.check_filesystem = true,
		.all = &r->all,
		.log = r->w->log,
		.signing = r->w->anchors ? &r->signing : NULL,
		.is_secure = is_secure,
		.is_approved = r->w->is_root ? is_approved : NULL,
		.world = r,
	};
	struct examine_request rq = {
		.all = &r->all,
		.auth = r->o->no_authentication ? NULL : &auth,
		.skip_dependencies = r->o->no_dependencies,
		.kernel = r->kernel.data,
		.kernel_len = r->kernel.len,
		.log = r->w->log,
	};
	struct examination x = {.valid = false};
	int status = EX_OK;

	if (!r->o->no_authentication && !r->w->is_root)
		clog_say(r->w->log, CLOG_WARNING,
			 "Skipping staging and system policy checks because not running as "
			 "root, expect staging errors.");
	if (examine_kext(k, &rq, &x, e)) {
		clog_say(r->w->log, CLOG_ERROR, "%s", e->msg);
		status = EX_OSERR;
	} else if (!examination_good(&x)) {
		/* TN2459 gives this case a code of its own. */
		status = x.valid && !x.authentic && auth.is_approved && is_secure(r, k) &&
					 !is_approved(r, k)
				 ? KEXTUTIL_SYSTEM_POLICY
				 : KEXTUTIL_KEXT_BAD;
		print_diagnostics(r, k, "Diagnostics for");
	} else {
		if (r->o->diagnostics)
			print_diagnostics(r, k, NULL);
		clog_say(r->w->log, CLOG_BASIC,
			 "%s appears to be loadable (%sincluding linkage for on-disk "
			 "libraries).",
			 k->path, x.link_tried ? "" : "not ");
	}
	examination_release(&x);
	return status;
}

static int process(struct run *r, const char *name, struct kext *k, struct err *e)
{
	int status;

	if (!k) {
		clog_say(r->w->log, CLOG_ERROR, "Kext %s - not found/unable to create.", name);
		return KEXTUTIL_NOT_FOUND;
	}
	status = test(r, used(r, k), e);
	if (status || r->o->no_load)
		return status;
	clog_say(r->w->log, CLOG_ERROR,
		 "Loading into the running kernel is not part of this simulation; use -n.");
	return KEXTUTIL_LOAD_FAILED;
}

/* The first failure is the status. */
static int process_all(struct run *r, struct err *e)
{
	int first = EX_OK, status;
	char real[PATH_MAX];

	for (size_t i = 0; i < r->o->n_ids; i++) {
		status = process(r, r->o->id[i], kext_set_newest(&r->all, r->o->id[i]), e);
		first = first ? first : status;
	}
	for (size_t i = 0; i < r->o->n_kexts; i++) {
		const char *name = r->o->kext[i];

		status = process(r, name,
				 realpath(name, real) ? kext_set_at_path(&r->all, real)
						      : NULL,
				 e);
		first = first ? first : status;
	}
	return first;
}

/* What cannot be read of SIP's setting allows nothing. */
static int load_signing(struct run *r, struct err *e)
{
	struct err unread = ERR_INIT;
	uint32_t csr = 0;

	if (csr_read(r->w->csr_config, &csr, &unread))
		csr = 0;
	r->signing = (struct kext_signing){
		.anchors = &r->anchors,
		.now = time(NULL),
		.untrusted_allowed = csr_allows(csr, CSR_ALLOW_UNTRUSTED_KEXTS) ||
				     csr_allows(csr, CSR_ALLOW_APPLE_INTERNAL),
	};
	if (!r->w->anchors)
		return 0;
	r->staging.signing = &r->signing;
	return cs_anchors_load(&r->anchors, r->w->anchors, e);
}

static int prepare(struct run *r, struct err *e)
{
	int ret = staging_init(&r->staging, r->w->root, r->w->csr_config, r->w->log, e);

	if (!ret)
		ret = load_signing(r, e);
	if (!ret)
		ret = scan(r, e);
	if (!ret && r->stages)
		ret = stage(r, e);
	return ret ? ret : read_kernel(r, e);
}

int kextutil_run(struct kextutil_world *w, int argc, char **argv)
{
	struct kextutil_options o;
	struct run r = {.w = w, .o = &o, .all = {.owns = true}};
	struct err e = ERR_INIT;
	bool done;
	int status = kextutil_options(&o, w, argc, argv, &done);

	if (status || done)
		return status;
	/* A report wants everything there is to say. */
	if (o.diagnostics && w->log->max < CLOG_WARNING)
		w->log->max = CLOG_WARNING;
	r.stages = w->is_root && !o.no_authentication;
	if (prepare(&r, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		status = EX_SOFTWARE;
	} else if (!r.all.n) {
		clog_say(w->log, CLOG_ERROR, "No kernel extensions found.");
		status = EX_SOFTWARE;
	} else {
		status = process_all(&r, &e);
	}
	buf_release(&r.kernel);
	kext_set_release(&r.all);
	cs_anchors_release(&r.anchors);
	staging_release(&r.staging);
	return status;
}
