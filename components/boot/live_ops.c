/* SPDX-License-Identifier: MIT */
/* Snapshots of the running Mac's sealed volumes, and what changed on those. */
#include <stdio.h>
#include <string.h>

#include "components/boot/copy_upper.h"
#include "components/boot/live.h"
#include "sim/formats/apfs/writer.h"

/* ---- what changed ---- */

bool live_has_changed(const struct live_volume *lv)
{
	char upper[80];

	return lv->overlay.memory[0] && overlay_changed(overlay_upper(&lv->overlay, upper));
}

bool live_has_unsaved(const struct live_volume *lv)
{
	struct timespec newest;
	struct err e = ERR_INIT;
	char upper[80];

	if (!live_has_changed(lv))
		return false;
	/* What cannot be told is written once more. */
	return newest_upper(overlay_upper(&lv->overlay, upper), &newest, &e) ||
	       newest.tv_sec != lv->saved.tv_sec || newest.tv_nsec != lv->saved.tv_nsec;
}

enum live_seal live_seal(const struct live_volume *lv)
{
	return lv->seal == LIVE_SEALED && live_has_changed(lv) ? LIVE_BROKEN : lv->seal;
}

const struct live_snapshot *live_find(const struct live_volume *lv, const char *name)
{
	for (size_t i = 0; i < lv->n_snapshots; i++)
		if (!strcmp(lv->snapshot[i].name, name))
			return &lv->snapshot[i];
	return NULL;
}

static int find(const struct live_volume *lv, const char *name, size_t *ret,
		struct err *e)
{
	const struct live_snapshot *s = live_find(lv, name);

	if (!s)
		return err_set(e, E_NOTFOUND, "%s has no snapshot '%s'", lv->v->device,
			       name);
	*ret = (size_t)(s - lv->snapshot);
	return 0;
}

/* The caller adds it by n_ops++ when all is well. */
static int next_op(struct live_volume *lv, enum live_op_kind kind, const char *name,
		   struct live_op **ret, struct err *e)
{
	if (lv->n_ops == LIVE_OPS_MAX)
		return err_set(e, E_OVERFLOW,
			       "more than %d changes of snapshots in one session",
			       LIVE_OPS_MAX);
	*ret = &lv->op[lv->n_ops];
	**ret = (struct live_op){.kind = kind};
	snprintf((*ret)->name, sizeof((*ret)->name), "%s", name);
	return 0;
}

static int check_new_name(const struct live_volume *lv, const char *name, struct err *e)
{
	size_t len = strlen(name);

	if (!len || len >= APFS_SNAPSHOT_NAME_MAX)
		return err_set(e, E_INVAL, "not a name of a snapshot");
	if (live_find(lv, name))
		return err_set(e, E_EXISTS, "%s has a snapshot '%s'", lv->v->device,
			       name);
	if (lv->n_snapshots == LIVE_SNAPSHOTS_MAX)
		return err_set(e, E_OVERFLOW, "%s has too many snapshots", lv->v->device);
	return 0;
}

/* The overlay as it is now: it goes on changing, the snapshot does not. */
static int save_upper(struct live_volume *lv, struct live_op *op, struct err *e)
{
	char upper[80];
	int r;

	op->seal = lv->seal;
	if (!live_has_unsaved(lv))
		return 0;
	snprintf(op->upper, sizeof(op->upper), "%s/state%zu", lv->overlay.memory,
		 lv->n_ops);
	r = newest_upper(overlay_upper(&lv->overlay, upper), &lv->saved, e);
	return r ? r : copy_upper(upper, op->upper, e);
}

int live_create(struct live_volume *lv, const char *name, struct err *e)
{
	struct live_snapshot *s = &lv->snapshot[lv->n_snapshots];
	struct live_op *op;
	int r = check_new_name(lv, name, e);

	if (!r)
		r = next_op(lv, LIVE_CREATE, name, &op, e);
	if (!r)
		r = save_upper(lv, op, e);
	if (r)
		return r;
	*s = (struct live_snapshot){
		.xid = lv->next_xid++, .seal = live_seal(lv), .pending = true};
	snprintf(s->name, sizeof(s->name), "%s", name);
	r = uuid_new_text(s->uuid, e);
	if (r)
		return r;
	lv->n_snapshots++;
	lv->n_ops++;
	return 0;
}

static void remove_at(struct live_volume *lv, size_t i)
{
	memmove(&lv->snapshot[i], &lv->snapshot[i + 1],
		(lv->n_snapshots - i - 1) * sizeof(lv->snapshot[0]));
	lv->n_snapshots--;
}

/* The one that is tagged cannot be purged; first the tag has to go. */
int live_delete(struct live_volume *lv, const char *name, struct err *e)
{
	struct live_op *op;
	size_t i = 0;
	int r = find(lv, name, &i, e);

	if (!r && lv->snapshot[i].xid == lv->root_xid)
		r = err_set(e, E_PERM, "'%s' is tagged as the root", name);
	if (!r)
		r = next_op(lv, LIVE_DELETE, name, &op, e);
	if (r)
		return r;
	remove_at(lv, i);
	lv->n_ops++;
	return 0;
}

int live_tag_root(struct live_volume *lv, const char *name, struct err *e)
{
	struct live_op *op;
	size_t i = 0;
	int r = name[0] ? find(lv, name, &i, e) : 0;

	if (!r)
		r = next_op(lv, LIVE_ROOT, name, &op, e);
	if (r)
		return r;
	lv->root_xid = name[0] ? lv->snapshot[i].xid : 0;
	lv->n_ops++;
	return 0;
}

/* ---- back to a snapshot ---- */

static int may_revert(const struct live_volume *lv, const struct live_snapshot *s,
		      struct err *e)
{
	if (lv->v->mount_point[0])
		return err_set(e, E_BUSY, "the live state of %s is mounted",
			       lv->v->device);
	if (s->pending)
		return err_set(e, E_BUSY, "'%s' is not on the disk yet", s->name);
	if (lv->n_old == LIVE_REVERTS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d reverts in one session",
			       LIVE_REVERTS_MAX);
	return 0;
}

/* The snapshot takes the place below, and nothing is on top of it. */
static void exchange_below(struct live_volume *lv, const struct live_snapshot *s)
{
	lv->old[lv->n_old++] = lv->overlay;
	lv->overlay = (struct overlay){.dir = ""};
	lv->saved = (struct timespec){.tv_sec = 0};
	snprintf(lv->below, sizeof(lv->below), "%s", s->name);
	lv->seal = s->seal;
}

/* Younger snapshots go with it (APFS Reference p. 56), and the tag of one of those. */
int live_revert(struct live_volume *lv, const char *name, struct err *e)
{
	struct live_op *op;
	size_t i = 0;
	int r = find(lv, name, &i, e);

	if (!r)
		r = may_revert(lv, &lv->snapshot[i], e);
	if (!r)
		r = live_unmount(lv, e);
	if (!r && lv->root_xid > lv->snapshot[i].xid)
		r = live_tag_root(lv, "", e);
	if (!r)
		r = next_op(lv, LIVE_REVERT, name, &op, e);
	if (r)
		return r;
	exchange_below(lv, &lv->snapshot[i]);
	lv->n_snapshots = i + 1;
	lv->n_ops++;
	return 0;
}
