/* SPDX-License-Identifier: MIT */
/* The extensions that a user brings, as a part of the System volume. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/own_system.h"
#include "sim/base/bytes.h"
#include "sim/base/ckd.h"

#define MIB (1u << 20)

/* What an installer gives folders, programs and the rest; a copy has its user's umask. */
#define MODE_FOLDER  0755
#define MODE_PROGRAM 0755
#define MODE_FILE    0644

#define APPLE_DOUBLE_MAGIC 0x00051607u

/* Only what says so of itself: a file may be called like that for another reason. */
static int is_apple_double(const struct fs_node *n, bool *ret, struct err *e)
{
	uint8_t head[4];
	FILE *f;

	*ret = false;
	if (strncmp(n->name, "._", 2) != 0 || !n->host_path)
		return 0;
	f = fopen(n->host_path, "rbe");
	if (!f)
		return err_sys(e, "%s", n->host_path);
	*ret = fread(head, sizeof(head), 1, f) == 1 &&
	       get_be32(head) == APPLE_DOUBLE_MAGIC;
	fclose(f);
	return 0;
}

static uint32_t installed_mode(const struct fs_node *n)
{
	if (S_ISLNK(n->mode))
		return n->mode;
	if (S_ISDIR(n->mode))
		return S_IFDIR | MODE_FOLDER;
	return S_IFREG | (n->mode & S_IXUSR ? MODE_PROGRAM : MODE_FILE);
}

static bool is_below(const struct fs_node *n, const struct fs_node *top)
{
	while (n && n != top)
		n = n->parent;
	return n != NULL;
}

/* The next AppleDouble file behind @from, if any; what is passed on the way is installed.
 */
static int install(const struct fs_tree *t, const struct fs_node *top,
		   struct fs_node **at, uint64_t *bytes, struct err *e)
{
	for (; *at && is_below(*at, top); *at = fs_tree_next(t, *at)) {
		struct fs_node *n = *at;
		bool skip;
		int r = is_apple_double(n, &skip, e);

		if (r)
			return r;
		if (skip)
			return 0;
		n->mode = installed_mode(n);
		if (n->host_path && ckd_add(bytes, *bytes, n->size))
			return err_set(e, E_NOSPC, "the extensions are too large");
	}
	*at = NULL;
	return 0;
}

static int install_all(struct fs_tree *t, struct fs_node *top, uint64_t *bytes,
		       struct err *e)
{
	struct fs_node *at = top;
	int r = install(t, top, &at, bytes, e);

	while (at && !r) {
		char path[PATH_MAX];
		const char *leave = fs_node_path(at, path, sizeof(path));

		at = fs_tree_next(t, at);
		r = fs_tree_remove(t, leave, e);
		if (!r)
			r = install(t, top, &at, bytes, e);
	}
	return r;
}

int own_system_import(const struct own_system *s, struct fs_tree *t, const char *path,
		      uint64_t room, struct err *e)
{
	uint64_t bytes = 0;
	int r = fs_tree_import(t, path, s->extensions, e);

	if (!r)
		r = install_all(t, fs_tree_find(t, path), &bytes, e);
	if (!r && bytes > room)
		r = err_set(e, E_NOSPC,
			    "the extensions hold %llu MiB, on the disk there is room for "
			    "%llu: leave out what is no kext or not needed, such as the "
			    "drivers of graphics cards",
			    (unsigned long long)(bytes / MIB),
			    (unsigned long long)(room / MIB));
	return r ? err_ctx(e, "system '%s'", s->dir) : 0;
}
