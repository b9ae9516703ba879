/* SPDX-License-Identifier: MIT */
/* kextlab seal show: what the seals of a volume say of themselves. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "harness/cmd_seal.h"
#include "sim/base/fsio.h"
#include "sim/platform/secureboot/keys.h"
#include "sim/platform/secureboot/layout.h"

/* A state of the volume, and its seal. */
struct state {
	uint64_t xid; /* 0: live */
	const char *name;
	struct apfs_seal_info info;
};

struct show {
	const struct seal_words *w;
	struct seal_place place;
	struct seal_signature signature;
};

static const char *const root_texts[] = {
	[SEAL_ROOT_TAGGED] = "apfs_root_to_xid",
	[SEAL_ROOT_NAMED] = "its name",
	[SEAL_ROOT_LIVE] = "no snapshot",
};

static int read_state(struct show *s, const char *snapshot, struct state *ret,
		      struct err *e)
{
	struct apfs_volume *v;
	int r = seal_place_state(&s->place, snapshot, &v, &ret->xid, e);
	const struct apfs_snapshot *snap;

	if (r)
		return r;
	snap = seal_place_snapshot(&s->place, ret->xid);
	ret->name = snap ? snap->name : NULL;
	r = apfs_seal_info_get(v, &ret->info, e);
	apfs_volume_close(v);
	return r;
}

/* "" when the name of the snapshot is that of its root hash, or says none. */
static const char *name_text(const struct state *s)
{
	char digits[2 * APFS_SEAL_HASH_LEN + 1];
	size_t n = strlen(SB_SNAPSHOT_PREFIX);

	if (!s->name || strncmp(s->name, SB_SNAPSHOT_PREFIX, n) || !s->info.sealed)
		return "";
	hex_text(s->info.root_hash, APFS_SEAL_HASH_LEN, digits);
	return strcasecmp(s->name + n, digits) ? "its name is not that of its root hash"
					       : "";
}

/* ---- for people ---- */

static void print_state(const struct state *s)
{
	const struct apfs_seal_info *i = &s->info;
	char hash[2 * APFS_SEAL_HASH_LEN + 1];

	if (s->xid)
		printf("snapshot    %s (transaction %" PRIu64 ")\n", s->name, s->xid);
	else
		printf("live state\n");
	if (!i->sealed) {
		printf("  seal      none\n");
		return;
	}
	hex_text(i->root_hash, APFS_SEAL_HASH_LEN, hash);
	if (i->broken)
		printf("  seal      broken in transaction %" PRIu64 "\n", i->broken_xid);
	else
		printf("  seal      intact\n");
	printf("  root hash %s\n", hash);
	printf("  stored    block %" PRIu64 ", object %#" PRIx64 ", transaction %" PRIu64
	       ", version %u, SHA-256\n",
	       i->block, i->oid, i->xid, i->version);
	if (*name_text(s))
		printf("  name      %s\n", name_text(s));
}

static void print_signature(const struct seal_signature *s, const struct state *root)
{
	if (!s->found) {
		printf("signature   none on Preboot\n");
		return;
	}
	printf("signature   Preboot:%s\n", s->path);
	if (!s->readable) {
		printf("  unreadable: %s\n", s->why);
		return;
	}
	printf("  root hash %s\n",
	       root->info.sealed &&
			       !memcmp(s->hash, root->info.root_hash, sizeof(s->hash))
		       ? "the one of the state that is rooted from"
		       : "another one");
	if (s->checked)
		printf("  manifest  %s%s%s\n",
		       s->result == IMG4_OK ? "valid" : img4_result_name(s->result),
		       *s->why ? ": " : "", s->why);
	else
		printf("  manifest  %s\n",
		       s->has_manifest ? "not judged: this build folder has no keys"
				       : "none");
}

static void print_volume(const struct seal_place *p)
{
	char role[16], text[APFS_NAME_BUF + 64];

	printf("volume      '%s' (%s), disk%us%u, %s\n", p->volume.name,
	       apfs_role_name(p->volume.role, role), p->cs.v[p->container].disk,
	       p->slot + 1, p->volume.uuid);
	printf("roots from  %s, by %s\n",
	       seal_state_text(p, p->root_xid, text, sizeof(text)), root_texts[p->root]);
}

/* ---- for programs ---- */

static json_t *state_json(const struct state *s)
{
	json_t *j = seal_info_json(&s->info);

	if (s->xid)
		json_object_set_new(j, "snapshot", json_string(s->name));
	json_object_set_new(j, "snapshot_xid", json_integer((json_int_t)s->xid));
	if (*name_text(s))
		json_object_set_new(j, "problem", json_string(name_text(s)));
	return j;
}

static json_t *signature_json(const struct seal_signature *s)
{
	json_t *j;

	if (!s->found)
		return json_null();
	j = json_pack("{s:s, s:b, s:b}", "path", s->path, "readable", s->readable,
		      "manifest", s->has_manifest);
	if (s->readable)
		json_object_set_new(j, "root_hash", seal_hash_json(s->hash));
	if (s->checked)
		json_object_set_new(j, "result",
				    json_string(img4_result_name(s->result)));
	if (*s->why)
		json_object_set_new(j, "why", json_string(s->why));
	return j;
}

static json_t *volume_json(const struct seal_place *p)
{
	char role[16];

	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", p->volume.name, "role",
			 apfs_role_name(p->volume.role, role), "uuid", p->volume.uuid,
			 "slot", (json_int_t)p->slot, "root_to_xid",
			 (json_int_t)p->volume.root_to_xid);
}

/* ---- both ---- */

static int show_all(struct show *s, const struct state *root, struct err *e)
{
	json_t *states = json_array();
	struct state one;
	char xid[24];
	int r = 0;

	if (!s->w->json)
		print_volume(&s->place);
	for (size_t i = 0; i <= s->place.n_snaps && !r; i++) {
		if (i)
			snprintf(xid, sizeof(xid), "%" PRIu64, s->place.snaps[i - 1].xid);
		r = read_state(s, i ? xid : "", &one, e);
		if (!r && s->w->json)
			json_array_append_new(states, state_json(&one));
		else if (!r)
			print_state(&one);
	}
	if (r || !s->w->json) {
		json_decref(states);
		if (!r)
			print_signature(&s->signature, root);
		return r;
	}
	r = cmd_print_json(json_pack("{s:s, s:o, s:I, s:o, s:o}", "image", s->w->args[0],
				     "volume", volume_json(&s->place), "root_xid",
				     (json_int_t)s->place.root_xid, "states", states,
				     "signature", signature_json(&s->signature)));
	return r ? err_set(e, E_IO, "standard output could not be written") : 0;
}

static int show_one(struct show *s, struct err *e)
{
	struct state one;
	int r = read_state(s, s->w->snapshot, &one, e);

	if (r)
		return r;
	if (!s->w->json)
		print_state(&one);
	else if (cmd_print_json(state_json(&one)))
		r = err_set(e, E_IO, "standard output could not be written");
	return r;
}

/* The anchor of the laboratory, if this build folder has made keys already. */
static int load_anchor(const struct app *app, struct sb_keys *keys, bool *ret,
		       struct err *e)
{
	char dir[4096];

	*ret = false;
	if (snprintf(dir, sizeof(dir), "%s/cache/keys", app->build_dir) >=
		    (int)sizeof(dir) ||
	    !fsio_exists(dir))
		return 0;
	*ret = true;
	return sb_keys_load(dir, keys, e);
}

static int show(struct show *s, struct err *e)
{
	struct sb_keys keys = {0};
	struct span anchor = {0};
	struct state root;
	bool have = false;
	int r;

	if (s->w->snapshot)
		return show_one(s, e);
	r = load_anchor(s->w->app, &keys, &have, e);
	if (!r && have)
		anchor = (struct span){keys.id[SB_ROOT].cert.data,
				       keys.id[SB_ROOT].cert.len};
	if (!r)
		r = seal_signature_find(&s->place, anchor, &s->signature, e);
	if (!r)
		r = read_state(s, NULL, &root, e);
	if (!r)
		r = show_all(s, &root, e);
	sb_keys_release(&keys);
	return r;
}

int seal_show(const void *words)
{
	const struct seal_words *w = words;
	struct show s = {.w = w};
	struct err e = ERR_INIT;
	int r = seal_place_open(&s.place, w->args[0], w->volume, &e);

	if (!r)
		r = show(&s, &e);
	seal_signature_release(&s.signature);
	seal_place_close(&s.place);
	return r ? cmd_error(&e) : EXIT_PASSED;
}
