/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/base/prune.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/carrier/guest_runtime.h"
#include "sim/carrier/initramfs.h"
#include "sim/carrier/layout.h"
#include "sim/carrier/modules.h"

#define FILES_MAX      256
#define STAMP_MAX      (1u << 20)
#define INITRAMFS_KEPT 6
/* A run opens it by name at each of its boots. */
#define INITRAMFS_AGE  (24 * 60 * 60)

/* crc32c_generic is asked for by name at run time, so modules.dep does not know of it. */
static const char *const early_modules[] = {
	"virtio_pci", "virtio_console", "crc32c_generic", "libcrc32c", "fuse", "overlay",
};
static const char *const late_modules[] = {"virtio_blk"};

/* The list of files while it grows, with the strings that belong to it. */
struct gather {
	struct initramfs_file files[FILES_MAX];
	char *strings[2 * FILES_MAX]; /* owned */
	size_t n, n_strings;
};

static const char *keep_string(struct gather *g, const char *s)
{
	char *copy = strdup(s);

	if (copy)
		g->strings[g->n_strings++] = copy;
	return copy;
}

static int gather_add(struct gather *g, const char *path, mode_t mode, const char *host,
		      dev_t rdev, struct err *e)
{
	struct initramfs_file *f = &g->files[g->n];

	if (g->n == FILES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d files for the initramfs",
			       FILES_MAX);
	*f = (struct initramfs_file){
		.path = keep_string(g, path),
		.mode = mode,
		.host_path = host ? keep_string(g, host) : NULL,
		.rdev = rdev,
	};
	if (!f->path || (host && !f->host_path))
		return err_set(e, E_NOMEM, "out of memory");
	g->n++;
	return 0;
}

static int add_runtime_file(void *arg, const char *guest, const char *host, struct err *e)
{
	return gather_add(arg, guest, 0755, host, 0, e);
}

static int add_folders(struct gather *g, struct err *e)
{
	static const char *const folders[] = {
		"/dev", "/proc", "/sys", "/tmp", CARRIER_MAC_DIR,
	};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(folders) / sizeof(*folders); i++)
		r = gather_add(g, folders[i], S_IFDIR | 0755, NULL, 0, e);
	/* The kernel opens it for /init before anybody could mount /dev. */
	if (!r)
		r = gather_add(g, "/dev/console", S_IFCHR | 0600, NULL, makedev(5, 1), e);
	return r;
}

static int add_programs(struct gather *g, const struct carrier_options *o, struct err *e)
{
	char init[PATH_MAX], boot[PATH_MAX], apfs[PATH_MAX];
	const char *programs[] = {init, boot, apfs};
	const size_t n = sizeof(programs) / sizeof(*programs);
	int r = fsio_join(init, sizeof(init), o->guest_dir, "init", e);

	if (!r && o->boot && strlen(o->boot) >= sizeof(boot))
		r = err_set(e, E_INVAL, "path of boot is too long");
	else if (!r && o->boot)
		strcpy(boot, o->boot);
	else if (!r)
		r = fsio_join(boot, sizeof(boot), o->guest_dir, "boot", e);
	if (!r)
		r = fsio_join(apfs, sizeof(apfs), o->guest_dir, "apfs", e);
	if (!r)
		r = gather_add(g, "/init", 0755, init, 0, e);
	if (!r)
		r = gather_add(g, BOOT_PATH, 0755, boot, 0, e);
	if (!r)
		r = gather_add(g, CARRIER_APFS, 0755, apfs, 0, e);
	for (size_t i = 0; !r && i < o->n_extra; i++) {
		const struct initramfs_file *x = &o->extra[i];

		r = gather_add(g, x->path, x->mode, x->host_path, x->rdev, e);
	}
	return r ? r : guest_runtime_list(programs, n, add_runtime_file, g, e);
}

static int add_modules(struct gather *g, const char *guest_dir,
		       const struct module_list *l, struct err *e)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++) {
		snprintf(path, sizeof(path), "%s/%02zu-%s", guest_dir, i,
			 strrchr(l->paths[i], '/') + 1);
		r = gather_add(g, path, 0644, l->paths[i], 0, e);
	}
	return r;
}

static int add_all_modules(struct gather *g, const char *dir, struct err *e)
{
	struct module_list early = {.n = 0}, all = {.n = 0}, late = {.n = 0};
	char modules[PATH_MAX], apfs[PATH_MAX];
	int r = fsio_join(modules, sizeof(modules), dir, "modules", e);

	if (!r)
		r = fsio_join(apfs, sizeof(apfs), dir, "apfs.ko", e);
	for (size_t i = 0; !r && i < sizeof(early_modules) / sizeof(*early_modules); i++)
		r = modules_add(&early, modules, early_modules[i], e);
	if (!r)
		r = modules_add_file(&early, apfs, e);
	/* What the late ones need is mostly loaded by then. */
	for (size_t i = 0; !r && i < early.n; i++)
		r = modules_add_file(&all, early.paths[i], e);
	for (size_t i = 0; !r && i < sizeof(late_modules) / sizeof(*late_modules); i++)
		r = modules_add(&all, modules, late_modules[i], e);
	for (size_t i = early.n; !r && i < all.n; i++)
		r = modules_add_file(&late, all.paths[i], e);
	if (!r)
		r = add_modules(g, CARRIER_MODULES_EARLY, &early, e);
	if (!r)
		r = add_modules(g, CARRIER_MODULES_LATE, &late, e);
	modules_release(&early);
	modules_release(&all);
	modules_release(&late);
	return r;
}

/*
 * The key of a carrier: the stamp holds the hash of the kernel (ci/deps.sh), the rest is
 * in the archive.
 */
static int hash_key(const struct buf *stamp, const struct buf *archive,
		    char key[static 65], struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t md[32];
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(ctx, stamp->data, stamp->len) &&
		  EVP_DigestUpdate(ctx, archive->data, archive->len) &&
		  EVP_DigestFinal_ex(ctx, md, NULL);

	EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_set(e, E_NOMEM, "SHA-256 failed");
	hex_text(md, sizeof(md), key);
	return 0;
}

/* A file that was cut short, say by a full disk, has the right name all the same. */
static bool is_stored(const char *path, const struct buf *archive)
{
	struct buf was = BUF_INIT;
	bool same = !fsio_read(path, archive->len, &was, NULL) &&
		    was.len == archive->len && !memcmp(was.data, archive->data, was.len);

	buf_release(&was);
	return same;
}

static int store(const struct carrier_options *o, const struct buf *archive,
		 struct carrier *c, struct err *e)
{
	char dir[PATH_MAX], name[80];
	int r = fsio_join(dir, sizeof(dir), o->cache_dir, "carrier/initramfs", e);

	snprintf(name, sizeof(name), "%.32s.cpio", c->key);
	if (!r)
		r = fsio_join(c->initramfs, sizeof(c->initramfs), dir, name, e);
	if (r)
		return r;
	if (is_stored(c->initramfs, archive)) {
		/* Used now, says its time, where it may. */
		utimensat(AT_FDCWD, c->initramfs, NULL, 0);
		return 0;
	}
	r = fsio_mkdirs(dir, 0755, e);
	if (!r)
		r = fsio_write_atomic(c->initramfs, archive->data, archive->len, 0644, e);
	if (!r)
		prune_files(dir, ".cpio", INITRAMFS_KEPT, INITRAMFS_AGE);
	return r;
}

/*
 * The stamp's lines are "format N" and "file HASH SIZE NAME". That the hash is right
 * takes too long to see each time (ci/deps.sh --verify); a file that was cut short is
 * seen here.
 */
static int check_stamp(struct buf *stamp, const char *kernel, struct err *e)
{
	const char *text = buf_str(stamp), *line = text;
	unsigned long long size;
	char name[64];
	struct stat st;

	if (strncmp(text, CARRIER_STAMP_FORMAT, strlen(CARRIER_STAMP_FORMAT)))
		return err_set(e, E_INFRA, "made by another version of ci/deps.sh");
	for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (sscanf(line, "file %*64s %llu %63s", &size, name) != 2 ||
		    strcmp(name, "vmlinux"))
			continue;
		if (stat(kernel, &st))
			return err_sys(e, "%s", kernel);
		return (unsigned long long)st.st_size == size
			       ? 0
			       : err_set(e, E_INFRA, "%s is damaged", kernel);
	}
	return err_set(e, E_INFRA, "the stamp knows of no vmlinux");
}

/* Kernel, its version and its stamp, as ci/deps.sh left them. */
static int find_kernel(const char *dir, struct carrier *c, struct buf *stamp,
		       struct err *e)
{
	struct buf version = BUF_INIT;
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), dir, "stamp", e);

	if (!r)
		r = fsio_read(path, STAMP_MAX, stamp, e);
	if (!r)
		r = fsio_join(path, sizeof(path), dir, "version", e);
	if (!r)
		r = fsio_read(path, sizeof(c->version) - 1, &version, e);
	if (!r) {
		snprintf(c->version, sizeof(c->version), "%.*s",
			 (int)strcspn(buf_str(&version), "\n"), buf_str(&version));
		r = fsio_join(c->kernel, sizeof(c->kernel), dir, "vmlinux", e);
	}
	if (!r)
		r = check_stamp(stamp, c->kernel, e);
	buf_release(&version);
	if (r)
		return err_ctx(e, "no carrier kernel (make deps)");
	return 0;
}

int carrier_prepare(const struct carrier_options *o, struct carrier *c, struct err *e)
{
	struct gather *g = calloc(1, sizeof(*g));
	struct buf stamp = BUF_INIT, archive = BUF_INIT;
	char dir[PATH_MAX];
	int r;

	if (!g)
		return err_set(e, E_NOMEM, "out of memory");
	memset(c, 0, sizeof(*c));
	r = fsio_join(dir, sizeof(dir), o->cache_dir, "carrier/current", e);
	if (!r)
		r = find_kernel(dir, c, &stamp, e);
	if (!r)
		r = add_folders(g, e);
	if (!r)
		r = add_programs(g, o, e);
	if (!r)
		r = add_all_modules(g, dir, e);
	if (!r)
		r = initramfs_build(g->files, g->n, &archive, e);
	if (!r)
		r = hash_key(&stamp, &archive, c->key, e);
	if (!r)
		r = store(o, &archive, c, e);
	for (size_t i = 0; i < g->n_strings; i++)
		free(g->strings[i]);
	free(g);
	buf_release(&stamp);
	buf_release(&archive);
	return r;
}
