/* SPDX-License-Identifier: MIT */
#include "images/kernels.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "components/kextcache/build.h"
#include "sim/base/fsio.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define BUNDLES_MAX 64

/* The kexts of the system: made in the scratch folder, or built with the programs. */
static const struct {
	const char *name;
	bool generated;
} system_kexts[] = {
	{"System.kext", true},
	{"AppleACPIPlatform.kext", false},
};
#define N_SYSTEM_KEXTS (sizeof(system_kexts) / sizeof(system_kexts[0]))

size_t system_kext_count(void)
{
	return N_SYSTEM_KEXTS;
}

int system_kext(const struct image_env *env, const struct scratch *scratch, size_t i,
		const char **ret_name, char ret_folder[static IMAGE_PATH_MAX], struct err *e)
{
	const char *name = system_kexts[i].name;
	char dir[PATH_MAX];
	int r;

	*ret_name = name;
	if (system_kexts[i].generated)
		return fsio_join(ret_folder, IMAGE_PATH_MAX, scratch->path, name, e);
	r = fsio_join(dir, sizeof(dir), env->build_dir, "system", e);
	return r ? r : fsio_join(ret_folder, IMAGE_PATH_MAX, dir, name, e);
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
	l->bundle[l->n++] = (struct kc_bundle){p->folder, p->path};
	return p;
}

static int add_system_kext(struct bundle_list *l, const struct image_env *env,
			   const struct scratch *scratch, size_t i, struct err *e)
{
	struct place *p = add_bundle(l, e);
	const char *name;
	int r;

	if (!p)
		return -E_OVERFLOW;
	r = system_kext(env, scratch, i, &name, p->folder, e);
	return r ? r : fsio_join(p->path, sizeof(p->path), PATH_SYSTEM_EXTENSIONS, name, e);
}

static int add_disk_kext(struct bundle_list *l, const struct disk_kext *k, struct err *e)
{
	struct place *p = add_bundle(l, e);

	return p ? disk_kext_places(k, p->folder, p->path, e) : -E_OVERFLOW;
}

/* What kernels of a disk are made from. */
struct ingredients {
	const struct image_env *env;
	const struct disk_spec *spec;
	const struct scratch *scratch;
	const struct buf *kernel;
};

static int list_bundles(const struct ingredients *in, size_t n_kexts, struct bundle_list *l,
			struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < N_SYSTEM_KEXTS && !r; i++)
		r = add_system_kext(l, in->env, in->scratch, i, e);
	for (size_t i = 0; i < n_kexts && !r; i++)
		r = add_disk_kext(l, &in->spec->kexts[i], e);
	return r;
}

/* With the first @n_kexts of the spec. */
static int build_plk(const struct ingredients *in, size_t n_kexts, struct buf *out,
		     struct err *e)
{
	struct bundle_list *l = calloc(1, sizeof(*l));
	struct kc_request rq = {
		.kernel = in->kernel->data,
		.kernel_len = in->kernel->len,
		.lzvn = true,
	};
	int r;

	if (!l)
		return err_set(e, E_NOMEM, "out of memory");
	r = list_bundles(in, n_kexts, l, e);
	rq.bundle = l->bundle;
	rq.n_bundles = l->n;
	if (!r)
		r = kc_build_for_tree(&rq, out, NULL, e);
	free(l);
	return r ? err_ctx(e, "prelinked kernel of the new disk") : 0;
}

int disk_kernels_make(const struct image_env *env, const struct disk_spec *spec,
		      const struct scratch *scratch, struct disk_kernels *ret, struct err *e)
{
	const struct ingredients in = {env, spec, scratch, &ret->kernel};
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), scratch->path, system_kexts[0].name, e);

	*ret = (struct disk_kernels){BUF_INIT, BUF_INIT, BUF_INIT};
	if (!r)
		r = kpi_system_kext_write(spec->release, path, e);
	if (!r)
		r = kernel_standin_build(spec->release, &ret->kernel, e);
	if (!r)
		r = build_plk(&in, spec->n_kexts, &ret->plk, e);
	if (!r)
		r = build_plk(&in, 0, &ret->recovery_plk, e);
	return r;
}

void disk_kernels_release(struct disk_kernels *k)
{
	buf_release(&k->kernel);
	buf_release(&k->plk);
	buf_release(&k->recovery_plk);
}
