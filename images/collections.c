/* SPDX-License-Identifier: MIT */
#include "images/collections.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/fileset/from_kexts.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define LIST_MAX 65536 /* bytes of build/system/RELEASE/kexts */

/* The kexts of one build, and what is asked about them. */
struct sources {
	struct kext_set all;
	char system_kext[PATH_MAX]; /* resolved, as in paths of kexts */
	const struct collection_kext *extra;
	size_t n_extra;
	const struct machine_model *machine;
};

int kc_each_listed_kext(const char *dir,
			int (*each)(void *arg, const char *name, const char *folder,
				    struct err *e),
			void *arg, struct err *e)
{
	struct buf list = BUF_INIT;
	char file[PATH_MAX];
	char *text, *name;
	int rc = fsio_join(file, sizeof(file), dir, "kexts", e);

	if (!rc)
		rc = fsio_read(file, LIST_MAX, &list, e);
	if (!rc)
		rc = buf_append(&list, "", 1, e);
	text = (char *)list.data;
	while (!rc && (name = strsep(&text, "\n"))) {
		char folder[PATH_MAX];

		if (!*name)
			continue;
		rc = fsio_join(folder, sizeof(folder), dir, name, e);
		if (!rc)
			rc = each(arg, name, folder, e);
	}
	buf_release(&list);
	return rc;
}

int kc_each_apple_kext(const struct collection_env *env, const struct release *r,
		       int (*each)(void *arg, const char *name, const char *folder,
				   struct err *e),
		       void *arg, struct err *e)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/system/%s", env->build_dir, r->name);
	return kc_each_listed_kext(dir, each, arg, e);
}

static int scan_one(void *arg, const char *name, const char *folder, struct err *e)
{
	struct sources *s = arg;
	size_t before = s->all.n;
	int r = kext_set_scan(&s->all, folder, NULL, e);

	if (!r && s->all.n == before)
		r = err_set(e, E_NOTFOUND, "%s is not a kernel extension", name);
	return r;
}

static int sources_init(struct sources *s, const struct collection_env *env,
			const struct release *r, const struct machine_model *m,
			const struct collection_kext *extra, size_t n_extra,
			struct err *e)
{
	int rc;

	*s = (struct sources){
		.all = {.owns = true}, .extra = extra, .n_extra = n_extra, .machine = m};
	if (!realpath(env->system_kext, s->system_kext))
		return err_sys(e, "%s", env->system_kext);
	rc = scan_one(s, "System.kext", env->system_kext, e);
	if (!rc)
		rc = kc_each_apple_kext(env, r, scan_one, s, e);
	for (size_t i = 0; !rc && i < n_extra; i++)
		rc = scan_one(s, extra[i].folder, extra[i].folder, e);
	return rc;
}

static void sources_release(struct sources *s)
{
	kext_set_release(&s->all);
}

/* The extra kext that @k is, or is a plug-in of; NULL for one of the system's. */
static const struct collection_kext *extra_of(const struct sources *s,
					      const struct kext *k, size_t *below)
{
	for (size_t i = 0; i < s->n_extra; i++) {
		char real[PATH_MAX];

		if (!realpath(s->extra[i].folder, real))
			continue;
		*below = fsio_below(k->path, real);
		if (*below)
			return &s->extra[i];
	}
	return NULL;
}

/* System's kexts are in a folder each on the host, all in one on the Mac. */
static int mac_path(const void *arg, const struct kext *k, struct buf *out, struct err *e)
{
	const struct sources *s = arg;
	size_t below = 0;
	const struct collection_kext *x = extra_of(s, k, &below);
	const char *slash = strrchr(k->path, '/');

	if (x)
		return buf_printf(out, e, "%s%s", x->path, k->path + below);
	below = fsio_below(k->path, s->system_kext);
	if (below)
		return buf_printf(out, e, "%s/System.kext%s", PATH_SYSTEM_EXTENSIONS,
				  k->path + below);
	return buf_printf(out, e, "%s%s", PATH_SYSTEM_EXTENSIONS,
			  slash ? slash : k->path);
}

/* Apple silicon has all of the system's in one collection. */
static bool is_for_boot(void *arg, struct kext *k)
{
	const struct sources *s = arg;
	size_t below;

	return s->machine->apple_silicon || extra_of(s, k, &below) ||
	       fileset_is_boot_kext(k);
}

static bool is_extra(void *arg, struct kext *k)
{
	size_t below;

	return extra_of(arg, k, &below) != NULL;
}

int kc_build_boot(const struct collection_env *env, const struct release *r,
		  const struct machine_model *m, const struct collection_kext *extra,
		  size_t n_extra, struct buf *out, struct err *e)
{
	struct sources s;
	struct buf kernel = BUF_INIT;
	struct fileset_kexts rq = {
		.kind = FILESET_PRIMARY,
		.arch = macho_arch(m->arch),
		.all = &s.all,
		.wanted = is_for_boot,
		.mac_path = mac_path,
		.arg = &s,
	};
	int rc = sources_init(&s, env, r, m, extra, n_extra, e);

	if (!rc)
		rc = kernel_standin_build_for(r, m, &kernel, e);
	rq.kernel = kernel.data;
	rq.kernel_len = kernel.len;
	if (!rc)
		rc = fileset_from_kexts(&rq, out, e);
	buf_release(&kernel);
	sources_release(&s);
	return rc ? err_ctx(e, "boot collection of %s for %s", r->name, m->name) : 0;
}

int kc_build_system(const struct collection_env *env, const struct release *r,
		    const struct machine_model *m, const struct fileset *boot,
		    struct buf *out, struct err *e)
{
	struct sources s;
	const struct fileset_kexts rq = {
		.kind = FILESET_PAGEABLE,
		.arch = macho_arch(m->arch),
		.boot = boot,
		.all = &s.all,
		.mac_path = mac_path,
		.arg = &s,
	};
	int rc;

	if (!r->pageable_kc || m->apple_silicon)
		return err_set(e, E_INVAL, "%s on %s has no system collection", r->name,
			       m->name);
	rc = sources_init(&s, env, r, m, NULL, 0, e);
	if (!rc)
		rc = fileset_from_kexts(&rq, out, e);
	sources_release(&s);
	return rc ? err_ctx(e, "system collection of %s", r->name) : 0;
}

int kc_build_aux(const struct collection_env *env, const struct release *r,
		 const struct machine_model *m, const struct fileset *boot,
		 const struct fileset *system, const struct collection_kext *kexts,
		 size_t n_kexts, struct buf *out, struct err *e)
{
	struct sources s;
	const struct fileset_kexts rq = {
		.kind = FILESET_AUXILIARY,
		.arch = macho_arch(m->arch),
		.boot = boot,
		.pageable = system,
		.all = &s.all,
		.wanted = is_extra,
		.mac_path = mac_path,
		.arg = &s,
	};
	int rc = sources_init(&s, env, r, m, kexts, n_kexts, e);

	if (!rc)
		rc = fileset_from_kexts(&rq, out, e);
	sources_release(&s);
	return rc ? err_ctx(e, "auxiliary collection") : 0;
}

int kc_open(const void *data, size_t len, const struct machine_model *m,
	    struct fileset *ret, struct err *e)
{
	return fileset_open(data, len, macho_arch(m->arch), ret, e);
}
