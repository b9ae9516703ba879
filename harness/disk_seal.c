/* SPDX-License-Identifier: MIT */
#include "harness/disk_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/idtext.h"
#include "sim/formats/apfs/seal.h"

/* The name of the snapshot that an installer makes, up to the root hash. */
#define OS_SNAPSHOT "com.apple.os.update-"

/* The one that the volume names, else the newest of an installer's. */
static const struct apfs_snapshot *root_of(const struct apfs_snapshot *s, size_t n,
					   uint64_t tag)
{
	const struct apfs_snapshot *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (tag ? s[i].xid == tag
			: !strncmp(s[i].name, OS_SNAPSHOT, strlen(OS_SNAPSHOT)))
			found = &s[i];
	return found;
}

static int open_snapshot(struct apfs *c, unsigned slot, const struct apfs_snapshot *s,
			 struct apfs_volume **ret, char **ret_name, struct err *e)
{
	char *name = ret_name ? strdup(s->name) : NULL;
	int r;

	if (ret_name && !name)
		return err_set(e, E_NOMEM, "out of memory");
	r = apfs_volume_open_xid(c, slot, s->xid, ret, e);
	if (r)
		free(name);
	else if (ret_name)
		*ret_name = name;
	return r;
}

int disk_open_root(struct apfs *c, unsigned slot, struct apfs_volume **ret,
		   char **ret_name, struct err *e)
{
	const struct apfs_snapshot *root = NULL;
	struct apfs_snapshot *list = NULL;
	struct apfs_volume *live;
	size_t n = 0;
	int r = apfs_volume_open(c, slot, NULL, &live, e);

	if (ret_name)
		*ret_name = NULL;
	if (r)
		return r;
	if (apfs_volume_info_of(live)->num_snapshots)
		r = apfs_snapshots(live, &list, &n, e);
	if (!r)
		root = root_of(list, n, apfs_volume_info_of(live)->root_to_xid);
	if (!r && root)
		r = open_snapshot(c, slot, root, ret, ret_name, e);
	else if (!r)
		*ret = live;
	if (r || root)
		apfs_volume_close(live);
	free(list);
	return r;
}

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

static int read_root(struct apfs *c, unsigned slot, bool check, struct seal_state *ret,
		     struct err *e)
{
	struct apfs_volume *v;
	char *name = NULL;
	int r = disk_open_root(c, slot, &v, &name, e);

	if (r)
		return r;
	snprintf(ret->root, sizeof(ret->root), "%s", name ? name : "none");
	r = word_of(v, ret->snapshot, ret->root_hash, e);
	if (!r && check && strcmp(ret->snapshot, "no"))
		r = verify(v, ret->verify, e);
	else if (!r && check)
		strcpy(ret->verify, "not sealed");
	if (!name)
		strcpy(ret->snapshot, "none");
	free(name);
	apfs_volume_close(v);
	return r;
}

static int read_system(struct apfs *c, bool check, struct seal_state *ret, struct err *e)
{
	struct apfs_volume *live;
	unsigned slot;
	int r = apfs_volume_find_role(c, APFS_ROLE_SYSTEM, &slot, e);

	if (!r)
		r = apfs_volume_open(c, slot, NULL, &live, e);
	if (r)
		return r;
	ret->tagged = apfs_volume_info_of(live)->root_to_xid != 0;
	ret->n_snapshots = apfs_volume_info_of(live)->num_snapshots;
	r = word_of(live, ret->live, NULL, e);
	apfs_volume_close(live);
	return r ? r : read_root(c, slot, check, ret, e);
}

int disk_seal_read(const char *path, bool check, struct seal_state *ret, struct err *e)
{
	struct apfs *c;
	int r = apfs_open_path(path, &c, e);

	*ret = (struct seal_state){.n_snapshots = 0};
	if (r)
		return r;
	r = read_system(c, check, ret, e);
	apfs_close(c);
	return r;
}
