/* SPDX-License-Identifier: MIT */
/* What need not be in the staging folder any more. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/staging/staging.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define FOLDER_DEPTH 64

struct prune {
	const struct staging *s;
	char root[PATH_MAX]; /* the staging folder */
	bool ok;
};

static bool staging_root(const struct staging *s, char out[static PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s" PATH_STAGED_EXTENSIONS,
			strcmp(s->root, "/") ? s->root : "") < PATH_MAX;
}

static bool is_kext_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name && !strcmp(dot, ".kext");
}

/* Remove the copy at @path unless its original is still there. True: it is gone. */
static bool prune_kext(struct prune *p, const char *path)
{
	const char *rel = path + strlen(p->root);
	char original[PATH_MAX];
	struct err e = ERR_INIT;

	if (snprintf(original, sizeof(original), "%s%s",
		     strcmp(p->s->root, "/") ? p->s->root : "", rel) >= PATH_MAX ||
	    fsio_exists(original))
		return false;
	clog_say(p->s->log, CLOG_DETAIL, "Pruning deleted kernel extension: %s", original);
	if (!fsio_remove_tree(path, &e))
		return true;
	clog_say(p->s->log, CLOG_ERROR, "Unable to delete kernel extension: %s, %s", path,
		 e.msg);
	p->ok = false;
	return false;
}

static bool prune_folder(struct prune *p, const char *path, unsigned depth);

/* True: there was a copy at or below @path, and it is gone. */
static bool prune_entry(struct prune *p, const char *path, const char *name, unsigned depth)
{
	struct stat st;
	bool gone;

	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return false;
	if (is_kext_name(name))
		return prune_kext(p, path);
	gone = prune_folder(p, path, depth);
	/* Nobody but us put anything here: a folder that lost its last copy goes too. */
	if (gone && rmdir(path) && errno != ENOTEMPTY && errno != EEXIST) {
		clog_say(p->s->log, CLOG_ERROR,
			 "Unable to delete empty staging directory: %s, %s", path,
			 strerror(errno));
		p->ok = false;
	}
	return gone;
}

static bool prune_folder(struct prune *p, const char *path, unsigned depth)
{
	DIR *d = depth < FOLDER_DEPTH ? opendir(path) : NULL;
	struct dirent *de;
	bool gone = false;

	if (!d) {
		clog_say(p->s->log, CLOG_ERROR, "Error pruning staging area: %s, %s", path,
			 strerror(errno));
		return false;
	}
	while ((de = readdir(d))) {
		char child[PATH_MAX];

		if (strcmp(de->d_name, ".") && strcmp(de->d_name, "..") &&
		    snprintf(child, sizeof(child), "%s/%s", path, de->d_name) < PATH_MAX)
			gone |= prune_entry(p, child, de->d_name, depth + 1);
	}
	closedir(d);
	return gone;
}

bool staging_prune(const struct staging *s)
{
	struct prune p = {.s = s, .ok = true};

	if (staging_root(s, p.root) && fsio_exists(p.root))
		prune_folder(&p, p.root, 0);
	return p.ok;
}

void staging_clear(const struct staging *s)
{
	char root[PATH_MAX], path[PATH_MAX];
	struct dirent *de;
	DIR *d = staging_root(s, root) ? opendir(root) : NULL;

	while (d && (de = readdir(d))) {
		struct err e = ERR_INIT;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    snprintf(path, sizeof(path), "%s/%s", root, de->d_name) >= PATH_MAX)
			continue;
		if (fsio_remove_tree(path, &e))
			clog_say(s->log, CLOG_ERROR, "Unable to delete extension: %s, %s",
				 path, e.msg);
	}
	if (d)
		closedir(d);
}
