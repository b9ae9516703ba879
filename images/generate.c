/* SPDX-License-Identifier: MIT */
#include "images/generate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "components/kextcache/build.h"
#include "images/firmlinks.h"
#include "sim/base/fsio.h"
#include "sim/carrier/guest_runtime.h"
#include "sim/platform/filevault.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define PREINSTALLED_MAX 64
#define PROGRAMS_MAX     64
#define SYSTEM_KEXT      "System.kext"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * The kernel a disk starts with holds the kexts of the spec; kextcache in the Mac would
 * make the same file from the same folders.
 */
static int build_plk(struct generator *g, size_t n_kexts, struct buf *out, struct err *e)
{
	char folders[PREINSTALLED_MAX][PATH_MAX], paths[PREINSTALLED_MAX][PATH_MAX];
	struct kc_bundle bundle[PREINSTALLED_MAX + 1];
	struct kc_request rq = {
		.kernel = g->kernel.data,
		.kernel_len = g->kernel.len,
		.bundle = bundle,
		.n_bundles = n_kexts + 1,
		.lzvn = true,
	};
	char system_kext[PATH_MAX];
	int r;

	r = fsio_join(system_kext, sizeof(system_kext), g->scratch, SYSTEM_KEXT, e);
	if (r)
		return r;
	bundle[0] = (struct kc_bundle){system_kext, PATH_SYSTEM_EXTENSIONS "/" SYSTEM_KEXT};
	for (size_t i = 0; i < n_kexts; i++) {
		const struct disk_kext *k = &g->spec->kexts[i];

		if (!realpath(k->bundle, folders[i]))
			return err_sys(e, "kext %s", k->bundle);
		r = fsio_join(paths[i], sizeof(paths[i]),
			      k->folder ? k->folder : PATH_LIBRARY_EXTENSIONS,
			      k->name ? k->name : base_name(folders[i]), e);
		if (r)
			return r;
		bundle[i + 1] = (struct kc_bundle){folders[i], paths[i]};
	}
	r = kc_build_for_tree(&rq, out, NULL, e);
	return r ? err_ctx(e, "prelinked kernel of the new disk") : 0;
}

int generator_init(struct generator *g, const struct image_env *env,
		   const struct disk_spec *spec, struct err *e)
{
	char path[PATH_MAX];
	int r;

	*g = (struct generator){.env = env, .spec = spec};
	if (spec->n_kexts > PREINSTALLED_MAX)
		return err_set(e, E_OVERFLOW, "more than %d kexts", PREINSTALLED_MAX);
	r = fsio_join(g->guest_dir, sizeof(g->guest_dir), env->build_dir, "guest", e);
	if (!r)
		r = fsio_join(path, sizeof(path), env->build_dir, "cache/scratch", e);
	if (!r)
		r = fsio_mkdirs(path, 0755, e);
	if (!r)
		r = fsio_join(g->scratch, sizeof(g->scratch), path, "image.XXXXXX", e);
	if (r)
		return r;
	if (!mkdtemp(g->scratch)) {
		r = err_sys(e, "making folder %s", g->scratch);
		g->scratch[0] = '\0';
		return r;
	}
	r = fsio_join(path, sizeof(path), g->scratch, SYSTEM_KEXT, e);
	if (!r)
		r = kpi_system_kext_write(spec->release, path, e);
	if (!r)
		r = kernel_standin_build(spec->release, &g->kernel, e);
	if (!r)
		r = build_plk(g, spec->n_kexts, &g->plk, e);
	if (!r)
		r = build_plk(g, 0, &g->recovery_plk, e);
	return r;
}

void generator_release(struct generator *g)
{
	if (g->scratch[0])
		(void)!fsio_remove_tree(g->scratch, NULL);
	buf_release(&g->kernel);
	buf_release(&g->plk);
	buf_release(&g->recovery_plk);
}

static int gen_kernel(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		      struct err *e)
{
	return fs_tree_file(t, path, mode, g->kernel.data, g->kernel.len, NULL, e);
}

/* Its time is one second past that of what it was made from (kextcache's rule). */
static int gen_plk(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		   struct err *e)
{
	const struct buf *b = g->for_recovery ? &g->recovery_plk : &g->plk;
	struct fs_node *n;
	int r = fs_tree_file(t, path, mode, b->data, b->len, &n, e);

	if (!r)
		n->mtime_ns += 1000000000;
	return r;
}

static int gen_system_extensions(struct generator *g, struct fs_tree *t, const char *path,
				 uint32_t mode, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r;

	(void)mode;
	r = fsio_join(from, sizeof(from), g->scratch, SYSTEM_KEXT, e);
	if (!r)
		r = fsio_join(to, sizeof(to), path, SYSTEM_KEXT, e);
	return r ? r : fs_tree_import(t, to, from, e);
}

/* A kext with a folder of its own elsewhere than here is somebody else's row. */
static int gen_kexts(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		     struct err *e)
{
	(void)path;
	(void)mode;
	for (size_t i = 0; i < g->spec->n_kexts; i++) {
		const struct disk_kext *k = &g->spec->kexts[i];
		char real[PATH_MAX], to[PATH_MAX];
		int r;

		if (!realpath(k->bundle, real))
			return err_sys(e, "kext %s", k->bundle);
		r = fsio_join(to, sizeof(to), k->folder ? k->folder : PATH_LIBRARY_EXTENSIONS,
			      k->name ? k->name : base_name(real), e);
		if (!r)
			r = fs_tree_import(t, to, real, e);
		if (r)
			return r;
	}
	return 0;
}

static int gen_firmlinks(struct generator *g, struct fs_tree *t, const char *path,
			 uint32_t mode, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = firmlinks_text(t, &text, e);

	(void)g;
	if (!r)
		r = fs_tree_file(t, path, mode, text.data, text.len, NULL, e);
	buf_release(&text);
	return r;
}

static int gen_crypto_users(struct generator *g, struct fs_tree *t, const char *path,
			    uint32_t mode, struct err *e)
{
	struct buf text = BUF_INIT;
	char file[PATH_MAX];
	int r;

	(void)mode;
	if (!g->spec->filevault_user)
		return 0;
	r = fsio_join(file, sizeof(file), path, base_name(FILEVAULT_PREBOOT_PATH), e);
	if (!r)
		r = filevault_make(g->spec->filevault_user, g->spec->filevault_passphrase,
				   &text, e);
	if (!r)
		r = fs_tree_file(t, file, S_IFREG | 0644, text.data, text.len, NULL, e);
	buf_release(&text);
	return r;
}

static int add_runtime_file(void *arg, const char *guest_path, const char *host_path,
			    struct err *e)
{
	return fs_tree_host_file(arg, guest_path, S_IFREG | 0755, host_path, NULL, e);
}

/* Loader and libraries of the guest's programs that are in the tree already. */
static int gen_runtime(struct generator *g, struct fs_tree *t, const char *path,
		       uint32_t mode, struct err *e)
{
	const char *programs[PROGRAMS_MAX];
	size_t n = 0, len = strlen(g->guest_dir);

	(void)path;
	(void)mode;
	for (struct fs_node *f = t->root; f; f = fs_tree_next(t, f)) {
		if (!f->host_path || strncmp(f->host_path, g->guest_dir, len) != 0)
			continue;
		if (n == PROGRAMS_MAX)
			return err_set(e, E_OVERFLOW, "more than %d guest programs",
				       PROGRAMS_MAX);
		programs[n++] = f->host_path;
	}
	return guest_runtime_list(programs, n, add_runtime_file, t, e);
}

static const struct {
	const char *what;
	int (*make)(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		    struct err *e);
} generators[] = {
	{"kernel", gen_kernel},
	{"prelinkedkernel", gen_plk},
	{"system-extensions", gen_system_extensions},
	{"kexts", gen_kexts},
	{"firmlinks", gen_firmlinks},
	{"crypto-users", gen_crypto_users},
	{"runtime", gen_runtime},
};

int generate(void *ctx, const char *what, struct fs_tree *t, const char *path, uint32_t mode,
	     struct err *e)
{
	for (size_t i = 0; i < sizeof(generators) / sizeof(generators[0]); i++)
		if (!strcmp(generators[i].what, what))
			return generators[i].make(ctx, t, path, mode, e);
	return err_set(e, E_SCHEMA, "unknown contents 'gen:%s'", what);
}
