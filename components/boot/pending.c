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
	enum live_seal seal; /* of what it is a change of */
	struct fs_tree tree;
};

/* What is to be done to one volume. */
struct work {
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

/* The snapshot @base, or the live state when that is "", as it is on the disk now. *ret_fold:
 * names match without regard to case. */
static int load_tree(const struct work *w, const char *base, struct fs_tree *t,
		     bool *ret_fold, struct err *e)
{
	struct apfs_volume *v;
	struct apfs *c;
	int r = fs_tree_init(t, w->time_ns, e);

	if (!r)
		r = apfs_open_path(w->disk, &c, e);
	if (r)
		return r;
	r = apfs_volume_open(c, w->lv->v->slot, base[0] ? base : NULL, &v, e);
	if (!r) {
		r = apfs_edit_tree_from_volume(v, TREE_MEMORY_MAX, t, e);
		*ret_fold = !apfs_volume_info_of(v)->case_sensitive;
		apfs_volume_close(v);
	}
	apfs_close(c);
	return r;
}

/* What the overlay with @upper showed, above the state @base. */
static int add_state(struct work *w, size_t before, const char *base, const char *upper,
		     enum live_seal seal, struct err *e)
{
	struct state *s = &w->state[w->n_states];
	bool fold = true;
	int r = load_tree(w, base, &s->tree, &fold, e);

	s->before = before;
	s->seal = seal;
	w->n_states++;
	return r ? r : overlay_upper_apply(upper, &s->tree, fold, e);
}

/* All of them before the transaction, since they are changes of what is on the disk. */
static int collect_states(struct work *w, struct err *e)
{
	const struct live_volume *lv = w->lv;
	const char *base = "";
	char upper[80];
	int r = 0;

	for (size_t i = 0; !r && i < lv->n_ops; i++) {
		const struct live_op *op = &lv->op[i];

		if (op->upper[0])
			r = add_state(w, i, base, op->upper, op->seal, e);
		if (op->kind == LIVE_REVERT)
			base = op->name;
	}
	if (!r && live_has_unsaved(lv))
		r = add_state(w, lv->n_ops, lv->below, overlay_upper(&lv->overlay, upper),
			      lv->seal, e);
	return r;
}

/* ---- the transaction ---- */

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

static int replace_content(struct apfs_edit *ed, unsigned slot, struct state *s,
			   struct err *e)
{
	enum apfs_edit_seal mode =
		s->seal == LIVE_UNSEALED ? APFS_EDIT_UNSEALED : APFS_EDIT_BROKEN;

	return apfs_edit_replace_tree(ed, slot, &s->tree, mode, NULL, e);
}

/* In the order in which it was done. */
static int apply(struct work *w, struct apfs_edit *ed, struct err *e)
{
	const struct live_volume *lv = w->lv;
	size_t next = 0;
	int r = 0;

	for (size_t i = 0; !r && i <= lv->n_ops; i++) {
		if (next < w->n_states && w->state[next].before == i)
			r = replace_content(ed, lv->v->slot, &w->state[next++], e);
		if (!r && i < lv->n_ops)
			r = apply_op(ed, lv->v->slot, &lv->op[i], e);
	}
	return r;
}

static int name_volume(const struct work *w, int r, struct err *e)
{
	return r ? err_ctx(e, "writing the changes of %s", w->lv->v->device) : 0;
}

static int commit(struct work *w, size_t n, struct err *e)
{
	struct apfs_edit *ed;
	int r = apfs_edit_begin_path(w->disk, w->time_ns, &ed, e);

	if (r)
		return r;
	for (size_t i = 0; !r && i < n; i++)
		r = name_volume(&w[i], apply(&w[i], ed, e), e);
	if (!r)
		return apfs_edit_commit(ed, e);
	apfs_edit_abort(ed);
	return r;
}

static void release(struct work *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < w[i].n_states; k++)
			fs_tree_release(&w[i].state[k].tree);
	free(w);
}

int pending_write(struct live *l, const char *disk, int64_t time_ns, struct err *e)
{
	struct work *w = calloc(LIVE_VOLUMES_MAX, sizeof(*w));
	size_t n = 0;
	int r = 0;

	if (!w)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; !r && i < l->n; i++) {
		if (!volume_pending(&l->volume[i]))
			continue;
		w[n] = (struct work){
			.lv = &l->volume[i], .disk = disk, .time_ns = time_ns};
		r = name_volume(&w[n], collect_states(&w[n], e), e);
		n++;
	}
	if (!r && n)
		r = commit(w, n, e);
	release(w, n);
	return r;
}
