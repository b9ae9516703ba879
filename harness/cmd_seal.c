/* SPDX-License-Identifier: MIT */
/* kextlab seal: a table of actions, and their options. */
#include <stdio.h>
#include <string.h>

#include "harness/cmd_seal.h"

enum {
	WITH_STATE = 1, /* --volume, --snapshot, --live */
	WITH_JSON = 2,
	WITH_CHECK = 4, /* --full, --root-hash */
	WITH_MAKE = 8,	/* -o, --name, --time, --no-snapshot, --case-sensitive */
	WITH_FIX = 16,	/* --volume, --revert, --dry-run */
};

static const struct action actions[] = {
	{"make", "TREE -o IMAGE", 1, 1, WITH_MAKE | WITH_JSON, seal_make},
	{"show", "IMAGE", 1, 1, WITH_STATE | WITH_JSON, seal_show},
	{"verify", "IMAGE", 1, 1, WITH_STATE | WITH_JSON | WITH_CHECK, seal_verify},
	{"explain", "IMAGE PATH", 2, 2, WITH_STATE | WITH_JSON, seal_explain},
	{"break", "IMAGE KIND [PATH [OFFSET]]", 2, 4, WITH_STATE | WITH_JSON,
	 seal_break_image},
	{"fix", "IMAGE", 1, 1, WITH_FIX, seal_fix_image},
};

static const struct action_option options[] = {
	{'v', "volume", true, WITH_STATE | WITH_FIX},
	{'s', "snapshot", true, WITH_STATE},
	{'l', "live", false, WITH_STATE},
	{'j', "json", false, WITH_JSON},
	{'f', "full", false, WITH_CHECK},
	{'r', "root-hash", true, WITH_CHECK},
	{'o', "output", true, WITH_MAKE},
	{'n', "name", true, WITH_MAKE},
	{'t', "time", true, WITH_MAKE},
	{'N', "no-snapshot", false, WITH_MAKE},
	{'c', "case-sensitive", false, WITH_MAKE},
	{'R', "revert", false, WITH_FIX},
	{'d', "dry-run", false, WITH_FIX},
};

static void take_option(void *words, char letter, const char *value)
{
	struct seal_words *w = words;

	switch (letter) {
	case 'v':
		w->volume = value;
		break;
	case 's':
		w->snapshot = value;
		break;
	case 'l':
		w->snapshot = "";
		break;
	case 'j':
		w->json = true;
		break;
	case 'f':
		w->full = true;
		break;
	case 'r':
		w->root_hash = value;
		break;
	case 'o':
		w->output = value;
		break;
	case 'n':
		w->name = value;
		break;
	case 't':
		w->time = value;
		break;
	case 'R':
		w->revert = true;
		break;
	case 'd':
		w->dry_run = true;
		break;
	case 'N':
		w->no_snapshot = true;
		break;
	case 'c':
		w->case_sensitive = true;
		break;
	}
}

int cmd_seal(const struct app *app, int argc, char **argv)
{
	static const struct actions seal = {
		.command = "seal",
		.action = actions,
		.n_actions = sizeof(actions) / sizeof(actions[0]),
		.option = options,
		.n_options = sizeof(options) / sizeof(options[0]),
		.take = take_option,
	};
	struct seal_words w = {.app = app};

	return actions_run(&seal, &w, &w.args, &w.n_args, argc, argv);
}

/* ---- what the actions share ---- */

const char *seal_state_text(const struct seal_place *p, uint64_t xid, char *out,
			    size_t size)
{
	const struct apfs_snapshot *s = xid ? seal_place_snapshot(p, xid) : NULL;

	if (s)
		snprintf(out, size, "snapshot '%s'", s->name);
	else
		snprintf(out, size, "%s",
			 xid ? "a snapshot that is not there" : "live state");
	return out;
}

json_t *seal_hash_json(const uint8_t hash[static APFS_SEAL_HASH_LEN])
{
	char text[2 * APFS_SEAL_HASH_LEN + 1];

	hex_text(hash, APFS_SEAL_HASH_LEN, text);
	return json_string(text);
}

json_t *seal_info_json(const struct apfs_seal_info *i)
{
	if (!i->sealed)
		return json_pack("{s:b}", "sealed", 0);
	return json_pack("{s:b, s:b, s:I, s:I, s:s, s:o, s:I, s:I, s:I}", "sealed", 1,
			 "broken", i->broken, "broken_xid", (json_int_t)i->broken_xid,
			 "version", (json_int_t)i->version, "hash_type", "SHA-256",
			 "root_hash", seal_hash_json(i->root_hash), "oid",
			 (json_int_t)i->oid, "block", (json_int_t)i->block, "xid",
			 (json_int_t)i->xid);
}
