/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "images/cachekey.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/approvals.h"
#include "images/system_kexts.h"
#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/platform/paths.h"
#include "sim/platform/secureboot/keys.h"

#define PIECE	  (64u << 10)
#define DEPTH_MAX 32

static int add(EVP_MD_CTX *md, const void *data, size_t len, struct err *e)
{
	if (EVP_DigestUpdate(md, data, len) != 1)
		return err_set(e, E_IO, "SHA-256 failed");
	return 0;
}

/* With its NUL, so that neighbours cannot run into each other. */
static int add_text(EVP_MD_CTX *md, const char *s, struct err *e)
{
	return add(md, s ? s : "-", strlen(s ? s : "-") + 1, e);
}

/* In pieces: a system that a user brings has files of any size. */
static int add_pieces(EVP_MD_CTX *md, int fd, const char *path, struct err *e)
{
	uint8_t piece[PIECE];
	uint64_t len = 0;
	ssize_t n;
	int r = 0;

	while (!r && (n = read(fd, piece, sizeof(piece)))) {
		if (n < 0)
			return err_sys(e, "reading %s", path);
		len += (uint64_t)n;
		r = add(md, piece, (size_t)n, e);
	}
	/* Behind the content, whose end nothing else tells. */
	return r ? r : add(md, &len, sizeof(len), e);
}

static int add_file(EVP_MD_CTX *md, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, "%s", path);
	r = add_pieces(md, fd, path, e);
	close(fd);
	return r;
}

static int add_path(EVP_MD_CTX *md, const char *path, unsigned depth, struct err *e);

static int add_folder(EVP_MD_CTX *md, const char *path, unsigned depth, struct err *e)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), r = 0;

	if (n < 0)
		return err_sys(e, "reading folder %s", path);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char sub[PATH_MAX];

		if (!r && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			r = add_text(md, name, e);
			if (!r)
				r = fsio_join(sub, sizeof(sub), path, name, e);
			if (!r)
				r = add_path(md, sub, depth + 1, e);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int add_link(EVP_MD_CTX *md, const char *path, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "%s", path);
	target[n] = '\0';
	return add_text(md, target, e);
}

/* The path itself may be a link (/bin/busybox); below it, a link is a link. */
static int add_path(EVP_MD_CTX *md, const char *path, unsigned depth, struct err *e)
{
	struct stat st;
	int r;

	if (depth > DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "%s: folders nested too deep", path);
	if (depth ? lstat(path, &st) : stat(path, &st))
		return err_sys(e, "%s", path);
	r = add(md, &st.st_mode, sizeof(st.st_mode), e);
	if (r)
		return r;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return add_folder(md, path, depth, e);
	case S_IFREG:
		return add_file(md, path, e);
	case S_IFLNK:
		return add_link(md, path, e);
	default:
		return err_set(e, E_UNSUPPORTED, "%s: neither file, folder nor link",
			       path);
	}
}

/* Who signs what is on the disk. */
static int add_keys(EVP_MD_CTX *md, const struct image_env *env, struct err *e)
{
	char dir[PATH_MAX], text[SHA256_TEXT_MAX];
	struct sb_keys keys;
	int r = fsio_join(dir, sizeof(dir), env->build_dir, IMAGE_KEYS, e);

	if (r)
		return r;
	r = sb_keys_load(dir, &keys, e);
	if (!r)
		r = sb_keys_fingerprint(&keys, text, e);
	if (!r)
		r = add_text(md, text, e);
	sb_keys_release(&keys);
	return r;
}

/* Who signs kexts, and is Apple on this Mac. */
static int add_authority(EVP_MD_CTX *md, const struct image_env *env, struct err *e)
{
	struct signing_authority a = {.store = {.n = 0}};
	char text[SHA256_TEXT_MAX];
	int r = image_authority_load(env, &a, e);

	if (!r)
		r = signing_authority_fingerprint(&a, text, e);
	if (!r)
		r = add_text(md, text, e);
	signing_authority_release(&a);
	return r;
}

/* Without a LocalPolicy SIP's flags are in NVRAM, which is no part of a disk. */
static int add_signed(EVP_MD_CTX *md, const struct image_env *env,
		      const struct disk_spec *spec, struct err *e)
{
	int r = image_has_chip(spec) ? add_keys(md, env, e) : 0;

	if (!r && !spec->release->kernel_collections)
		r = add_authority(md, env, e);
	if (r || !disk_machine(spec)->csr_in_local_policy)
		return r;
	r = add(md, &spec->csr, sizeof(spec->csr), e);
	return r ? r : add(md, &spec->security, sizeof(spec->security), e);
}

/* What the user has approved: not the bundles, but what they are called. */
static int add_approvals(EVP_MD_CTX *md, const struct disk_spec *spec, struct err *e)
{
	struct approvals a;
	int r = approvals_read(spec, &a, e);

	if (r)
		return r;
	for (size_t i = 0; i < a.n && !r; i++)
		if (!(r = add_text(md, a.row[i].id, e)) &&
		    !(r = add_text(md, a.row[i].signer.team, e)))
			r = add_text(md, a.row[i].signer.developer, e);
	approvals_release(&a);
	return r;
}

/* Kernel and extensions of a system that a user brings: their content, wherever it is. */
static int add_own_system(EVP_MD_CTX *md, const struct disk_spec *spec, struct err *e)
{
	static const char *const parts[] = {PATH_KERNEL, PATH_SYSTEM_EXTENSIONS};
	int r = 0;

	for (size_t i = 0; spec->system && i < sizeof(parts) / sizeof(parts[0]) && !r;
	     i++) {
		char path[PATH_MAX];

		r = fsio_join(path, sizeof(path), spec->system, parts[i] + 1, e);
		if (!r)
			r = add_path(md, path, 0, e);
	}
	return r;
}

static int add_spec(EVP_MD_CTX *md, const struct disk_spec *spec, struct err *e)
{
	int r;

	if ((r = add_text(md, spec->release->name, e)) ||
	    (r = add_text(md, disk_machine(spec)->name, e)) ||
	    (r = add_text(md, spec->system_name, e)) ||
	    (r = add(md, &spec->order, sizeof(spec->order), e)) ||
	    (r = add_text(md, spec->filevault_user, e)) ||
	    (r = add_text(md, spec->filevault_passphrase, e)) ||
	    (r = add(md, &spec->sleepimage_mib, sizeof(spec->sleepimage_mib), e)) ||
	    (r = add_own_system(md, spec, e)))
		return r;
	for (size_t i = 0; i < spec->n_kexts; i++) {
		const char *name = strrchr(spec->kexts[i].bundle, '/');

		if ((r = add_text(md, name ? name : spec->kexts[i].bundle, e)) ||
		    (r = add_text(md, spec->kexts[i].folder, e)) ||
		    (r = add_text(md, spec->kexts[i].name, e)) ||
		    (r = add_path(md, spec->kexts[i].bundle, 0, e)))
			return r;
	}
	return add_approvals(md, spec, e);
}

static int add_inputs(EVP_MD_CTX *md, const struct image_env *env, struct err *e)
{
	const struct {
		const char *folder, *below;
	} inputs[] = {
		{"/proc/self/exe", ""},
		{env->source_dir, "/images/trees"},
		{env->build_dir, "/guest"},
		{env->build_dir, "/system"},
		{"/bin/bash-static", ""},
		{"/bin/busybox", ""},
	};

	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		char path[PATH_MAX];
		int r;

		snprintf(path, sizeof(path), "%s%s", inputs[i].folder, inputs[i].below);
		r = add_path(md, path, 0, e);
		if (r)
			return err_ctx(e, "what a disk is made of (run make deps all)");
	}
	return 0;
}

int image_cache_key(const struct image_env *env, const struct disk_spec *spec,
		    char key[static CACHE_KEY_LEN], struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	int r = 0;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		r = err_set(e, E_NOMEM, "SHA-256 is not available");
	if (!r)
		r = add_inputs(md, env, e);
	if (!r)
		r = add_spec(md, spec, e);
	if (!r)
		r = add_signed(md, env, spec, e);
	if (!r && EVP_DigestFinal_ex(md, digest, NULL) != 1)
		r = err_set(e, E_IO, "SHA-256 failed");
	EVP_MD_CTX_free(md);
	if (r)
		return r;
	hex_text(digest, CACHE_KEY_LEN / 2, key);
	return 0;
}
