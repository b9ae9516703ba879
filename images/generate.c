/* SPDX-License-Identifier: MIT */
#include "images/generate.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/approvals.h"
#include "images/driver_extensions.h"
#include "images/firmlinks.h"
#include "images/layout.h"
#include "images/system_kexts.h"
#include "sim/base/fsio.h"
#include "sim/carrier/guest_runtime.h"
#include "sim/platform/filevault.h"

#define PROGRAMS_MAX 64
/* In the container of System: the rest of it, other volumes, and what the Mac writes. */
#define ROOM_FOR_OTHERS (1ull << 30)
#define APPLE_ROOT_FILE "AppleRootCA.cer" /* in PATH_ANCHORS */

static int open_own_system(struct generator *g, struct err *e)
{
	const struct disk_layout *l;
	int r;

	if (!g->spec->system)
		return 0;
	g->own = &g->own_system;
	r = own_system_open(g->spec->system, &g->own_system, e);
	if (!r)
		r = own_system_fits(g->own, g->spec->release, e);
	if (!r)
		r = disk_layout(g->spec, &l, e);
	if (!r)
		g->extensions_room =
			layout_partition(l, &l->containers[0])->size - ROOM_FOR_OTHERS;
	return r;
}

int generator_init(struct generator *g, const struct image_env *env,
		   const struct disk_spec *spec, struct err *e)
{
	int r;

	*g = (struct generator){.env = env, .spec = spec, .scratch = SCRATCH_INIT};
	r = fsio_join(g->guest_dir, sizeof(g->guest_dir), env->build_dir, "guest", e);
	if (!r)
		r = open_own_system(g, e);
	if (!r)
		r = scratch_make(&g->scratch, env->build_dir, e);
	return r ? r : disk_kernels_make(env, spec, g->own, &g->scratch, &g->kernels, e);
}

void generator_release(struct generator *g)
{
	scratch_release(&g->scratch);
	disk_kernels_release(&g->kernels);
	own_system_release(&g->own_system);
}

/* The system that a user brought, on the volume at hand: Recovery is ours. */
static const struct own_system *own_here(const struct generator *g)
{
	return g->for_recovery ? NULL : g->own;
}

static int gen_kernel(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		      struct err *e)
{
	if (own_here(g))
		return fs_tree_host_file(t, path, mode, own_here(g)->kernel_path, NULL,
					 e);
	return fs_tree_file(t, path, mode, g->kernels.kernel.data, g->kernels.kernel.len, NULL, e);
}

/* Its time is one second past that of what it was made from (kextcache's rule). */
static int gen_plk(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		   struct err *e)
{
	const struct buf *b = g->for_recovery ? &g->kernels.recovery_plk : &g->kernels.plk;
	struct fs_node *n;
	int r = fs_tree_file(t, path, mode, b->data, b->len, &n, e);

	if (!r)
		n->mtime_ns += 1000000000;
	return r;
}

struct folder {
	struct fs_tree *tree;
	const char *path;
};

static int import_kext(void *arg, const char *name, const char *folder, struct err *e)
{
	const struct folder *f = arg;
	char to[PATH_MAX];
	int r = fsio_join(to, sizeof(to), f->path, name, e);

	return r ? r : fs_tree_import(f->tree, to, folder, e);
}

static int gen_bytes(const struct buf *b, struct fs_tree *t, const char *path,
			  uint32_t mode, struct err *e)
{
	return fs_tree_file(t, path, mode, b->data, b->len, NULL, e);
}

static int gen_boot_collection(struct generator *g, struct fs_tree *t, const char *path,
			       uint32_t mode, struct err *e)
{
	return gen_bytes(&g->kernels.boot_collection, t, path, mode, e);
}

static int gen_system_collection(struct generator *g, struct fs_tree *t, const char *path,
				 uint32_t mode, struct err *e)
{
	return gen_bytes(&g->kernels.system_collection, t, path, mode, e);
}

static int gen_system_extensions(struct generator *g, struct fs_tree *t, const char *path,
				 uint32_t mode, struct err *e)
{
	struct folder f = {t, path};

	(void)mode;
	if (own_here(g))
		return own_system_import(own_here(g), t, path, g->extensions_room, e);
	return system_kexts_each(g->env, g->spec, &g->scratch, import_kext, &f, e);
}

/* A kext with a folder of its own elsewhere than here is somebody else's row. */
static int import_kexts(const struct generator *g, struct fs_tree *t, bool staged,
			struct err *e)
{
	for (size_t i = 0; i < g->spec->n_kexts; i++) {
		const struct disk_kext *k = &g->spec->kexts[i];
		char from[IMAGE_PATH_MAX], to[IMAGE_PATH_MAX], copy[IMAGE_PATH_MAX];
		int r = disk_kext_places(k, from, to, e);

		if (!r)
			r = disk_kext_staged(k, copy, e);
		if (!r && staged && !strcmp(copy, to))
			continue;
		if (!r)
			r = fs_tree_import(t, staged ? copy : to, from, e);
		if (r)
			return r;
	}
	return 0;
}

static int gen_kexts(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		     struct err *e)
{
	(void)path;
	(void)mode;
	return import_kexts(g, t, false, e);
}

static int gen_staged_kexts(struct generator *g, struct fs_tree *t, const char *path,
			    uint32_t mode, struct err *e)
{
	(void)path;
	(void)mode;
	return import_kexts(g, t, true, e);
}

static int gen_kext_policy(struct generator *g, struct fs_tree *t, const char *path,
			   uint32_t mode, struct err *e)
{
	struct buf b = BUF_INIT;
	struct approvals a;
	int r = approvals_read(g->spec, &a, e);

	if (r)
		return r;
	r = approvals_database(&a, g->scratch.path, &b, e);
	if (!r)
		r = fs_tree_file(t, path, mode, b.data, b.len, NULL, e);
	approvals_release(&a);
	buf_release(&b);
	return r;
}

static int gen_driver_extensions(struct generator *g, struct fs_tree *t, const char *path,
				 uint32_t mode, struct err *e)
{
	(void)g;
	(void)mode;
	return driver_extensions_add(t, path, e);
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
	r = fsio_join(file, sizeof(file), g->scratch.path, "sleepimage", e);
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
	r = fsio_join(file, sizeof(file), path, strrchr(FILEVAULT_PREBOOT_PATH, '/'), e);
	if (!r)
		r = filevault_make(g->spec->filevault_user, g->spec->filevault_passphrase,
				   &text, e);
	if (!r)
		r = fs_tree_file(t, file, S_IFREG | 0644, text.data, text.len, NULL, e);
	buf_release(&text);
	return r;
}

/* With Apple's own kexts comes Apple's own root, so that they are judged as on a Mac. */
static int add_apple_root(struct generator *g, struct fs_tree *t, const char *path,
			  uint32_t mode, struct err *e)
{
	struct buf der = BUF_INIT;
	char file[PATH_MAX];
	int r = own_system_root(g->own, NULL, 0, &der, e);

	snprintf(file, sizeof(file), "%.*s/" APPLE_ROOT_FILE,
		 (int)(strrchr(path, '/') - path), path);
	if (!r && der.len)
		r = gen_bytes(&der, t, file, mode, e);
	buf_release(&der);
	return r;
}

/* The roots whose code is Apple's on this Mac. */
static int gen_anchor(struct generator *g, struct fs_tree *t, const char *path, uint32_t mode,
		      struct err *e)
{
	struct signing_authority a = {.store = {.n = 0}};
	struct span root;
	int r = image_authority_load(g->env, &a, e);

	if (!r)
		r = signing_cert(&a, SIGNING_ROOT, &root, e);
	if (!r)
		r = fs_tree_file(t, path, mode, root.p, root.len, NULL, e);
	if (!r && g->own)
		r = add_apple_root(g, t, path, mode, e);
	signing_authority_release(&a);
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
	{"boot-collection", gen_boot_collection},
	{"system-collection", gen_system_collection},
	{"system-extensions", gen_system_extensions},
	{"driver-extensions", gen_driver_extensions},
	{"kexts", gen_kexts},
	{"staged-kexts", gen_staged_kexts},
	{"kext-policy", gen_kext_policy},
	{"firmlinks", gen_firmlinks},
	{"crypto-users", gen_crypto_users},
	{"runtime", gen_runtime},
	{"sleepimage", gen_sleepimage},
	{"anchor", gen_anchor},
};

int generate(void *ctx, const char *what, struct fs_tree *t, const char *path, uint32_t mode,
	     struct err *e)
{
	for (size_t i = 0; i < sizeof(generators) / sizeof(generators[0]); i++)
		if (!strcmp(generators[i].what, what))
			return generators[i].make(ctx, t, path, mode, e);
	return err_set(e, E_SCHEMA, "unknown contents 'gen:%s'", what);
}
