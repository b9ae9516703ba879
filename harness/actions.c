/* SPDX-License-Identifier: MIT */
#include "harness/actions.h"

#include <getopt.h>
#include <string.h>

#include "harness/cmd.h"
#include "sim/base/nearest.h"

#define OPTIONS_MAX 24
#define ACTIONS_MAX 16

static const struct action_option *by_letter(const struct actions *a, int letter)
{
	for (size_t i = 0; i < a->n_options; i++)
		if (a->option[i].letter == letter)
			return &a->option[i];
	return NULL;
}

static void fill_options(const struct actions *a, struct option *out)
{
	size_t n = a->n_options < OPTIONS_MAX ? a->n_options : OPTIONS_MAX;

	for (size_t i = 0; i < n; i++)
		out[i] = (struct option){
			.name = a->option[i].name,
			.has_arg =
				a->option[i].has_value ? required_argument : no_argument,
			.val = a->option[i].letter,
		};
	out[n] = (struct option){.name = NULL};
}

static int run_action(const struct actions *a, const struct action *act, void *words,
		      char ***args, int *n_args, int argc, char **argv)
{
	struct option options[OPTIONS_MAX + 1];
	int c;

	fill_options(a, options);
	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		const struct action_option *o = by_letter(a, c);

		if (!o)
			return cmd_usage_error(a->command, "bad option");
		if (!(o->kind & act->with))
			return cmd_usage_error(a->command, "--%s is no option of '%s'",
					       o->name, act->name);
		a->take(words, o->letter, o->has_value ? optarg : NULL);
	}
	*args = argv + optind;
	*n_args = argc - optind;
	if (*n_args < act->min || *n_args > act->max)
		return cmd_usage_error(a->command, "%s %s", act->name, act->usage);
	return act->run(words);
}

int actions_run(const struct actions *a, void *words, char ***args, int *n_args, int argc,
		char **argv)
{
	const char *names[ACTIONS_MAX];
	char hint[NEAREST_HINT_MAX];

	if (argc < 2)
		return cmd_usage_error(a->command, "what is to be done?");
	for (size_t i = 0; i < a->n_actions; i++) {
		names[i] = a->action[i].name;
		if (!strcmp(a->action[i].name, argv[1]))
			return run_action(a, &a->action[i], words, args, n_args, argc - 1,
					  argv + 1);
	}
	return cmd_usage_error(a->command, "unknown action '%s'%s", argv[1],
			       nearest_hint(argv[1], names, a->n_actions, hint));
}
