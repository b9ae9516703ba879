/* SPDX-License-Identifier: MIT */
/* kextlab list, show, lint: scenarios without running them. */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd.h"
#include "harness/plan.h"

#define TAGS_MAX 32u

static const struct option list_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"tag", required_argument, NULL, 't'},
	{NULL, 0, NULL, 0},
};

struct list_args {
	bool json;
	const char *tags_v[TAGS_MAX];
	struct text_list tags;
};

static int parse_list(struct list_args *a, const char *command, int argc, char **argv)
{
	int c;

	a->tags.items = a->tags_v;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", list_options, NULL)) != -1) {
		if (c == 'j')
			a->json = true;
		else if (c == 't' && a->tags.n < TAGS_MAX)
			a->tags.items[a->tags.n++] = optarg;
		else
			return cmd_usage_error(command, "bad option");
	}
	return 0;
}

static json_t *texts_json(const struct text_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->items[i]));
	return list;
}

static json_t *names_json(const struct scenario *s, bool controls)
{
	size_t n = controls ? s->n_controls : s->n_variants;
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(controls ? s->controls[i].name
								 : s->variants[i].name));
	return list;
}

static json_t *scenario_json(const struct scenario *s)
{
	return json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:o, s:o, s:o}", "name", s->name,
			 "summary", s->summary, "source", s->source, "file", s->file,
			 "release",
			 s->settings.release ? s->settings.release->name : NULL, "tags",
			 texts_json(&s->tags), "variants", names_json(s, false),
			 "controls", names_json(s, true));
}

static void print_scenario(const struct scenario *s)
{
	printf("%-34s %s\n", s->name, s->summary);
	for (size_t i = 0; i < s->n_variants; i++)
		printf("  /%-31s %s\n", s->variants[i].name,
		       s->variants[i].summary ? s->variants[i].summary : "");
}

static int list_all(const struct selection *sel, bool json)
{
	json_t *list = json ? json_array() : NULL;

	for (size_t i = 0; i < sel->n; i++) {
		/* A scenario stands once, with all its variants. */
		if (i && sel->items[i].scn == sel->items[i - 1].scn)
			continue;
		if (json)
			json_array_append_new(list, scenario_json(sel->items[i].scn));
		else
			print_scenario(sel->items[i].scn);
	}
	return json ? cmd_print_json(list) : EXIT_PASSED;
}

int cmd_list(const struct app *app, int argc, char **argv)
{
	struct list_args a = {.json = false};
	struct selection sel;
	struct err e = ERR_INIT;
	int r = parse_list(&a, "list", argc, argv);

	if (r)
		return r;
	r = selection_load(&sel, app, argv + optind, (size_t)(argc - optind), &a.tags,
			   true, &e);
	r = r ? cmd_selection_error(&e) : sel.n ? list_all(&sel, a.json) : EXIT_NOTHING;
	selection_release(&sel);
	return r;
}

static void print_plan(const json_t *j)
{
	const json_t *steps = json_object_get(j, "steps"), *step,
		     *system = json_object_get(j, "system");
	size_t i;

	printf("%s\n  %s\n", json_string_value(json_object_get(j, "name")),
	       json_string_value(json_object_get(j, "summary")));
	printf("  machine %s, release %s (%s), csr-active-config %s, time factor %g\n",
	       json_string_value(json_object_get(j, "machine")),
	       json_string_value(json_object_get(j, "release")),
	       json_string_value(json_object_get(j, "build")),
	       json_string_value(json_object_get(j, "csr_active_config")),
	       json_number_value(json_object_get(j, "time_factor")));
	if (system)
		printf("  system %s\n", json_string_value(system));
	json_array_foreach(steps, i, step) printf(
		"  %2zu %s\n", i + 1, json_string_value(json_object_get(step, "title")));
	printf("  %s\n", json_string_value(json_object_get(j, "reproduce")));
}

static const struct option show_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"release", required_argument, NULL, 'r'},
	{"sip", required_argument, NULL, 's'},
	{"set", required_argument, NULL, 'S'},
	{NULL, 0, NULL, 0},
};

static int show_one(const struct app *app, const struct selected *sel,
		    struct plan_options *po, json_t *list, struct err *e)
{
	struct plan *plan = NULL;
	json_t *j;
	int r;

	po->build_dir = app->build_dir;
	po->source_dir = app->source_dir;
	po->program = app->program;
	po->variant = sel->variant;
	po->no_bundles = true; /* what was not built yet can be shown all the same */
	r = plan_make(sel->scn, po, &plan, e);
	if (r)
		return r;
	j = plan_json(plan);
	plan_free(plan);
	if (!j)
		return err_set(e, E_NOMEM, "out of memory");
	if (list)
		return json_array_append_new(list, j)
			       ? err_set(e, E_NOMEM, "out of memory")
			       : 0;
	print_plan(j);
	json_decref(j);
	return 0;
}

static int show_all(const struct app *app, const struct selection *sel,
		    struct plan_options *po, bool json)
{
	json_t *list = json ? json_array() : NULL;
	struct err e = ERR_INIT;
	int r = 0;

	for (size_t i = 0; i < sel->n && !r; i++)
		r = show_one(app, &sel->items[i], po, list, &e);
	if (r) {
		json_decref(list);
		return cmd_error(&e);
	}
	return json ? cmd_print_json(list) : EXIT_PASSED;
}

int cmd_show(const struct app *app, int argc, char **argv)
{
	const char *sets[TAGS_MAX];
	struct plan_options po = {.sets = {sets, 0}};
	const struct text_list no_tags = {NULL, 0};
	struct selection sel;
	struct err e = ERR_INIT;
	bool json = false;
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", show_options, NULL)) != -1) {
		if (c == 'j')
			json = true;
		else if (c == 'r')
			po.release = optarg;
		else if (c == 's')
			po.sip = optarg;
		else if (c == 'S' && po.sets.n < TAGS_MAX)
			po.sets.items[po.sets.n++] = optarg;
		else
			return cmd_usage_error("show", "bad option");
	}
	if (optind == argc)
		return cmd_usage_error("show", "which scenario?");
	r = selection_load(&sel, app, argv + optind, (size_t)(argc - optind), &no_tags,
			   false, &e);
	r = r ? cmd_selection_error(&e) : show_all(app, &sel, &po, json);
	selection_release(&sel);
	return r;
}

/* All variants and controls of a file make sense. */
static int lint_scenario(const struct app *app, const struct scenario *s, struct err *e)
{
	struct plan_options po = {.build_dir = app->build_dir, .no_bundles = true};
	int r = 0;

	for (size_t v = 0; v < (s->n_variants ? s->n_variants : 1) && !r; v++) {
		struct plan *plan = NULL;

		po.variant = s->n_variants ? &s->variants[v] : NULL;
		po.control = NULL;
		r = plan_make(s, &po, &plan, e);
		plan_free(plan);
		for (size_t c = 0; c < s->n_controls && !r; c++) {
			const char *want = s->controls[c].variant;

			if (want ? strcmp(want, po.variant->name) : v > 0)
				continue;
			plan = NULL;
			po.control = &s->controls[c];
			r = plan_make(s, &po, &plan, e);
			if (r)
				err_ctx(e, "control '%s'", s->controls[c].name);
			plan_free(plan);
		}
	}
	return r;
}

static int lint_file(const struct app *app, const char *path)
{
	struct scenario *s = NULL;
	struct err e = ERR_INIT;
	int r = scenario_load(path, &s, &e);

	if (!r)
		r = lint_scenario(app, s, &e);
	scenario_free(s);
	if (!r)
		return EXIT_PASSED;
	fprintf(stderr, "%s\n", e.msg);
	return EXIT_USAGE;
}

int cmd_lint(const struct app *app, int argc, char **argv)
{
	int worst = EXIT_PASSED;

	if (argc < 2 || argv[1][0] == '-')
		return cmd_usage_error("lint", "which files?");
	for (int i = 1; i < argc; i++)
		if (lint_file(app, argv[i]))
			worst = EXIT_USAGE;
	return worst;
}
