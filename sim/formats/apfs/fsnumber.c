/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <sys/stat.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/fswalk.h"

#define SYMLINK_TARGET_MAX 1023

static int check_node(const struct apfs_volume_spec *spec, const struct fs_node *n,
		      struct err *e)
{
	int rc = n->parent ? apfs_name_check(n->name, e) : 0;

	if (rc != 0)
		return rc;
	if (!S_ISDIR(n->mode) && !S_ISREG(n->mode) && !S_ISLNK(n->mode))
		return err_set(e, E_INVAL, "file type %o", n->mode & S_IFMT);
	if (S_ISLNK(n->mode) && (n->size == 0 || n->size > SYMLINK_TARGET_MAX))
		return err_set(e, E_INVAL, "target of a link must have 1..%d bytes",
			       SYMLINK_TARGET_MAX);
	/* Its hashes are those of the content as it is read, which is not at hand. */
	if (spec->sealed && n->bsd_flags & APFS_UF_COMPRESSED)
		return err_set(e, E_UNSUPPORTED, "compressed file on a sealed volume");
	return 0;
}

static int number_inodes(struct apfs_fs_walk *w, struct err *e)
{
	const struct fs_tree *t = w->spec->tree;
	char path[256];

	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		int rc = check_node(w->spec, n, e);

		if (rc != 0) {
			err_ctx(e, "%s", fs_node_path(n, path, sizeof(path)));
			return rc;
		}
		w->n_names += n->link || n->n_links > 0;
		if (!n->link)
			n->tag = n == t->root ? APFS_INO_ROOT : w->fs->next_id++;
	}
	return 0;
}

static int name_order(const void *pa, const void *pb)
{
	const struct apfs_fs_name *a = pa, *b = pb;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	/* The name that the inode itself carries must have the lowest sibling id. */
	if (!a->node->link != !b->node->link)
		return a->node->link ? 1 : -1;
	return a->order < b->order ? -1 : 1;
}

static int number_names(struct apfs_fs_walk *w, struct err *e)
{
	const struct fs_tree *t = w->spec->tree;
	size_t at = 0;

	if (w->n_names == 0)
		return 0;
	w->names = calloc(w->n_names, sizeof(*w->names));
	if (!w->names)
		return err_set(e, E_NOMEM, "out of memory for hard links");
	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		if (n->link || n->n_links > 0) {
			w->names[at] = (struct apfs_fs_name){
				.node = n, .ino = apfs_fs_inode_of(n)->tag, .order = at};
			at++;
		}
	}
	qsort(w->names, w->n_names, sizeof(*w->names), name_order);
	for (size_t i = 0; i < w->n_names; i++) {
		w->names[i].sibling = w->fs->next_id++;
		if (w->names[i].node->link)
			w->names[i].node->tag = w->names[i].sibling;
	}
	return 0;
}

const struct apfs_fs_name *apfs_fs_names_of(const struct apfs_fs_walk *w, uint64_t ino,
					    size_t *ret_n)
{
	size_t lo = 0, hi = w->n_names;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (w->names[mid].ino < ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (hi = lo; hi < w->n_names && w->names[hi].ino == ino; hi++)
		;
	*ret_n = hi - lo;
	return hi > lo ? &w->names[lo] : NULL;
}

int apfs_fs_number(struct apfs_fs_walk *w, struct err *e)
{
	int rc = number_inodes(w, e);

	return rc != 0 ? rc : number_names(w, e);
}
