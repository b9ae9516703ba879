/* SPDX-License-Identifier: MIT */
#include "components/syspolicyd/mdm.h"

#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

static int add_teams(const struct policy_db *db, plist_t payload, const char *uuid,
		     struct err *e)
{
	plist_t teams = NULL;
	int r = pl_opt_array(payload, "AllowedTeamIdentifiers", &teams, e);

	for (uint32_t i = 0; !r && teams && i < plist_array_get_size(teams); i++) {
		const char *team;

		r = pl_array_string(teams, i, &team, e);
		if (!r)
			r = policy_db_mdm_add(db, team, "", uuid, e);
	}
	return r;
}

static int add_bundles(const struct policy_db *db, const char *team, plist_t bundles,
		       const char *uuid, struct err *e)
{
	int r = 0;

	if (plist_get_node_type(bundles) != PLIST_ARRAY)
		return err_set(e, E_CORRUPT, "key '%s': expected an array, found %s", team,
			       pl_type_name(bundles));
	for (uint32_t i = 0; !r && i < plist_array_get_size(bundles); i++) {
		const char *id;

		r = pl_array_string(bundles, i, &id, e);
		/* An empty one would speak for the team. */
		if (!r && !*id)
			r = err_set(e, E_CORRUPT, "key '%s': empty bundle identifier", team);
		if (!r)
			r = policy_db_mdm_add(db, team, id, uuid, e);
	}
	return r;
}

static int add_extensions(const struct policy_db *db, plist_t payload, const char *uuid,
			  struct err *e)
{
	plist_t by_team = NULL;
	struct pl_iter it;
	int r = pl_opt_dict(payload, "AllowedKernelExtensions", &by_team, e);

	if (r || !by_team)
		return r;
	for (pl_each(&it, by_team); pl_next(&it);) {
		r = add_bundles(db, it.key, it.value, uuid, e);
		if (r) {
			pl_iter_release(&it);
			break;
		}
	}
	return r;
}

static int add_payload(const struct policy_db *db, plist_t payload, struct err *e)
{
	const char *uuid = "";
	bool overrides = true;
	int r = pl_opt_string(payload, "PayloadUUID", &uuid, e);

	if (!r)
		r = pl_opt_bool(payload, MDM_OVERRIDES, &overrides, e);
	if (!r)
		r = add_teams(db, payload, uuid, e);
	if (!r)
		r = add_extensions(db, payload, uuid, e);
	return r ? r : policy_db_set(db, MDM_OVERRIDES, overrides ? "1" : "0", e);
}

/*
 * Does the database say what no payload says? Then nothing is written, which would fail
 * on a full disk and leave a journal that keeps others from reading.
 */
static int says_nothing(const struct policy_db *db, bool *ret, struct err *e)
{
	char overrides[64];
	bool any = false;
	int r = policy_db_mdm_any(db, &any, e);

	if (!r)
		r = policy_db_setting(db, MDM_OVERRIDES, overrides, e);
	*ret = !r && !any && strcmp(overrides, "0");
	return r;
}

int mdm_apply(const struct policy_db *db, const char *path, struct err *e)
{
	struct err ignored = ERR_INIT;
	plist_t payload = NULL;
	bool done = false;
	int r, ended;

	r = fsio_exists(path) ? pl_load_dict(path, MDM_PAYLOAD_MAX, &payload, e)
			      : says_nothing(db, &done, e);
	if (!r && !done)
		r = policy_db_mdm_begin(db, e);
	if (r || done) {
		plist_free(payload);
		return r;
	}
	r = payload ? add_payload(db, payload, e)
		    : policy_db_set(db, MDM_OVERRIDES, "1", e);
	ended = policy_db_mdm_end(db, !r, r ? &ignored : e);
	plist_free(payload);
	return r ? r : ended;
}
