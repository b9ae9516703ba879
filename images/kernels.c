/* SPDX-License-Identifier: MIT */
#include "images/kernels.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/kextcache/build.h"
#include "images/collections.h"
#include "images/system_kexts.h"
#include "sim/base/fsio.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define BUNDLES_MAX 64

#define SYSTEM_KEXT "System.kext" /* made, in the scratch folder */

#define CATALINA_KEXTS "10.15" /* below build/system, for all releases of it */
#define ACPI_KEXT      "AppleACPIPlatform.kext"

/* Before there were collections: one kext that runs, and the driver families. */
static int each_of_build(const struct image_env *env, system_kext_fn *each, void *arg,
			 struct err *e)
{
	char dir[PATH_MAX], folder[PATH_MAX];
	int r = fsio_join(dir, sizeof(dir), env->build_dir, "system", e);

	if (!r)
		r = fsio_join(folder, sizeof(folder), dir, ACPI_KEXT, e);
	if (!r)
		r = each(arg, ACPI_KEXT, folder, e);
	if (!r)
		r = fsio_join(folder, sizeof(folder), dir, CATALINA_KEXTS, e);
	return r ? r : kc_each_listed_kext(folder, each, arg, e);
}

/* Their signed copies in the scratch folder, which sign_system_kexts made; without such a
 * folder, as they were built. */
struct signed_copies {
	const struct scratch *scratch;
	system_kext_fn *each;
	void *arg;
};

static int each_copy(void *arg, const char *name, const char *folder, struct err *e)
{
	const struct signed_copies *c = arg;
	char copy[PATH_MAX];
	int r;

	if (!c->scratch->path[0])
		return c->each(c->arg, name, folder, e);
	r = fsio_join(copy, sizeof(copy), c->scratch->path, name, e);
	return r ? r : c->each(c->arg, name, copy, e);
}

static int each_of_catalina(const struct image_env *env, const struct scratch *scratch,
			    system_kext_fn *each, void *arg, struct err *e)
{
	struct signed_copies c = {scratch, each, arg};

	return each_of_build(env, each_copy, &c, e);
}

int system_kexts_each(const struct image_env *env, const struct disk_spec *spec,
		      const struct scratch *scratch, system_kext_fn *each, void *arg,
		      struct err *e)
{
	const struct release *release = spec->release;
	char system_kext[PATH_MAX];
	const struct collection_env ce = {env->build_dir, system_kext};
	int r = fsio_join(system_kext, sizeof(system_kext), scratch->path, SYSTEM_KEXT, e);

	if (!r && scratch->path[0])
		r = each(arg, SYSTEM_KEXT, system_kext, e);
	if (r)
		return r;
	return release->kernel_collections ? kc_each_apple_kext(&ce, release, each, arg, e)
					   : each_of_catalina(env, scratch, each, arg, e);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int disk_kext_places(const struct disk_kext *k, char ret_folder[static IMAGE_PATH_MAX],
		     char ret_path[static IMAGE_PATH_MAX], struct err *e)
{
	if (!realpath(k->bundle, ret_folder))
		return err_sys(e, "kext %s", k->bundle);
	return fsio_join(ret_path, IMAGE_PATH_MAX,
			 k->folder ? k->folder : PATH_LIBRARY_EXTENSIONS,
			 k->name ? k->name : base_name(ret_folder), e);
}

struct place {
	char folder[IMAGE_PATH_MAX], path[IMAGE_PATH_MAX];
};

struct bundle_list {
	struct kc_bundle bundle[BUNDLES_MAX];
	struct place place[BUNDLES_MAX];
	size_t n;
};

/* Room for one more; the caller fills in where it is and where it goes. */
static struct place *add_bundle(struct bundle_list *l, struct err *e)
{
	struct place *p = &l->place[l->n];

	if (l->n == BUNDLES_MAX) {
		(void)!err_set(e, E_OVERFLOW, "more than %d kexts", BUNDLES_MAX);
		return NULL;
	}
	l->bundle[l->n++] = (struct kc_bundle){p->folder, p->path, false};
	return p;
}

static int add_system_kext(void *arg, const char *name, const char *folder, struct err *e)
{
	struct place *p = add_bundle(arg, e);

	if (!p)
		return -E_OVERFLOW;
	if (snprintf(p->folder, sizeof(p->folder), "%s", folder) >= (int)sizeof(p->folder))
		return err_set(e, E_OVERFLOW, "path too long: %s", folder);
	return fsio_join(p->path, sizeof(p->path), PATH_SYSTEM_EXTENSIONS, name, e);
}

int disk_kext_staged(const struct disk_kext *k, char ret_path[static IMAGE_PATH_MAX],
		     struct err *e)
{
	char folder[IMAGE_PATH_MAX], path[IMAGE_PATH_MAX];
	int r = disk_kext_places(k, folder, path, e);

	/* What Apple installed is protected where it is. */
	if (!r && (fsio_below(path, PATH_SYSTEM_EXTENSIONS) ||
		   fsio_below(path, PATH_APPLE_EXTENSIONS)))
		snprintf(ret_path, IMAGE_PATH_MAX, "%s", path);
	else if (!r)
		r = fsio_join(ret_path, IMAGE_PATH_MAX, PATH_STAGED_EXTENSIONS, path + 1,
			      e);
	return r;
}

static int add_disk_kext(struct bundle_list *l, const struct disk_kext *k, struct err *e)
{
	struct place *p = add_bundle(l, e);
	int r = p ? disk_kext_places(k, p->folder, p->path, e) : -E_OVERFLOW;

	return r ? r : disk_kext_staged(k, p->path, e);
}

/* The whole folder: what of it goes in follows from the kexts themselves. */
static int add_own_system(struct bundle_list *l, const struct own_system *own,
			  struct err *e)
{
	struct place *p = add_bundle(l, e);

	if (!p)
		return -E_OVERFLOW;
	memcpy(p->folder, own->extensions, sizeof(p->folder));
	snprintf(p->path, sizeof(p->path), PATH_SYSTEM_EXTENSIONS);
	l->bundle[l->n - 1].as_demanded = true;
	return 0;
}

/* What kernels of a disk are made from. */
struct ingredients {
	const struct image_env *env;
	const struct disk_spec *spec;
	const struct own_system *own; /* NULL: stand-ins */
	const struct scratch *scratch;
	const struct buf *kernel;
};

static int list_bundles(const struct ingredients *in, size_t n_kexts, struct bundle_list *l,
			struct err *e)
{
	int r = in->own ? add_own_system(l, in->own, e)
			: system_kexts_each(in->env, in->spec, in->scratch,
					    add_system_kext, l, e);

	for (size_t i = 0; i < n_kexts && !r; i++)
		r = add_disk_kext(l, &in->spec->kexts[i], e);
	return r;
}

/* `kextlab kernel build` tells which are left out, and why. */
static void tell_built(const struct ingredients *in, const struct kc_built *built)
{
	char text[128];

	if (!in->own || !in->env->progress)
		return;
	snprintf(text, sizeof(text),
		 "prelinked kernel of the system that was brought: %zu kexts, %zu left "
		 "out",
		 built->n_kexts, built->n_omitted);
	in->env->progress(in->env->progress_ctx, text);
}

/* With the first @n_kexts of the spec. */
static int build_plk(const struct ingredients *in, size_t n_kexts, struct buf *out,
		     struct err *e)
{
	struct bundle_list *l = calloc(1, sizeof(*l));
	struct kc_request rq = {
		.kernel = in->kernel->data,
		.kernel_len = in->kernel->len,
		.compression = PRELINK_LZVN,
	};
	struct kc_built built;
	int r;

	if (!l)
		return err_set(e, E_NOMEM, "out of memory");
	r = list_bundles(in, n_kexts, l, e);
	rq.bundle = l->bundle;
	rq.n_bundles = l->n;
	if (!r)
		r = kc_build_for_tree(&rq, out, &built, e);
	free(l);
	if (r)
		return err_ctx(e, "prelinked kernel of the new disk");
	tell_built(in, &built);
	return 0;
}

static int make_collections(const struct ingredients *in, struct disk_kernels *k,
			    struct err *e)
{
	const struct release *release = in->spec->release;
	const struct machine_model *m = disk_machine(in->spec);
	char system_kext[PATH_MAX];
	const struct collection_env ce = {in->env->build_dir, system_kext};
	struct fileset boot;
	int r = fsio_join(system_kext, sizeof(system_kext), in->scratch->path, SYSTEM_KEXT,
			  e);

	if (!r)
		r = kc_build_boot(&ce, release, m, NULL, 0, &k->boot_collection, e);
	if (r || m->apple_silicon || !release->pageable_kc)
		return r;
	r = kc_open(k->boot_collection.data, k->boot_collection.len, m, &boot, e);
	if (r)
		return r;
	r = kc_build_system(&ce, release, m, &boot, &k->system_collection, e);
	fileset_release(&boot);
	return r;
}

/* Recovery is the laboratory's own system, whatever the Mac beside it has. */
static int make_prelinked(const struct ingredients *in, struct disk_kernels *k, struct err *e)
{
	struct ingredients stand_ins = *in;
	int r = build_plk(in, in->spec->n_kexts, &k->plk, e);

	stand_ins.own = NULL;
	stand_ins.kernel = &k->kernel;
	return r ? r : build_plk(&stand_ins, 0, &k->recovery_plk, e);
}

struct copies {
	struct signing_authority *authority;
	const struct scratch *scratch;
};

static int copy_signed(void *arg, const char *name, const char *folder, struct err *e)
{
	const struct copies *c = arg;
	char to[PATH_MAX];
	int r = fsio_join(to, sizeof(to), c->scratch->path, name, e);

	return r ? r : system_kext_sign(c->authority, folder, to, e);
}

/* Systems up to 10.15 ask who signed Apple's kexts, too. */
static int sign_system_kexts(const struct ingredients *in, const char *system_kext,
			     struct err *e)
{
	struct signing_authority a = {.store = {.n = 0}};
	struct copies c = {&a, in->scratch};
	int r = image_authority_load(in->env, &a, e);

	if (!r)
		r = system_kext_sign(&a, NULL, system_kext, e);
	if (!r)
		r = each_of_build(in->env, copy_signed, &c, e);
	signing_authority_release(&a);
	return r;
}

int disk_kernels_make(const struct image_env *env, const struct disk_spec *spec,
		      const struct own_system *own, const struct scratch *scratch,
		      struct disk_kernels *ret, struct err *e)
{
	const struct ingredients in = {env, spec, own, scratch,
				       own ? &own->kernel : &ret->kernel};
	const struct machine_model *m = disk_machine(spec);
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), scratch->path, SYSTEM_KEXT, e);

	*ret = (struct disk_kernels){.kernel = BUF_INIT};
	if (!r)
		r = kpi_system_kext_write(spec->release, path, e);
	if (!r && !spec->release->kernel_collections)
		r = sign_system_kexts(&in, path, e);
	if (!r)
		r = kernel_standin_build_for(spec->release, m, &ret->kernel, e);
	if (!r)
		r = spec->release->kernel_collections ? make_collections(&in, ret, e)
						      : make_prelinked(&in, ret, e);
	return r;
}

void disk_kernels_release(struct disk_kernels *k)
{
	buf_release(&k->kernel);
	buf_release(&k->plk);
	buf_release(&k->recovery_plk);
	buf_release(&k->boot_collection);
	buf_release(&k->system_collection);
}
