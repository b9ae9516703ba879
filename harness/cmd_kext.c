/* SPDX-License-Identifier: MIT */
/* kextlab kext: a table of actions. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd_kext.h"
#include "sim/base/fsio.h"
#include "sim/base/nearest.h"

static const struct {
	const char *name;
	int (*run)(const struct app *app, int argc, char **argv);
} actions[] = {
	{"check", kext_cmd_check},
	{"sign", kext_cmd_sign},
	{"signature", kext_cmd_signature},
	{"identities", kext_cmd_identities},
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

int kext_authority(const struct app *app, struct signing_authority *ret, struct err *e)
{
	char dir[PATH_MAX];
	int r = fsio_join(dir, sizeof(dir), app->source_dir, SIGNING_KEYS_DIR, e);

	return r ? r : signing_authority_load(dir, ret, e);
}

int kext_anchors(const struct app *app, const char *folder, struct cs_anchors *ret,
		 struct err *e)
{
	struct signing_authority a = {.store = {.n = 0}};
	int r;

	if (folder)
		return cs_anchors_load(ret, folder, e);
	r = kext_authority(app, &a, e);
	if (!r)
		r = signing_anchors(&a, ret, e);
	signing_authority_release(&a);
	return r;
}

int cmd_kext(const struct app *app, int argc, char **argv)
{
	const char *names[N_ACTIONS];
	char hint[NEAREST_HINT_MAX];

	if (argc < 2)
		return cmd_usage_error("kext", "what is to be done?");
	optind = 0;
	for (size_t i = 0; i < N_ACTIONS; i++) {
		names[i] = actions[i].name;
		if (!strcmp(actions[i].name, argv[1]))
			return actions[i].run(app, argc - 1, argv + 1);
	}
	return cmd_usage_error("kext", "unknown action '%s'%s", argv[1],
			       nearest_hint(argv[1], names, N_ACTIONS, hint));
}
