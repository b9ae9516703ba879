/* SPDX-License-Identifier: MIT */
/* kextlab seal: a table of actions, and their options. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd_seal.h"
#include "sim/base/nearest.h"

enum {
	WITH_STATE = 1, /* --volume, --snapshot, --live */
	WITH_JSON = 2,
	WITH_CHECK = 4, /* --full, --root-hash */
	WITH_MAKE = 8,	/* -o, --name, --time, --no-snapshot, --case-sensitive */
	WITH_FIX = 16,	/* --volume, --revert, --dry-run */
};

static const struct action {
	const char *name, *args;
	int min, max;  /* arguments */
	unsigned with; /* kinds of options */
	int (*run)(const struct seal_words *w);
} actions[] = {
	{"make", "TREE -o IMAGE", 1, 1, WITH_MAKE | WITH_JSON, seal_make},
	{"show", "IMAGE", 1, 1, WITH_STATE | WITH_JSON, seal_show},
	{"verify", "IMAGE", 1, 1, WITH_STATE | WITH_JSON | WITH_CHECK, seal_verify},
	{"explain", "IMAGE PATH", 2, 2, WITH_STATE | WITH_JSON, seal_explain},
	{"break", "IMAGE KIND [PATH [OFFSET]]", 2, 4, WITH_STATE | WITH_JSON,
	 seal_break_image},
	{"fix", "IMAGE", 1, 1, WITH_FIX, seal_fix_image},
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static const struct option options[] = {
	{"volume", required_argument, NULL, 'v'},
	{"snapshot", required_argument, NULL, 's'},
	{"live", no_argument, NULL, 'l'},
	{"json", no_argument, NULL, 'j'},
	{"full", no_argument, NULL, 'f'},
	{"root-hash", required_argument, NULL, 'r'},
	{"output", required_argument, NULL, 'o'},
	{"revert", no_argument, NULL, 'R'},
	{"dry-run", no_argument, NULL, 'd'},
	{"name", required_argument, NULL, 'n'},
	{"time", required_argument, NULL, 't'},
	{"no-snapshot", no_argument, NULL, 'N'},
	{"case-sensitive", no_argument, NULL, 'c'},
	{NULL, 0, NULL, 0},
};

/* Which kind of option each is. */
static unsigned kind_of(int option)
{
	if (option == 'v')
		return WITH_STATE | WITH_FIX;
	if (strchr("sl", option))
		return WITH_STATE;
	if (strchr("Rd", option))
		return WITH_FIX;
	if (strchr("fr", option))
		return WITH_CHECK;
	return option == 'j' ? WITH_JSON : strchr("ontNc", option) ? WITH_MAKE : 0;
}

static void take_option(struct seal_words *w, int option)
{
	switch (option) {
	case 'v':
		w->volume = optarg;
		break;
	case 's':
		w->snapshot = optarg;
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
		w->root_hash = optarg;
		break;
	case 'o':
		w->output = optarg;
		break;
	case 'n':
		w->name = optarg;
		break;
	case 't':
		w->time = optarg;
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

static int run_action(const struct app *app, const struct action *a, int argc,
		      char **argv)
{
	struct seal_words w = {.app = app};
	int c, at = 0;

	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", options, &at)) != -1) {
		if (c == '?')
			return cmd_usage_error("seal", "bad option");
		if (!(kind_of(c) & a->with))
			return cmd_usage_error("seal", "--%s is no option of '%s'",
					       c == 'o' ? "output" : options[at].name,
					       a->name);
		take_option(&w, c);
	}
	w.args = argv + optind;
	w.n_args = argc - optind;
	if (w.n_args < a->min || w.n_args > a->max)
		return cmd_usage_error("seal", "%s %s", a->name, a->args);
	return a->run(&w);
}

int cmd_seal(const struct app *app, int argc, char **argv)
{
	const char *names[N_ACTIONS];
	char hint[NEAREST_HINT_MAX];

	if (argc < 2)
		return cmd_usage_error("seal", "what is to be done?");
	for (size_t i = 0; i < N_ACTIONS; i++) {
		names[i] = actions[i].name;
		if (!strcmp(actions[i].name, argv[1]))
			return run_action(app, &actions[i], argc - 1, argv + 1);
	}
	return cmd_usage_error("seal", "unknown action '%s'%s", argv[1],
			       nearest_hint(argv[1], names, N_ACTIONS, hint));
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
