/* SPDX-License-Identifier: MIT */
#include "images/firmlinks.h"

#include <limits.h>
#include <string.h>

static const struct fs_xattr *target_of(const struct fs_node *n)
{
	for (const struct fs_xattr *x = n->xattrs; x; x = x->next)
		if (!strcmp(x->name, "com.apple.fs.firmlink"))
			return x;
	return NULL;
}

int firmlinks_text(const struct fs_tree *t, struct buf *out, struct err *e)
{
	char path[PATH_MAX];

	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		const struct fs_xattr *x = n->bsd_flags & SF_FIRMLINK ? target_of(n) : NULL;
		int r;

		if (!x)
			continue;
		r = buf_printf(out, e, "%s\t%.*s\n", fs_node_path(n, path, sizeof(path)),
			       (int)x->len, (const char *)x->value);
		if (r)
			return r;
	}
	return 0;
}
