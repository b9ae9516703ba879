/* SPDX-License-Identifier: MIT */
#include "images/seal_fix.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "images/seal_edit.h"

/* A state of the volume, checked in full. */
struct verdict {
	uint64_t xid; /* 0: live */
	bool holds;
	bool only_marked; /* the mark is all that is wrong */
	uint32_t version;
	uint8_t root_hash[APFS_SEAL_HASH_LEN];
	char why[512]; /* it does not hold */
};

struct fix {
	const struct seal_fix *how;
	struct seal_place place;
	struct verdict root, live;
	/* what is to be done */
	bool set_root, unbreak, revert;
	const char *root_name; /* NULL: none is named, the name of the seal decides */
	const char *revert_name;
};

static void PRINTF_LIKE(2, 3) say(const struct fix *f, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (f->how->say)
		f->how->say(f->how->ctx, line);
}

static const char *name_of(const struct fix *f, uint64_t xid)
{
	const struct apfs_snapshot *s = seal_place_snapshot(&f->place, xid);

	return s ? s->name : "live state";
}

/* ---- what is wrong ---- */

static void judge(const struct apfs_seal_report *r, struct verdict *ret)
{
	ret->holds = !r->faults;
	ret->version = r->info.version;
	memcpy(ret->root_hash, r->info.root_hash, sizeof(ret->root_hash));
	ret->only_marked = r->faults == 1 && r->findings[0].fault == APFS_SEAL_FAULT_FLAG;
	if (!r->faults)
		return;
	snprintf(ret->why, sizeof(ret->why), "%.300s%s", r->findings[0].text,
		 r->faults > 1 ? ", and more" : "");
}

static int check_state(struct fix *f, uint64_t xid, struct verdict *ret, struct err *e)
{
	struct apfs_seal_report report = {0};
	struct apfs_volume *v;
	int r = apfs_volume_open_xid(f->place.apfs, f->place.slot, xid, &v, e);

	*ret = (struct verdict){.xid = xid};
	if (!r) {
		r = apfs_seal_check(v, NULL, &report, e);
		if (!r)
			judge(&report, ret);
		apfs_seal_report_release(&report);
		apfs_volume_close(v);
	}
	/* Not sealed at all, or so damaged that it cannot even be read. */
	if (r != -E_CORRUPT && r != -E_INVAL && r != -E_UNSUPPORTED)
		return r;
	snprintf(ret->why, sizeof(ret->why), "%.500s", e->msg);
	err_clear(e);
	return 0;
}

/* The newest snapshot whose seal holds; *ret stays NULL when there is none. */
static int last_sealed(struct fix *f, const struct apfs_snapshot **ret, struct err *e)
{
	struct verdict v;
	int r = 0;

	for (size_t i = f->place.n_snaps; i-- && !*ret && !r;) {
		r = check_state(f, f->place.snaps[i].xid, &v, e);
		if (!r && v.holds)
			*ret = &f->place.snaps[i];
	}
	return r;
}

/* ---- what is to be done ---- */

/* The snapshot that a Mac finds when none is named. */
static bool found_by_name(const struct fix *f, const struct apfs_snapshot *s)
{
	for (size_t i = f->place.n_snaps; i--;)
		if (seal_place_sealed_name(f->place.snaps[i].name))
			return &f->place.snaps[i] == s;
	return false;
}

static int plan_root(struct fix *f, struct err *e)
{
	const struct apfs_snapshot *good = NULL;
	int r = check_state(f, f->place.root_xid, &f->root, e);

	if (r || f->root.holds) {
		if (!r)
			say(f, "%s: the seal holds", name_of(f, f->root.xid));
		return r;
	}
	say(f, "%s: %s", name_of(f, f->root.xid), f->root.why);
	r = last_sealed(f, &good, e);
	if (r || !good)
		return r;
	f->set_root = true;
	f->root_name = found_by_name(f, good) ? NULL : good->name;
	r = check_state(f, good->xid, &f->root, e);
	say(f, "a Mac will root from %s, by %s", good->name,
	    f->root_name ? "apfs_root_to_xid" : "its name");
	return r;
}

/* Does the live state hold what was sealed, and only its mark says otherwise? */
static bool can_unbreak(const struct fix *f)
{
	return f->live.only_marked && f->live.version >= APFS_INTEGRITY_VERSION_2 &&
	       (!f->root.xid || !f->root.holds ||
		!memcmp(f->live.root_hash, f->root.root_hash, APFS_SEAL_HASH_LEN));
}

static int plan_live(struct fix *f, struct err *e)
{
	int r = check_state(f, 0, &f->live, e);

	if (r || f->live.holds)
		return r;
	if (f->root.xid)
		say(f, "live state: %s", f->live.why);
	if (can_unbreak(f)) {
		f->unbreak = true;
		f->root.holds = f->root.holds || !f->root.xid;
		say(f, "its content is what was sealed: the mark is taken away");
	} else if (f->root.xid && f->root.holds && f->how->revert) {
		f->revert = true;
		f->revert_name = name_of(f, f->root.xid);
		say(f, "the live state is taken back to %s", f->revert_name);
	} else if (f->root.xid && f->root.holds) {
		say(f, "it can be taken back to %s (--revert); younger snapshots go then",
		    name_of(f, f->root.xid));
	}
	return 0;
}

static int plan(struct fix *f, struct err *e)
{
	int r = plan_root(f, e);

	if (!r)
		r = plan_live(f, e);
	if (!r && !f->root.holds)
		say(f, "no state has a seal that holds: the system has to be installed "
		       "anew");
	return r;
}

static int apply(const struct fix *f, const char *path, struct err *e)
{
	struct seal_edit x;
	int r = seal_edit_begin(&x, path, f->how->volume, f->how->time_ns, e);

	if (!r && f->set_root)
		r = apfs_edit_set_root(x.ed, x.slot, f->root_name, e);
	if (!r && f->unbreak)
		r = apfs_edit_unbreak(x.ed, x.slot, e);
	if (!r && f->revert)
		r = apfs_edit_revert(x.ed, x.slot, f->revert_name, e);
	return seal_edit_end(&x, r, e);
}

/* Not what was planned, but what came out. */
static int check_result(const struct seal_fix *how, const char *path, bool *ret,
			struct err *e)
{
	struct fix f = {.how = how};
	struct verdict v = {0};
	int r = seal_place_open(&f.place, path, how->volume, e);

	if (!r)
		r = check_state(&f, f.place.root_xid, &v, e);
	*ret = v.holds;
	seal_place_close(&f.place);
	return r;
}

int seal_fix(const char *path, const struct seal_fix *how, struct seal_fixed *ret,
	     struct err *e)
{
	struct fix f = {.how = how};
	int r = seal_place_open(&f.place, path, how->volume, e);

	*ret = (struct seal_fixed){.changed = false};
	if (!r)
		r = plan(&f, e);
	if (!r) {
		ret->changed = f.set_root || f.unbreak || f.revert;
		ret->holds = f.root.holds;
	}
	if (!r && ret->changed && !how->dry_run) {
		r = apply(&f, path, e);
		if (!r)
			r = check_result(how, path, &ret->holds, e);
	}
	seal_place_close(&f.place);
	return r;
}
