/* SPDX-License-Identifier: MIT */
#include "images/generate.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "components/kextcache/build.h"
#include "images/firmlinks.h"
#include "sim/base/fsio.h"
#include "sim/carrier/guest_runtime.h"
#include "sim/platform/filevault.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define BUNDLES_MAX  64
#define PROGRAMS_MAX 64
#define SCRATCH_GRACE_S 60

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The kexts of the system: where each is on the host, below scratch or build. */
static const struct {
	const char *name;
	bool generated;
} system_kexts[] = {
	{"System.kext", true},
	{"AppleACPIPlatform.kext", false},
};
#define N_SYSTEM_KEXTS (sizeof(system_kexts) / sizeof(system_kexts[0]))

static int system_kext_folder(const struct generator *g, size_t i, char *out, size_t size,
			      struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (system_kexts[i].generated)
		return fsio_join(out, size, g->scratch, system_kexts[i].name, e);
	r = fsio_join(path, sizeof(path), g->env->build_dir, "system", e);
	return r ? r : fsio_join(out, size, path, system_kexts[i].name, e);
}

struct bundle_list {
	struct kc_bundle bundle[BUNDLES_MAX];
	char folder[BUNDLES_MAX][PATH_MAX], path[BUNDLES_MAX][PATH_MAX];
	size_t n;
};

/* The bundle @folder of the host is @mac_folder/@name in the Mac. */
static int add_bundle(struct bundle_list *l, const char *folder, const char *mac_folder,
		      const char *name, struct err *e)
{
	char *real = l->folder[l->n];
	int r;

	if (l->n == BUNDLES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d kexts", BUNDLES_MAX);
	if (!realpath(folder, real))
		return err_sys(e, "kext %s", folder);
	r = fsio_join(l->path[l->n], PATH_MAX, mac_folder, name ? name : base_name(real), e);
	if (r)
		return r;
	l->bundle[l->n] = (struct kc_bundle){real, l->path[l->n]};
	l->n++;
	return 0;
}

static int list_bundles(const struct generator *g, size_t n_kexts, struct bundle_list *l,
			struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < N_SYSTEM_KEXTS && !r; i++) {
		char folder[PATH_MAX];

		r = system_kext_folder(g, i, folder, sizeof(folder), e);
		if (!r)
			r = add_bundle(l, folder, PATH_SYSTEM_EXTENSIONS, NULL, e);
	}
	for (size_t i = 0; i < n_kexts && !r; i++) {
		const struct disk_kext *k = &g->spec->kexts[i];

		r = add_bundle(l, k->bundle, k->folder ? k->folder : PATH_LIBRARY_EXTENSIONS,
			       k->name, e);
	}
	return r;
}

/*
 * The kernel a disk starts with holds the kexts of the spec; kextcache in the Mac would
 * make the same file from the same folders.
 */
static int build_plk(struct generator *g, size_t n_kexts, struct buf *out, struct err *e)
{
	struct bundle_list *l = calloc(1, sizeof(*l));
	struct kc_request rq = {
		.kernel = g->kernel.data,
		.kernel_len = g->kernel.len,
		.lzvn = true,
	};
	int r;

	if (!l)
		return err_set(e, E_NOMEM, "out of memory");
	r = list_bundles(g, n_kexts, l, e);
	rq.bundle = l->bundle;
	rq.n_bundles = l->n;
	if (!r)
		r = kc_build_for_tree(&rq, out, NULL, e);
	free(l);
	return r ? err_ctx(e, "prelinked kernel of the new disk") : 0;
}

/* Nobody holds its lock, and it is not one whose owner is just about to take it? */
static bool is_abandoned(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool yes = fd >= 0 && !fstat(fd, &st) &&
		   st.st_mtime + SCRATCH_GRACE_S < time(NULL) &&
		   !flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Scratch folders of builders that were killed. Best effort. */
static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	char path[PATH_MAX];

	while (d && (de = readdir(d)))
		if (!strncmp(de->d_name, "image.", 6) &&
		    !fsio_join(path, sizeof(path), dir, de->d_name, NULL) &&
		    is_abandoned(path))
			(void)!fsio_remove_tree(path, NULL);
	if (d)
		closedir(d);
}

static int make_scratch(struct generator *g, const char *build_dir, struct err *e)
{
	char dir[PATH_MAX];
	int r = fsio_join(dir, sizeof(dir), build_dir, "cache/scratch", e);

	if (!r)
		r = fsio_mkdirs(dir, 0755, e);
	if (r)
		return r;
	sweep(dir);
	r = fsio_join(g->scratch, sizeof(g->scratch), dir, "image.XXXXXX", e);
	if (!r && !mkdtemp(g->scratch)) {
		r = err_sys(e, "making folder %s", g->scratch);
		g->scratch[0] = '\0';
	}
	if (r)
		return r;
	g->scratch_fd = open(g->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->scratch_fd < 0 || flock(g->scratch_fd, LOCK_EX))
		r = err_sys(e, "locking %s", g->scratch);
	return r;
}

int generator_init(struct generator *g, const struct image_env *env,
		   const struct disk_spec *spec, struct err *e)
{
	char path[PATH_MAX];
	int r;

	*g = (struct generator){.env = env, .spec = spec, .scratch_fd = -1};
	r = fsio_join(g->guest_dir, sizeof(g->guest_dir), env->build_dir, "guest", e);
	if (!r)
		r = make_scratch(g, env->build_dir, e);
	if (r)
		return r;
	r = fsio_join(path, sizeof(path), g->scratch, system_kexts[0].name, e);
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
	if (g->scratch_fd >= 0)
		close(g->scratch_fd);
	g->scratch_fd = -1;
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
	(void)mode;
	for (size_t i = 0; i < N_SYSTEM_KEXTS; i++) {
		char from[PATH_MAX], to[PATH_MAX];
		int r = system_kext_folder(g, i, from, sizeof(from), e);

		if (!r)
			r = fsio_join(to, sizeof(to), path, system_kexts[i].name, e);
		if (!r)
			r = fs_tree_import(t, to, from, e);
		if (r)
			return r;
	}
	return 0;
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

/*
 * All zeros, so that it takes no room on the host: a full disk costs nothing. Unlike a
 * Mac's it is never written to.
 */
static int gen_sleepimage(struct generator *g, struct fs_tree *t, const char *path,
			  uint32_t mode, struct err *e)
{
	char file[PATH_MAX];
	int fd, r;

	if (!g->spec->sleepimage_mib)
		return 0;
	r = fsio_join(file, sizeof(file), g->scratch, "sleepimage", e);
	if (r)
		return r;
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(g->spec->sleepimage_mib << 20)))
		r = err_sys(e, "making %s", file);
	if (fd >= 0)
		close(fd);
	return r ? r : fs_tree_host_file(t, path, mode, file, NULL, e);
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

struct runtime {
	struct fs_tree *tree;
	char root[PATH_MAX]; /* of the system in the tree: "", or Recovery's folder */
};

static int add_runtime_file(void *arg, const char *guest_path, const char *host_path,
			    struct err *e)
{
	const struct runtime *rt = arg;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", rt->root, guest_path) >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s", guest_path);
	return fs_tree_host_file(rt->tree, path, S_IFREG | 0755, host_path, NULL, e);
}

/* Loader and libraries of the guest's programs that are in the tree already. */
static int gen_runtime(struct generator *g, struct fs_tree *t, const char *path,
		       uint32_t mode, struct err *e)
{
	const char *programs[PROGRAMS_MAX];
	size_t n = 0, len = strlen(g->guest_dir);
	struct runtime rt = {.tree = t};

	(void)mode;
	/* @path is "<root>/usr/lib"; the list has the paths of the running system. */
	snprintf(rt.root, sizeof(rt.root), "%.*s",
		 (int)(strlen(path) - strlen(GUEST_LIB_DIR)), path);
	for (struct fs_node *f = t->root; f; f = fs_tree_next(t, f)) {
		if (!f->host_path || strncmp(f->host_path, g->guest_dir, len) != 0)
			continue;
		if (n == PROGRAMS_MAX)
			return err_set(e, E_OVERFLOW, "more than %d guest programs",
				       PROGRAMS_MAX);
		programs[n++] = f->host_path;
	}
	return guest_runtime_list(programs, n, add_runtime_file, &rt, e);
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
	{"sleepimage", gen_sleepimage},
};

int generate(void *ctx, const char *what, struct fs_tree *t, const char *path, uint32_t mode,
	     struct err *e)
{
	for (size_t i = 0; i < sizeof(generators) / sizeof(generators[0]); i++)
		if (!strcmp(generators[i].what, what))
			return generators[i].make(ctx, t, path, mode, e);
	return err_set(e, E_SCHEMA, "unknown contents 'gen:%s'", what);
}
