/* SPDX-License-Identifier: MIT */
#include "sim/platform/bootcaches.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

#define FILE_MAX (1u << 20)

/*
 * The keys that may stand in each dictionary. Apple counts what it handled and takes any
 * rest to mean that the file is from a future it does not know (EFTYPE).
 */
static const char *const top_keys[] = {"PreBootPaths", "BooterPaths", "PostBootPaths",
				       NULL};
static const char *const pre_keys[] = {"DiskLabel", "AdditionalPaths", NULL};
static const char *const booter_keys[] = {"EFIBooter", "OFBooter", NULL};
static const char *const post_keys[] = {
	"AdditionalPaths",  "BootConfig",       "EncryptedRoot",    "MKext",
	"MKext2",           "Kernelcache v1.1", "Kernelcache v1.2", "Kernelcache v1.3",
	"Kernelcache v1.4", "Kernelcache v1.5", NULL};
static const char *const crypt_keys[] = {
	"EncryptedPropertyCache",  "RootVolumePropertyCache",
	"DefaultResourcesDir",	   "LocalizationSource",
	"LanguagesPref",	   "BackgroundImage",
	"LocalizedResourcesCache", NULL};

static const struct {
	const char *key;
	enum bootcaches_kind kind;
	unsigned minor;
} cache_keys[] = {
	{"Kernelcache v1.1", BOOTCACHES_KERNELCACHE, 1},
	{"Kernelcache v1.2", BOOTCACHES_KERNELCACHE, 2},
	{"Kernelcache v1.3", BOOTCACHES_KERNELCACHE, 3},
	{"Kernelcache v1.4", BOOTCACHES_KERNELCACHE, 4},
	{"Kernelcache v1.5", BOOTCACHES_KERNELCACHE, 5},
	{"MKext2", BOOTCACHES_MKEXT, 2},
	{"MKext", BOOTCACHES_MKEXT, 1},
};

#define N_CACHE_KEYS (sizeof(cache_keys) / sizeof(cache_keys[0]))

static int unknown(struct err *e, const char *what)
{
	return err_set(e, E_CORRUPT, "%s", what);
}

static int only_known(plist_t dict, const char *const *known, struct err *e)
{
	struct pl_iter it;
	int r = 0;

	for (pl_each(&it, dict); pl_next(&it);) {
		const char *const *k = known;

		while (*k && strcmp(*k, it.key))
			k++;
		if (*k)
			continue;
		r = err_set(e, E_CORRUPT, "key '%s' is not known", it.key);
		pl_iter_release(&it);
		break;
	}
	return r;
}

static int copy_path(const char *s, char **ret, struct err *e)
{
	if (*s != '/' || strlen(s) >= BOOTCACHES_PATH_MAX)
		return unknown(e, "not a path that can be used");
	*ret = strdup(s);
	return *ret ? 0 : err_set(e, E_NOMEM, "out of memory");
}

/* The path under @key, if any. */
static int opt_path(plist_t dict, const char *key, char **ret, struct err *e)
{
	const char *s = NULL;
	int r = pl_opt_string(dict, key, &s, e);

	return r || !s ? r : copy_path(s, ret, e);
}

static int need_path(plist_t dict, const char *key, char **ret, struct err *e)
{
	int r = opt_path(dict, key, ret, e);

	return r || *ret ? r : unknown(e, "a path is missing");
}

static int copy_strings(plist_t array, char **out, size_t max, size_t *n, bool paths,
			struct err *e)
{
	uint32_t count = plist_array_get_size(array);
	const char *s = NULL;
	int r = 0;

	if (count > max)
		return unknown(e, "too many strings in an array");
	for (uint32_t i = 0; i < count && !r; i++) {
		r = pl_array_string(array, i, &s, e);
		if (!r && paths)
			r = copy_path(s, &out[*n], e);
		else if (!r && !(out[*n] = strdup(s)))
			r = err_set(e, E_NOMEM, "out of memory");
		if (!r)
			(*n)++;
	}
	return r;
}

/* ExtensionsDir is one string before v1.3, later an array. */
static int read_ext_dirs(plist_t d, struct bootcaches *b, struct err *e)
{
	plist_t dirs = plist_dict_get_item(d, "ExtensionsDir"), more = NULL;
	int r;

	if (!dirs)
		return unknown(e, "ExtensionsDir is missing");
	if (pl_str(dirs)) {
		r = copy_path(pl_str(dirs), &b->ext_dir[0], e);
		b->n_ext_dirs = !r;
	} else {
		r = pl_array(d, "ExtensionsDir", &dirs, e);
		if (!r)
			r = copy_strings(dirs, b->ext_dir, BOOTCACHES_DIRS_MAX,
					 &b->n_ext_dirs, true, e);
	}
	if (!r)
		r = pl_opt_array(d, "UnwatchedExtensionsDir", &more, e);
	if (!r && more)
		r = copy_strings(more, b->unwatched_dir, BOOTCACHES_DIRS_MAX,
				 &b->n_unwatched_dirs, true, e);
	return r;
}

static int read_cache(plist_t d, struct bootcaches *b, struct err *e)
{
	const char *compression = NULL;
	plist_t archs = NULL;
	int r = opt_path(d, "ReadOnlyPath", &b->read_only_path, e);

	if (!r)
		r = need_path(d, "Path", &b->path, e);
	if (!r)
		r = read_ext_dirs(d, b, e);
	if (!r && b->kind == BOOTCACHES_KERNELCACHE)
		r = need_path(d, "KernelPath", &b->kernel_path, e);
	if (!r)
		r = opt_path(d, "KernelsDir", &b->kernels_dir, e);
	if (!r)
		r = pl_opt_array(d, "Archs", &archs, e);
	if (!r && archs)
		r = copy_strings(archs, b->arch, BOOTCACHES_ARCHS_MAX, &b->n_archs, false,
				 e);
	if (!r)
		r = pl_opt_string(d, "Preferred Compression", &compression, e);
	b->lzvn = compression && !strcmp(compression, "lzvn");
	return r;
}

static int read_post(plist_t post, struct bootcaches *b, struct err *e)
{
	plist_t crypt = NULL, cache = NULL;
	size_t found = 0;
	int r = only_known(post, post_keys, e);

	if (!r)
		r = pl_opt_dict(post, "EncryptedRoot", &crypt, e);
	if (!r && crypt)
		r = only_known(crypt, crypt_keys, e);
	for (size_t i = 0; i < N_CACHE_KEYS && !r; i++) {
		if (!plist_dict_get_item(post, cache_keys[i].key))
			continue;
		if (found++)
			return unknown(e, "more than one kind of kernel cache");
		b->kind = cache_keys[i].kind;
		b->minor = cache_keys[i].minor;
		r = pl_dict(post, cache_keys[i].key, &cache, e);
	}
	return r || !cache ? r : read_cache(cache, b, e);
}

static int read_top(plist_t root, struct bootcaches *b, struct err *e)
{
	plist_t pre = NULL, booters = NULL, post = NULL;
	int r = only_known(root, top_keys, e);

	if (!r)
		r = pl_opt_dict(root, "PreBootPaths", &pre, e);
	if (!r && pre)
		r = only_known(pre, pre_keys, e);
	if (!r)
		r = pl_opt_dict(root, "BooterPaths", &booters, e);
	if (!r && booters)
		r = only_known(booters, booter_keys, e);
	if (!r && booters)
		r = opt_path(booters, "EFIBooter", &b->booter, e);
	if (!r)
		r = pl_opt_dict(root, "PostBootPaths", &post, e);
	return r || !post ? r : read_post(post, b, e);
}

int bootcaches_parse(const char *root, const void *data, size_t len,
		     struct bootcaches *ret, struct err *e)
{
	struct bootcaches b = {.root = strdup(root)};
	plist_t list = NULL;
	int r;

	if (!b.root)
		return err_set(e, E_NOMEM, "out of memory");
	r = pl_parse(data, len, PATH_BOOTCACHES, &list, e);
	if (!r && plist_get_node_type(list) != PLIST_DICT)
		r = unknown(e, "not a dictionary");
	if (!r)
		r = read_top(list, &b, e);
	plist_free(list);
	if (!r) {
		*ret = b;
		return 0;
	}
	bootcaches_release(&b);
	if (r == -E_NOMEM)
		return r;
	return err_set(e, E_CORRUPT, "%s: unrecognized " PATH_BOOTCACHES, root);
}

static int check_owner(const char *root, const struct stat *st, struct err *e)
{
	if (st->st_uid != 0)
		return err_set(e, E_PERM, "%s: " PATH_BOOTCACHES
			       " not owned by root; no rebuilds.", root);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, E_PERM, "%s: " PATH_BOOTCACHES " writable by non-root.",
			       root);
	return 0;
}

static int read_open(int fd, const char *root, struct bootcaches *ret, struct err *e)
{
	struct buf b = BUF_INIT;
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return err_sys(e, "%s: " PATH_BOOTCACHES, root);
	r = check_owner(root, &st, e);
	if (r)
		return r;
	if (st.st_size > FILE_MAX)
		return err_set(e, E_CORRUPT, "%s: unrecognized " PATH_BOOTCACHES, root);
	r = buf_append_zeros(&b, (size_t)st.st_size, e);
	if (!r)
		r = fsio_pread_all(fd, b.data, b.len, 0, PATH_BOOTCACHES, e);
	if (!r)
		r = bootcaches_parse(root, b.data, b.len, ret, e);
	buf_release(&b);
	if (!r)
		ret->mtime = st.st_mtim.tv_sec;
	return r;
}

int bootcaches_load(const char *root, struct bootcaches *ret, struct err *e)
{
	char path[PATH_MAX];
	int fd, r = fsio_join(path, sizeof(path), root, PATH_BOOTCACHES, e);

	if (r)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, E_NOTFOUND, "%s: no " PATH_BOOTCACHES, root);
	if (fd < 0)
		return err_sys(e, "%s: error opening " PATH_BOOTCACHES, root);
	r = read_open(fd, root, ret, e);
	close(fd);
	return r;
}

void bootcaches_release(struct bootcaches *b)
{
	for (size_t i = 0; i < b->n_ext_dirs; i++)
		free(b->ext_dir[i]);
	for (size_t i = 0; i < b->n_unwatched_dirs; i++)
		free(b->unwatched_dir[i]);
	for (size_t i = 0; i < b->n_archs; i++)
		free(b->arch[i]);
	free(b->root);
	free(b->path);
	free(b->read_only_path);
	free(b->kernel_path);
	free(b->kernels_dir);
	free(b->booter);
	*b = (struct bootcaches){0};
}

int bootcaches_full_path(const struct bootcaches *b, const char *path, char *out,
			 size_t size, struct err *e)
{
	return fsio_join(out, size, b->root, path, e);
}
