/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/common/trusted_path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define CONF_MAX (4u << 20)

int trusted_paths_load(struct trusted_paths *t, const char *root, struct err *e)
{
	struct buf b = BUF_INIT;
	char file[PATH_MAX];
	int r = fsio_join(file, sizeof(file), root, PATH_ROOTLESS_CONF, e);

	*t = (struct trusted_paths){.root = root};
	if (!r)
		r = fsio_read(file, CONF_MAX, &b, e);
	if (!r)
		r = rootless_parse(&t->conf, (const char *)b.data, b.len, e);
	buf_release(&b);
	return r;
}

void trusted_paths_release(struct trusted_paths *t)
{
	rootless_release(&t->conf);
}

const char *trusted_path_inside(const char *root, const char *path)
{
	size_t n = strlen(root);

	if (n <= 1)
		return path;
	if (strncmp(path, root, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n : "/";
}

/* Is what @inside is or lies in an entry of @folder that the installer has marked? */
static bool is_marked(const struct trusted_paths *t, const char *folder, const char *inside)
{
	const char *name = inside + strlen(folder), *end;
	char path[PATH_MAX];

	while (*name == '/')
		name++;
	end = strchrnul(name, '/');
	if (snprintf(path, sizeof(path), "%s%.*s", strcmp(t->root, "/") ? t->root : "",
		     (int)(end - inside), inside) >= (int)sizeof(path))
		return false;
	return lgetxattr(path, TRUSTED_PATH_XATTR, NULL, 0) >= 0;
}

bool trusted_path(const struct trusted_paths *t, const char *path, const char *class_)
{
	const char *inside = trusted_path_inside(t->root, path);
	const struct rootless_rule *rule;

	if (!inside)
		return false;
	rule = rootless_nearest(&t->conf, inside, true);
	if (rule && rule->entries && !is_marked(t, rule->path, inside))
		rule = rootless_nearest(&t->conf, inside, false);
	if (!rule || rule->exception)
		return false;
	return !class_ || !rule->class_ || !strcmp(rule->class_, class_);
}
