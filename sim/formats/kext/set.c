/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/formats/kext/set.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/kext/version.h"

void kext_set_release(struct kext_set *s)
{
	if (s->owns)
		for (size_t i = 0; i < s->n; i++)
			kext_free(s->item[i]);
	free(s->item);
	*s = (struct kext_set){0};
}

int kext_set_add(struct kext_set *s, struct kext *k, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 32;
		struct kext **item;

		if (s->n >= KEXT_SET_MAX)
			return err_set(e, E_OVERFLOW, "more than %d kernel extensions",
				       KEXT_SET_MAX);
		item = realloc(s->item, cap * sizeof(struct kext *));
		if (!item)
			return err_set(e, E_NOMEM, "out of memory");
		s->item = item;
		s->cap = cap;
	}
	s->item[s->n++] = k;
	return 0;
}

bool kext_set_has(const struct kext_set *s, const struct kext *k)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->item[i] == k)
			return true;
	return false;
}

struct kext *kext_set_at_path(const struct kext_set *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->item[i]->path, path))
			return s->item[i];
	return NULL;
}

struct kext *kext_set_newest(const struct kext_set *s, const char *id)
{
	struct kext *best = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->item[i]->id, id) &&
		    (!best || s->item[i]->version > best->version))
			best = s->item[i];
	return best;
}

static bool is_bundle_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name && (!strcmp(dot, ".kext") || !strcmp(dot, ".dext"));
}

/* Add the bundle at @path, resolved to @real; one that cannot be read is logged and left
 * out. */
static int add_bundle(struct kext_set *s, const char *path, char real[PATH_MAX],
		      bool *ret_added, const struct component_log *log, struct err *e)
{
	struct err why = ERR_INIT;
	struct kext *k = NULL;
	int r;

	*ret_added = false;
	if (!realpath(path, real)) {
		clog_say(log, CLOG_ERROR, "Can't open CFBundle for %s.", path);
		return 0;
	}
	if (kext_set_at_path(s, real))
		return 0;
	r = kext_open(real, &k, &why);
	if (r == -E_NOMEM) {
		*e = why;
		return r;
	}
	if (r) {
		clog_say(log, CLOG_ERROR, "%s", why.msg);
		return 0;
	}
	r = kext_set_add(s, k, e);
	if (r)
		kext_free(k);
	*ret_added = !r;
	return r;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int only_bundles(const struct dirent *de)
{
	return is_bundle_name(de->d_name);
}

static int scan_one(struct kext_set *s, const char *path, bool plugins,
		    const struct component_log *log, struct err *e);

/* The bundles directly in @folder. */
static int scan_folder(struct kext_set *s, const char *folder, bool plugins,
		       const struct component_log *log, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, only_bundles, by_name), r = 0;

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_sys(e, "reading %s", folder);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (!r)
			r = fsio_join(path, sizeof(path), folder, list[i]->d_name, e);
		if (!r)
			r = scan_one(s, path, plugins, log, e);
		free(list[i]);
	}
	free(list);
	return r;
}

/* One bundle, and with @plugins those inside it. */
static int scan_one(struct kext_set *s, const char *path, bool plugins,
		    const struct component_log *log, struct err *e)
{
	char real[PATH_MAX], inside[PATH_MAX];
	bool added;
	int r;

	clog_say(log, CLOG_DETAIL, plugins ? "Found %s." : "Found plugin %s.", path);
	r = add_bundle(s, path, real, &added, log, e);
	if (r || !added || !plugins)
		return r;
	r = fsio_join(inside, sizeof(inside), real,
		      s->item[s->n - 1]->flat ? "PlugIns" : "Contents/PlugIns", e);
	return r ? r : scan_folder(s, inside, false, log, e);
}

int kext_set_scan(struct kext_set *s, const char *folder, const struct component_log *log,
		  struct err *e)
{
	char clean[PATH_MAX];
	size_t len = strlen(folder);

	if (len >= sizeof(clean))
		return err_set(e, E_OVERFLOW, "path too long: %s", folder);
	memcpy(clean, folder, len + 1);
	while (len > 1 && clean[len - 1] == '/')
		clean[--len] = '\0';
	if (is_bundle_name(clean))
		return scan_one(s, clean, true, log, e);
	if (!fsio_exists(clean)) {
		clog_say(log, CLOG_PROGRESS,
			 "__OSKextCreateKextsFromURL: %s - no such file or directory.",
			 clean);
		return 0;
	}
	clog_say(log, CLOG_PROGRESS, "Scanning %s for kexts.", clean);
	return scan_folder(s, clean, true, log, e);
}

int kext_set_add_newest(struct kext_set *s, struct kext *k,
			const struct component_log *log, struct err *e)
{
	if (k->version == KEXT_VERSION_INVALID)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct kext *have = s->item[i];

		if (strcmp(have->id, k->id))
			continue;
		if (have->version >= k->version) {
			clog_say(log, CLOG_DEBUG,
				 "_appendIfNewest: found %s, skipping %s",
				 have->version == k->version ? "dup" : "newer", k->path);
			return 0;
		}
		clog_say(log, CLOG_DEBUG, "_appendIfNewest: found older, removing %s",
			 have->path);
		memmove(&s->item[i], &s->item[i + 1],
			(s->n - i - 1) * sizeof(struct kext *));
		s->n--;
		break;
	}
	return kext_set_add(s, k, e);
}
