/* SPDX-License-Identifier: MIT */
#include "harness/kext_check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "components/kextcache/build.h"
#include "images/kernels.h"
#include "sim/base/fsio.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define SYSTEM_KEXT PATH_SYSTEM_EXTENSIONS "/System.kext"

void kext_check_release(struct kext_check *c)
{
	examination_release(&c->result);
	kext_set_release(&c->all);
	buf_release(&c->messages);
	buf_release(&c->why);
	buf_release(&c->when);
}

static void take_message(void *arg, enum clog_level level, const char *text)
{
	struct kext_check *c = arg;
	struct err e = ERR_INIT;

	(void)level;
	(void)!buf_printf(&c->messages, &e, "%s\n", text);
}

/* ---- the candidates ---- */

/* System.kext and its PlugIns, from memory: they are made of the release's tables. */
static int take_system_file(void *ctx, const char *path, const void *data, size_t len,
			    struct err *e)
{
	struct kext_check *c = ctx;
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct kext *k = NULL;
	int r;

	if (strcmp(slash ? slash + 1 : path, "Info.plist")) /* behind its Info.plist */
		return buf_append(&c->all.item[c->all.n - 1]->exe, data, len, e);
	if (snprintf(folder, sizeof(folder), SYSTEM_KEXT "%s%.*s", slash ? "/" : "",
		     slash ? (int)(slash - path) : 0, path) >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	r = kext_from_info(folder, data, len, &k, e);
	if (r)
		return r;
	k->flat = true;
	r = kext_set_add(&c->all, k, e);
	if (r)
		kext_free(k);
	return r;
}

static int scan_system_kext(void *arg, const char *name, const char *folder, struct err *e)
{
	struct kext_check *c = arg;

	(void)name;
	return kext_set_scan(&c->all, folder, NULL, e);
}

/* The system's own are as its installer put them: nobody asks who signed the stand-ins. */
static int scan_system(struct kext_check *c, struct err *e)
{
	size_t first = c->all.n;
	const struct kext_check_request *rq = c->rq;
	const struct image_env env = {.source_dir = rq->source_dir,
				      .build_dir = rq->build_dir};
	const struct disk_spec spec = {.release = rq->release};
	const struct scratch none = {.path = "", .fd = -1};
	int r;

	/* Of a Mac's own it is known who signed them. */
	if (rq->own)
		return kext_set_scan(&c->all, rq->own->extensions, NULL, e);
	r = kpi_system_kext(rq->release, take_system_file, c, e);
	if (!r)
		r = system_kexts_each(&env, &spec, &none, scan_system_kext, c, e);
	for (size_t i = first; i < c->all.n; i++)
		c->all.item[i]->authentic = KEXT_YES;
	return r;
}

static int scan_all(struct kext_check *c, const struct component_log *log, struct err *e)
{
	char real[PATH_MAX];
	struct kext *probe = NULL;
	int r;

	if (!realpath(c->rq->bundle, real))
		return err_sys(e, "%s", c->rq->bundle);
	/* Opened here for the reason why it cannot be: scanning only logs it. */
	r = kext_open(real, &probe, e);
	kext_free(probe);
	if (!r)
		r = kext_set_scan(&c->all, real, log, e);
	for (size_t i = 0; i < c->rq->n_folders && !r; i++)
		r = kext_set_scan(&c->all, c->rq->folder[i], log, e);
	if (!r)
		r = scan_system(c, e);
	if (r)
		return r;
	c->kext = kext_set_at_path(&c->all, real);
	return c->kext ? 0 : err_set(e, E_NOTFOUND, "%s: not a bundle (X.kext)", real);
}

/* ---- where things are on the Mac ---- */

int kext_check_place(const struct kext_check *c, const struct kext *k, struct buf *out,
		     struct err *e)
{
	const char *name = c->kext->path, *slash = strrchr(name, '/');
	char build[PATH_MAX], *inner = strstr(k->path, ".kext");
	size_t n = fsio_below(k->path, name);

	if (n)
		return buf_printf(out, e, "%s%s%s%s",
				  c->rq->sip ? PATH_STAGED_EXTENSIONS : "",
				  PATH_LIBRARY_EXTENSIONS, slash, k->path + n);
	n = c->rq->own ? fsio_below(k->path, c->rq->own->extensions) : 0;
	if (n)
		return buf_printf(out, e, PATH_SYSTEM_EXTENSIONS "%s", k->path + n);
	if (!realpath(c->rq->build_dir, build))
		return err_sys(e, "%s", c->rq->build_dir);
	if (!inner || !fsio_below(k->path, build))
		return buf_printf(out, e, "%s", k->path);
	/* A stand-in of the build folder: what is before the bundle's name is ours. */
	while (inner > k->path && inner[-1] != '/')
		inner--;
	return buf_printf(out, e, PATH_SYSTEM_EXTENSIONS "/%s", inner);
}

/* ---- the verdict ---- */

static int because(struct buf *to, struct err *e, const char *text)
{
	return buf_printf(to, e, "%s%s", to->len ? "; " : "", text);
}

/* As kextcache leaves it out, in its order: the first reason counts. */
static int judge(struct kext_check *c, struct err *e)
{
	const struct examination *x = &c->result;
	const struct {
		bool bad;
		const char *why;
	} rows[] = {
		{x->arch == KEXT_ARCH_NO, "it has no code for " KEXT_ARCH},
		{!x->valid, "it is not valid"},
		{kext_is_excluded(c->kext, &c->all), "it is in the exclude list"},
		{!x->authentic, "it does not authenticate"},
		{!x->resolved, "it is missing dependencies"},
		{!x->deps_valid, "a dependency is not valid"},
		{!x->deps_authentic, "a dependency does not authenticate"},
		{x->arch == KEXT_ARCH_BAD, "its executable cannot be read"},
		{x->link_tried && !x->linked, "it does not link"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].bad)
			return because(&c->why, e, rows[i].why);
	return 0;
}

/* What kextd asks for; what else is in, because the kernel had loaded it. */
static int set_conditions(struct kext_check *c, struct err *e)
{
	char text[KEXT_DEVELOPER_MAX + 64];
	int r = 0;

	if (!kext_is_required(c->kext, KC_DEMANDED_LOCAL))
		r = because(&c->when, e,
			    "once it was loaded: OSBundleRequired does not demand it");
	if (!r && c->rq->sip && !c->signer.apple && !c->kext->dext) {
		snprintf(text, sizeof(text), "once the user has allowed \"%s\"",
			 c->signer.developer);
		r = because(&c->when, e, text);
	}
	return r;
}

static void take_signer(void *world, const struct kext *k, const struct codesign_result *res)
{
	struct kext_check *c = world;

	if (k == c->kext)
		kext_signer_known(k, res, &c->signer);
}

static int examine(struct kext_check *c, const struct component_log *log, struct err *e)
{
	const struct kext_signing signing = {.anchors = c->rq->anchors,
					     .now = time(NULL),
					     .untrusted_allowed = !c->rq->sip};
	const struct kext_auth auth = {.check_filesystem = c->rq->permissions,
				       .installed =
					       c->rq->own ? c->rq->own->extensions : NULL,
				       .all = &c->all,
				       .log = log,
				       .signing = &signing,
				       .is_signed = take_signer,
				       .world = c};
	struct examine_request rq = {.all = &c->all, .auth = &auth, .log = log};
	struct buf standin = BUF_INIT;
	const struct buf *kernel = c->rq->own ? &c->rq->own->kernel : &standin;
	int r = c->rq->own ? 0 : kernel_standin_build(c->rq->release, &standin, e);

	rq.kernel = kernel->data;
	rq.kernel_len = kernel->len;
	if (!r)
		r = examine_kext(c->kext, &rq, &c->result, e);
	buf_release(&standin);
	return r;
}

int kext_check(const struct kext_check_request *rq, struct kext_check *ret, struct err *e)
{
	const struct component_log log = {
		.line = take_message, .arg = ret, .max = CLOG_WARNING};
	int r;

	*ret = (struct kext_check){.rq = rq, .all = {.owns = true}};
	if (rq->release->kernel_collections)
		return err_set(e, E_UNSUPPORTED,
			       "%s has no prelinked kernel: kexts of others go into the "
			       "auxiliary collection, which is not modelled",
			       rq->release->name);
	r = scan_all(ret, &log, e);
	if (!r)
		r = examine(ret, &log, e);
	if (!r)
		r = judge(ret, e);
	return r ? r : set_conditions(ret, e);
}
