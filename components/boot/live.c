/* SPDX-License-Identifier: MIT */
#include "components/boot/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/apfs/report.h"
#include "sim/base/fsio.h"
#include "sim/carrier/layout.h"

#define LIVE_DIR CARRIER_MAC_DIR "/live"

const char *live_seal_name(enum live_seal s)
{
	static const char *const names[] = {
		[LIVE_UNSEALED] = "no",
		[LIVE_SEALED] = "yes",
		[LIVE_BROKEN] = "broken",
	};

	return names[s];
}

/* ---- what is on the disk ---- */

static int read_seal(struct apfs_volume *v, enum live_seal *ret, struct err *e)
{
	struct apfs_seal_info i;
	int r = apfs_seal_info_get(v, &i, e);

	*ret = !i.sealed ? LIVE_UNSEALED : i.broken ? LIVE_BROKEN : LIVE_SEALED;
	return r;
}

static int read_snapshot(const struct volumes *vs, struct live_volume *lv,
			 const struct apfs_snapshot *s, struct err *e)
{
	struct live_snapshot *out = &lv->snapshot[lv->n_snapshots];
	struct apfs_volume *v;
	int r;

	if (lv->n_snapshots == LIVE_SNAPSHOTS_MAX)
		return err_set(e, E_OVERFLOW, "%s has more than %d snapshots",
			       lv->v->device, LIVE_SNAPSHOTS_MAX);
	*out = (struct live_snapshot){.xid = s->xid};
	snprintf(out->name, sizeof(out->name), "%s", s->name);
	r = volumes_open(vs, lv->v, s->xid, &v, e);
	if (r)
		return r;
	r = read_seal(v, &out->seal, e);
	if (!r && apfs_snapshot_uuid(v, out->uuid, e)) {
		err_clear(e);
		out->uuid[0] = '\0';
	}
	apfs_volume_close(v);
	lv->n_snapshots++;
	return r;
}

static int read_volume(struct live_volume *lv, const struct volumes *vs, struct err *e)
{
	struct apfs_snapshot *list = NULL;
	struct apfs_volume *v;
	size_t n = 0;
	int r = volumes_open(vs, lv->v, 0, &v, e);

	if (r)
		return r;
	lv->root_xid = lv->v->root_to_xid;
	lv->next_xid = apfs_volume_info_of(v)->xid + 1;
	r = read_seal(v, &lv->seal, e);
	if (!r)
		r = apfs_snapshots(v, &list, &n, e);
	apfs_volume_close(v);
	for (size_t i = 0; !r && i < n; i++)
		r = read_snapshot(vs, lv, &list[i], e);
	free(list);
	return r;
}

static int add_volume(struct live *l, struct volumes *vs, struct boot_volume *v,
		      struct err *e)
{
	struct live_volume *lv = &l->volume[l->n];

	if (l->n == LIVE_VOLUMES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d sealed volumes",
			       LIVE_VOLUMES_MAX);
	*lv = (struct live_volume){
		.v = v,
		.snapshot = calloc(LIVE_SNAPSHOTS_MAX, sizeof(*lv->snapshot)),
		.op = calloc(LIVE_OPS_MAX, sizeof(*lv->op)),
		.server = SEALED_ROOT_INIT,
	};
	l->n++;
	if (!lv->snapshot || !lv->op)
		return err_set(e, E_NOMEM, "out of memory");
	return read_volume(lv, vs, e);
}

int live_read(struct live *l, struct volumes *vs, struct err *e)
{
	int r = 0;

	l->volume = calloc(LIVE_VOLUMES_MAX, sizeof(*l->volume));
	if (!l->volume)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; !r && i < vs->n; i++)
		if (vs->v[i].sealed)
			r = add_volume(l, vs, &vs->v[i], e);
	return r;
}

void live_release(struct live *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct live_volume *lv = &l->volume[i];
		struct err e = ERR_INIT;

		(void)!overlay_forget(&lv->overlay, &e);
		while (lv->n_old)
			(void)!overlay_forget(&lv->old[--lv->n_old], &e);
		free(lv->snapshot);
		free(lv->op);
	}
	free(l->volume);
	l->volume = NULL;
	l->n = 0;
}

struct live_volume *live_of(const struct live *l, const struct boot_volume *v)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->volume[i].v == v)
			return &l->volume[i];
	return NULL;
}

/* ---- mounting ---- */

static int make_dir(const struct live_volume *lv, const char *name,
		    char out[static LIVE_DIR_MAX], struct err *e)
{
	snprintf(out, LIVE_DIR_MAX, LIVE_DIR "/%s/%s", lv->v->device, name);
	return fsio_mkdirs(out, 0755, e);
}

/* Its blocks are checked against the seal as long as that is intact. */
static int serve(struct live *l, struct live_volume *lv, const char *dir, struct err *e)
{
	const struct sealed_root_options o = {
		.disk = CARRIER_DISK,
		.slot = lv->v->slot,
		.snapshot = lv->below[0] ? lv->below : NULL,
		.no_verify = lv->seal != LIVE_SEALED,
		.name = lv->v->device,
		.dir = dir,
		.log = l->log,
		.ctx = l->ctx,
	};

	return sealed_root_start(&o, &lv->server, e);
}

/* What is changed goes to memory; who may not change anything gets no such place. */
static int cover(struct live_volume *lv, const char *lower, char out[static LIVE_DIR_MAX],
		 struct err *e)
{
	char memory[LIVE_DIR_MAX], name[16];
	int r;

	snprintf(name, sizeof(name), "memory%zu", lv->n_old);
	r = make_dir(lv, name, memory, e);
	if (!r)
		r = make_dir(lv, "merged", out, e);
	return r ? r : overlay_mount(&lv->overlay, lower, memory, out, e);
}

static void say_damaged(const struct live *l, const struct boot_volume *v,
			const struct err *e)
{
	char line[REPORT_MAX];

	if (!l->log)
		return;
	snprintf(line, sizeof(line), "%s cannot be mounted: %.400s", v->device, e->msg);
	l->log(l->ctx, line);
}

int live_mount(void *live, struct boot_volume *v, struct err *e)
{
	char dir[LIVE_DIR_MAX], lower[LIVE_DIR_MAX];
	struct live *l = live;
	struct live_volume *lv = live_of(l, v);
	int r;

	if (!lv)
		return err_set(e, E_INVAL, "%s is not sealed", v->device);
	r = make_dir(lv, "lower", lower, e);
	strcpy(dir, lower);
	if (!r)
		r = serve(l, lv, lower, e);
	if (r)
		say_damaged(l, v, e);
	if (!r && l->may_write) {
		r = cover(lv, lower, dir, e);
		if (r)
			(void)!sealed_root_stop(&lv->server, NULL);
	}
	if (!r)
		snprintf(v->carrier_dir, sizeof(v->carrier_dir), "%s", dir);
	return r;
}

int live_unmount(struct live_volume *lv, struct err *e)
{
	int r = overlay_unmount(&lv->overlay, e);

	if (!r)
		r = sealed_root_stop(&lv->server, e);
	if (!r)
		lv->v->carrier_dir[0] = lv->v->mount_point[0] = '\0';
	return r;
}

int live_unmount_all(struct live *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct err why = ERR_INIT;

		if (live_unmount(&l->volume[i], &why) && !r) {
			*e = why;
			r = -(int)why.code;
		}
	}
	return r;
}
