/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kernelmanagerd/repositories.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"

const char *const km_repositories[] = {
	"/Library/Extensions",
	"/Library/Apple/System/Library/Extensions",
	"/AppleInternal/Library/Extensions",
	"/System/AppleInternal/Library/AuxiliaryExtensions",
	"/System/AppleInternal/Diagnostics/AuxiliaryExtensions",
	"/System/Library/AuxiliaryExtensions",
	"/System/Library/DriverExtensions",
	"/Library/DriverExtensions",
	NULL,
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcmp(name + n - k, suffix);
}

static int is_bundle(const struct dirent *d)
{
	return d->d_name[0] != '.' &&
	       (has_suffix(d->d_name, ".kext") || has_suffix(d->d_name, ".dext"));
}

/* strcmp and not the locale's order: the same on every host. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add(struct km_bundles *b, const char *path, struct err *e)
{
	if (b->n == KM_BUNDLES_MAX)
		return err_set(e, E_OVERFLOW, "more than %u extensions", KM_BUNDLES_MAX);
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 64;
		char **bigger = realloc(b->path, cap * sizeof(*bigger));

		if (!bigger)
			return err_set(e, E_NOMEM, "out of memory");
		b->path = bigger;
		b->cap = cap;
	}
	b->path[b->n] = strdup(path);
	return b->path[b->n] ? (b->n++, 0) : err_set(e, E_NOMEM, "out of memory");
}

static int find_in(const char *root, const char *folder, bool plugins,
		   struct km_bundles *b, struct err *e)
{
	char host[PATH_MAX], path[PATH_MAX], inner[PATH_MAX];
	struct dirent **list = NULL;
	int n, r = 0;

	if (snprintf(host, sizeof(host), "%s%s", root, folder) >= (int)sizeof(host))
		return err_set(e, E_OVERFLOW, "%s: path too long", folder);
	n = scandir(host, &list, is_bundle, by_name);
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "%s", folder);
	for (int i = 0; i < n; i++) {
		if (!r)
			r = fsio_join(path, sizeof(path), folder, list[i]->d_name, e);
		if (!r)
			r = add(b, path, e);
		if (!r && plugins && has_suffix(path, ".kext")) {
			r = fsio_join(inner, sizeof(inner), path, "Contents/PlugIns", e);
			if (!r) /* one level, as on a Mac */
				r = find_in(root, inner, false, b, e);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

int km_bundles_find(const char *root, struct km_bundles *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; km_repositories[i] && !r; i++)
		r = find_in(root, km_repositories[i], true, ret, e);
	return r;
}

void km_bundles_release(struct km_bundles *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->path[i]);
	free(b->path);
	*b = (struct km_bundles){.n = 0};
}
