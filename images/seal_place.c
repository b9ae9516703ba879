/* SPDX-License-Identifier: MIT */
#include "images/seal_place.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/secureboot/layout.h"

/* ---- the volume ---- */

/* The first volume of @c that is sealed, or has the role @role. E_NOTFOUND. */
static int first_volume(struct apfs *c, bool sealed, uint16_t role, unsigned *ret,
			struct err *e)
{
	struct apfs_volume_info info;

	for (unsigned slot = 0; slot < apfs_slots(c); slot++) {
		int r = apfs_volume_get_info(c, slot, &info, e);

		if (r && r != -E_NOTFOUND)
			return r;
		if (!r && (sealed ? info.sealed : info.role == role)) {
			*ret = slot;
			return 0;
		}
	}
	return -E_NOTFOUND;
}

static int default_volume(struct seal_place *p, struct err *e)
{
	struct apfs *c;
	int r = containers_get(&p->cs, p->cs.main, &p->apfs, e);

	if (!r)
		r = first_volume(p->apfs, false, APFS_ROLE_SYSTEM, &p->slot, e);
	for (size_t i = 0; i < p->cs.n && r == -E_NOTFOUND; i++) {
		r = containers_get(&p->cs, i, &c, e);
		if (r)
			return r;
		r = first_volume(c, true, 0, &p->slot, e);
		if (!r)
			p->apfs = c;
	}
	if (r == -E_NOTFOUND)
		return err_set(e, E_NOTFOUND, "no volume is sealed");
	return r;
}

/* ---- its states ---- */

bool seal_place_sealed_name(const char *name)
{
	const size_t n = strlen(SB_SNAPSHOT_PREFIX);

	return !strncmp(name, SB_SNAPSHOT_PREFIX, n) &&
	       strspn(name + n, "0123456789ABCDEF") == 2 * APFS_SEAL_HASH_LEN &&
	       !name[n + 2 * APFS_SEAL_HASH_LEN];
}

enum seal_root seal_root_choose(const struct apfs_snapshot *snaps, size_t n,
				uint64_t root_to_xid, uint64_t *ret_xid)
{
	*ret_xid = root_to_xid;
	if (root_to_xid)
		return SEAL_ROOT_TAGGED;
	while (n--)
		if (seal_place_sealed_name(snaps[n].name)) {
			*ret_xid = snaps[n].xid;
			return SEAL_ROOT_NAMED;
		}
	return SEAL_ROOT_LIVE;
}

static int list_snapshots(struct apfs *c, unsigned slot, struct apfs_snapshot **ret,
			  size_t *ret_n, struct err *e)
{
	struct apfs_volume *live;
	int r = apfs_volume_open(c, slot, NULL, &live, e);

	if (r)
		return r;
	r = apfs_snapshots(live, ret, ret_n, e);
	apfs_volume_close(live);
	return r;
}

int seal_root_open(struct apfs *c, unsigned slot, struct apfs_volume **ret, struct err *e)
{
	struct apfs_volume_info info;
	struct apfs_snapshot *snaps = NULL;
	size_t n = 0;
	uint64_t xid = 0;
	int r = apfs_volume_get_info(c, slot, &info, e);

	if (!r)
		r = list_snapshots(c, slot, &snaps, &n, e);
	if (!r)
		seal_root_choose(snaps, n, info.root_to_xid, &xid);
	free(snaps);
	return r ? r : apfs_volume_open_xid(c, slot, xid, ret, e);
}

static int load_states(struct seal_place *p, struct err *e)
{
	int r = apfs_volume_get_info(p->apfs, p->slot, &p->volume, e);

	if (!r)
		r = list_snapshots(p->apfs, p->slot, &p->snaps, &p->n_snaps, e);
	if (!r)
		p->root = seal_root_choose(p->snaps, p->n_snaps, p->volume.root_to_xid,
					   &p->root_xid);
	return r;
}

static int find_place(struct seal_place *p, const char *path, const char *volume,
		      struct err *e)
{
	int r = volume ? containers_find(&p->cs, volume, &p->apfs, &p->slot, e)
		       : default_volume(p, e);

	if (!r)
		r = load_states(p, e);
	for (size_t i = 0; !r && i < p->cs.n; i++)
		if (p->cs.v[i].apfs == p->apfs)
			p->container = i;
	return r ? err_ctx(e, "%s", path) : 0;
}

int seal_place_open(struct seal_place *p, const char *path, const char *volume,
		    struct err *e)
{
	int r;

	*p = (struct seal_place){.apfs = NULL};
	r = containers_open(&p->cs, path, e);
	return r ? r : find_place(p, path, volume, e);
}

int seal_place_open_rw(struct seal_place *p, const char *path, const char *volume,
		       struct err *e)
{
	int r;

	*p = (struct seal_place){.apfs = NULL};
	r = containers_open_rw(&p->cs, path, e);
	return r ? r : find_place(p, path, volume, e);
}

void seal_place_close(struct seal_place *p)
{
	free(p->snaps);
	containers_close(&p->cs);
	*p = (struct seal_place){.apfs = NULL};
}

const struct apfs_snapshot *seal_place_snapshot(const struct seal_place *p, uint64_t xid)
{
	for (size_t i = 0; i < p->n_snaps; i++)
		if (p->snaps[i].xid == xid)
			return &p->snaps[i];
	return NULL;
}

static int find_snapshot(const struct seal_place *p, const char *want, uint64_t *ret,
			 struct err *e)
{
	char *end;
	unsigned long long xid = strtoull(want, &end, 10);

	for (size_t i = 0; i < p->n_snaps; i++)
		if (!strcmp(p->snaps[i].name, want) ||
		    (!*end && p->snaps[i].xid == xid)) {
			*ret = p->snaps[i].xid;
			return 0;
		}
	return err_set(e, E_NOTFOUND, "volume '%s' has no snapshot '%s'", p->volume.name,
		       want);
}

int seal_place_state(struct seal_place *p, const char *snapshot, struct apfs_volume **ret,
		     uint64_t *ret_xid, struct err *e)
{
	int r = 0;

	*ret_xid = snapshot ? 0 : p->root_xid;
	if (snapshot && *snapshot)
		r = find_snapshot(p, snapshot, ret_xid, e);
	return r ? r : apfs_volume_open_xid(p->apfs, p->slot, *ret_xid, ret, e);
}
