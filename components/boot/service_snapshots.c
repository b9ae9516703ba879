/* SPDX-License-Identifier: MIT */
/* fs_snapshot(2) of the System volumes. */
#include <string.h>

#include "components/boot/service_impl.h"
#include "components/boot/session.h"
#include "sim/base/json_text.h"

static int find_live(struct boot *b, const struct request *q, struct live_volume **ret,
		     struct err *e)
{
	struct boot_volume *v;
	int r = request_volume(b, q, &v, e);

	if (r)
		return r;
	*ret = live_of(&b->live, v);
	return *ret ? 0
		    : err_set(e, E_UNSUPPORTED, "%s is no sealed system volume",
			      v->device);
}

/* What the system consists of is not changed while it has to be the signed one. */
static int may_change(const struct boot *b, struct err *e)
{
	if (b->live.may_write)
		return 0;
	return err_set(e, E_PERM, "authenticated-root is enabled");
}

static json_t *describe(const struct boot *b, const struct live_volume *lv,
			const struct live_snapshot *s)
{
	bool mounted = session_is_root(b, lv, s);

	return json_pack("{s:o,s:s,s:I,s:b,s:b,s:b,s:s,s:s,s:s}", "name",
			 json_text(s->name), "uuid", s->uuid, "xid", (json_int_t)s->xid,
			 "purgeable", 0, "root", session_next_root(b, lv) == s,
			 "pending", s->pending, "device", mounted ? b->root_device : "",
			 "mount_point", mounted ? "/" : "", "sealed",
			 live_seal_name(s->seal));
}

static int op_list(struct boot *b, const struct request *q, struct err *e)
{
	json_t *list = json_array();
	struct live_volume *lv;
	int r = find_live(b, q, &lv, e);

	for (size_t i = 0; !r && i < lv->n_snapshots; i++)
		if (json_array_append_new(list, describe(b, lv, &lv->snapshot[i])))
			r = err_set(e, E_NOMEM, "out of memory");
	if (!r && json_object_set(q->reply, "snapshots", list))
		r = err_set(e, E_NOMEM, "out of memory");
	json_decref(list);
	return r;
}

static int op_create(struct boot *b, const struct request *q, struct err *e)
{
	struct live_volume *lv;
	int r = find_live(b, q, &lv, e);

	if (!r)
		r = may_change(b, e);
	if (!r)
		r = live_create(lv, request_text(q, "name"), e);
	return r ? r : session_write_volumes(b, e);
}

/* Recovery can take away a snapshot that keeps the Mac from starting. */
static int op_delete(struct boot *b, const struct request *q, struct err *e)
{
	const char *name = request_text(q, "name");
	const struct live_snapshot *s;
	struct live_volume *lv;
	int r = find_live(b, q, &lv, e);

	if (!r && !b->choice.recovery)
		r = may_change(b, e);
	if (r)
		return r;
	s = live_find(lv, name);
	if (s && session_is_root(b, lv, s))
		return err_set(e, E_BUSY, "'%s' is mounted", name);
	r = live_delete(lv, name, e);
	return r ? r : session_write_volumes(b, e);
}

/* To go back to the sealed snapshot is no danger to anybody. */
static int op_root(struct boot *b, const struct request *q, struct err *e)
{
	const char *name = request_text(q, "name");
	struct live_volume *lv;
	int r = find_live(b, q, &lv, e);

	if (!r && name[0])
		r = may_change(b, e);
	if (!r)
		r = live_tag_root(lv, name, e);
	return r ? r : session_write_volumes(b, e);
}

static int op_revert(struct boot *b, const struct request *q, struct err *e)
{
	struct live_volume *lv;
	int r = find_live(b, q, &lv, e);

	if (!r)
		r = may_change(b, e);
	if (!r)
		r = live_revert(lv, request_text(q, "name"), e);
	return r ? r : session_write_volumes(b, e);
}

const struct service_op service_snapshot_ops[] = {
	{"snapshot_list", op_list, ANYBODY},
	{"snapshot_create", op_create, ROOT},
	{"snapshot_delete", op_delete, ROOT},
	{"snapshot_root", op_root, ROOT},
	{"snapshot_revert", op_revert, ROOT},
	{NULL, NULL, ROOT},
};
