/* SPDX-License-Identifier: MIT */
#include "harness/disk_seal.h"

#include <stdio.h>
#include <string.h>

#include "images/seal_place.h"
#include "sim/base/idtext.h"
#include "sim/formats/apfs/seal.h"

static int word_of(struct apfs_volume *v, char out[8], char hash[65], struct err *e)
{
	struct apfs_seal_info info;
	int r = apfs_seal_info_get(v, &info, e);

	if (r)
		return r;
	strcpy(out, !info.sealed ? "no" : info.broken ? "broken" : "yes");
	if (hash && info.sealed)
		hex_text(info.root_hash, sizeof(info.root_hash), hash);
	return 0;
}

static int verify(struct apfs_volume *v, char out[SEAL_TEXT_MAX], struct err *e)
{
	struct apfs_seal_report rep = {.faults = 0};
	const struct apfs_seal_finding *f;
	int r = apfs_seal_check(v, NULL, &rep, e);

	f = rep.n_findings ? &rep.findings[0] : NULL;
	if (!r && !rep.faults)
		strcpy(out, "ok");
	else if (!r)
		snprintf(out, SEAL_TEXT_MAX, "%s: %s%s%s",
			 f ? apfs_seal_fault_name(f->fault) : "fault", f ? f->text : "",
			 f && f->n_paths ? " " : "", f && f->n_paths ? f->paths[0] : "");
	apfs_seal_report_release(&rep);
	return r;
}

static int read_live(struct seal_place *p, struct seal_state *ret, struct err *e)
{
	struct apfs_volume *live;
	uint64_t xid;
	int r = seal_place_state(p, "", &live, &xid, e);

	if (r)
		return r;
	r = word_of(live, ret->live, NULL, e);
	apfs_volume_close(live);
	return r;
}

static int read_root(struct seal_place *p, bool check, struct seal_state *ret,
		     struct err *e)
{
	const struct apfs_snapshot *s = seal_place_snapshot(p, p->root_xid);
	struct apfs_volume *v;
	uint64_t xid;
	int r = seal_place_state(p, NULL, &v, &xid, e);

	if (r)
		return r;
	snprintf(ret->root, sizeof(ret->root), "%s", s ? s->name : "none");
	r = word_of(v, ret->snapshot, ret->root_hash, e);
	if (!r && check && strcmp(ret->snapshot, "no"))
		r = verify(v, ret->verify, e);
	else if (!r && check)
		strcpy(ret->verify, "not sealed");
	if (!s)
		strcpy(ret->snapshot, "none");
	apfs_volume_close(v);
	return r;
}

int disk_seal_read(const char *path, bool check, struct seal_state *ret, struct err *e)
{
	struct seal_place p;
	int r = seal_place_open(&p, path, NULL, e);

	*ret = (struct seal_state){.n_snapshots = p.n_snaps,
				   .tagged = p.root == SEAL_ROOT_TAGGED};
	if (!r)
		r = read_live(&p, ret, e);
	if (!r)
		r = read_root(&p, check, ret, e);
	seal_place_close(&p);
	return r;
}
