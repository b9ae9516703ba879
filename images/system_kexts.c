/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "images/system_kexts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/tree_copy.h"

int image_authority_load(const struct image_env *env, struct signing_authority *ret,
			 struct err *e)
{
	char dir[PATH_MAX];
	int r = fsio_join(dir, sizeof(dir), env->build_dir, IMAGE_KEYS, e);

	return r ? r : signing_authority_load(dir, ret, e);
}

static int sign(struct signing_authority *a, const char *path, struct err *e)
{
	const struct signing_how how = {.time = SIGNING_BUILD_TIME};

	return signing_sign(a, signing_identity_by_name("apple"), path, &how, e);
}

static bool is_bundle(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && !strcmp(name + n - 5, ".kext");
}

/* In a flat bundle PlugIns is no place for nested code: what is in it are files. */
static int sign_plugins(struct signing_authority *a, const char *bundle,
			struct err *e)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent *de;
	DIR *d;
	int r = fsio_join(folder, sizeof(folder), bundle, "PlugIns", e);

	if (r)
		return r;
	d = opendir(folder);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "%s", folder);
	while (!r && (de = readdir(d))) {
		if (!is_bundle(de->d_name))
			continue;
		r = fsio_join(path, sizeof(path), folder, de->d_name, e);
		if (!r)
			r = sign(a, path, e);
	}
	closedir(d);
	return r;
}

int system_kext_sign(struct signing_authority *a, const char *from, const char *to,
		     struct err *e)
{
	int r = from ? tree_copy(from, to, NULL, e) : 0;

	if (!r)
		r = sign_plugins(a, to, e);
	if (!r)
		r = sign(a, to, e);
	return r ? err_ctx(e, "%s", to) : 0;
}
