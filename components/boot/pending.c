/* SPDX-License-Identifier: MIT */
#include "components/boot/pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/boot/overlay.h"
#include "sim/formats/apfs/edit.h"

/* Contents of the System volume while its new tree is written; the VM has 512 MiB. */
#define TREE_MEMORY_MAX (192u << 20)

/* A new content of the live state, to be written before operation @before. */
struct state {
	size_t before;
	struct fs_tree tree;
};

struct writer {
	struct live_volume *lv;
	const char *disk;
	int64_t time_ns;
	struct state state[LIVE_OPS_MAX + 1];
	size_t n_states;
};

static bool volume_pending(const struct live_volume *lv)
{
	return lv->n_ops || live_has_unsaved(lv);
}

bool pending_any(const struct live *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (volume_pending(&l->volume[i]))
			return true;
	return false;
}

/* ---- what the volume is to contain ---- */

/* *ret_fold: names match without regard to case. */
static int load_tree(const struct writer *w, struct fs_tree *t, bool *ret_fold,
		     struct err *e)
{
	struct apfs_volume *v;
	struct apfs *c;
	int r = fs_tree_init(t, w->time_ns, e);

	if (!r)
		r = apfs_open_path(w->disk, &c, e);
	if (r)
		return r;
	r = apfs_volume_open(c, w->lv->v->slot, NULL, &v, e);
	if (!r) {
		r = apfs_edit_tree_from_volume(v, TREE_MEMORY_MAX, t, e);
		*ret_fold = !apfs_volume_info_of(v)->case_sensitive;
		apfs_volume_close(v);
	}
	apfs_close(c);
	return r;
}

/* What the overlay with @upper showed, above the state that is on the disk now. */
static int add_state(struct writer *w, size_t before, const char *upper, struct err *e)
{
	struct state *s = &w->state[w->n_states];
	bool fold = true;
	int r = load_tree(w, &s->tree, &fold, e);

	s->before = before;
	w->n_states++;
	return r ? r : overlay_upper_apply(upper, &s->tree, fold, e);
}

/* All of them before the first transaction, since they are changes of the old state. */
static int collect_states(struct writer *w, struct err *e)
{
	const struct live_volume *lv = w->lv;
	char upper[80];
	int r = 0;

	for (size_t i = 0; !r && i < lv->n_ops; i++)
		if (lv->op[i].upper[0])
			r = add_state(w, i, lv->op[i].upper, e);
	if (!r && live_has_unsaved(lv))
		r = add_state(w, lv->n_ops, overlay_upper(&lv->overlay, upper), e);
	return r;
}

/* ---- transactions ---- */

static int apply_op(struct apfs_edit *ed, unsigned slot, const struct live_op *op,
		    struct err *e)
{
	switch (op->kind) {
	case LIVE_CREATE:
		return apfs_edit_snapshot_create(ed, slot, op->name, e);
	case LIVE_DELETE:
		return apfs_edit_snapshot_delete(ed, slot, op->name, e);
	case LIVE_ROOT:
		return apfs_edit_set_root(ed, slot, op->name[0] ? op->name : NULL, e);
	default:
		return apfs_edit_revert(ed, slot, op->name, e);
	}
}

static int replace_content(const struct writer *w, struct apfs_edit *ed,
			   struct fs_tree *tree, struct err *e)
{
	enum apfs_edit_seal mode =
		w->lv->seal == LIVE_UNSEALED ? APFS_EDIT_UNSEALED : APFS_EDIT_BROKEN;

	return apfs_edit_replace_tree(ed, w->lv->v->slot, tree, mode, NULL, e);
}

/* @tree NULL: the content stays; @op NULL: nothing but the content. */
static int transact(const struct writer *w, struct fs_tree *tree,
		    const struct live_op *op, struct err *e)
{
	struct apfs_edit *ed;
	int r = apfs_edit_begin_path(w->disk, w->time_ns, &ed, e);

	if (r)
		return r;
	if (tree)
		r = replace_content(w, ed, tree, e);
	if (!r && op)
		r = apply_op(ed, w->lv->v->slot, op, e);
	if (!r)
		return apfs_edit_commit(ed, e);
	apfs_edit_abort(ed);
	return r;
}

static int write_all(struct writer *w, struct err *e)
{
	const struct live_volume *lv = w->lv;
	size_t next = 0;
	int r = 0;

	for (size_t i = 0; !r && i <= lv->n_ops; i++) {
		bool changed = next < w->n_states && w->state[next].before == i;
		struct fs_tree *tree = changed ? &w->state[next++].tree : NULL;

		if (tree || i < lv->n_ops)
			r = transact(w, tree, i < lv->n_ops ? &lv->op[i] : NULL, e);
	}
	return r;
}

static int write_volume(struct live_volume *lv, const char *disk, int64_t time_ns,
			struct err *e)
{
	struct writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, E_NOMEM, "out of memory");
	w->lv = lv;
	w->disk = disk;
	w->time_ns = time_ns;
	r = collect_states(w, e);
	if (!r)
		r = write_all(w, e);
	for (size_t i = 0; i < w->n_states; i++)
		fs_tree_release(&w->state[i].tree);
	free(w);
	return r ? err_ctx(e, "writing the changes of %s", lv->v->device) : 0;
}

int pending_write(struct live *l, const char *disk, int64_t time_ns, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++)
		if (volume_pending(&l->volume[i]))
			r = write_volume(&l->volume[i], disk, time_ns, e);
	return r;
}
