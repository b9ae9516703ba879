/* SPDX-License-Identifier: MIT */
/* kextlab kext: a table of actions. */
#include <stdio.h>
#include <string.h>

#include "harness/cmd_kext.h"
#include "sim/base/fsio.h"
#include "sim/base/nearest.h"
#include "sim/platform/signing/authority.h"

static const struct {
	const char *name;
	int (*run)(const struct app *app, int argc, char **argv);
} actions[] = {
	{"check", kext_cmd_check},
	{"sign", kext_cmd_sign},
	{"signature", kext_cmd_signature},
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

int kext_keys_dir(const struct app *app, char *out, size_t size, struct err *e)
{
	return fsio_join(out, size, app->source_dir, SIGNING_KEYS_DIR, e);
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
