/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd.h"
#include "sim/base/nearest.h"

#define SCENARIOS_MAX 1024u
#define PATH_LEN      4096

static int add_scenario(struct selection *s, const char *path, struct scenario **ret,
			struct err *e)
{
	struct scenario **all = reallocarray(s->all, s->n_all + 1, sizeof(*all));

	if (!all)
		return err_set(e, E_NOMEM, "out of memory");
	s->all = all;
	if (s->n_all == SCENARIOS_MAX)
		return err_set(e, E_OVERFLOW, "more than %u scenarios", SCENARIOS_MAX);
	if (scenario_load(path, &s->all[s->n_all], e))
		return -(int)e->code;
	*ret = s->all[s->n_all++];
	return 0;
}

static int is_yaml(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot && !strcmp(dot, ".yaml");
}

/* The file is called as the scenario is; else nobody would find it. */
static int check_name(const struct scenario *s, const char *file, struct err *e)
{
	size_t len = strlen(s->name);

	if (!strncmp(file, s->name, len) && !strcmp(file + len, ".yaml"))
		return 0;
	return ynode_error(ynode_get(s->doc.root, "name"), e,
			   "the scenario is called '%s', but its file %s", s->name, file);
}

static int load_folder(struct selection *s, const struct app *app, struct err *e)
{
	char dir[PATH_LEN], path[PATH_LEN + 256];
	struct dirent **names;
	struct scenario *scn;
	int n, r = 0;

	snprintf(dir, sizeof(dir), "%s%sscenarios",
		 strcmp(app->source_dir, ".") ? app->source_dir : "",
		 strcmp(app->source_dir, ".") ? "/" : "");
	n = scandir(dir, &names, is_yaml, alphasort);
	if (n < 0)
		return err_set(e, E_INFRA,
			       "no folder '%s': kextlab belongs into the build folder of "
			       "its source tree",
			       dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (!r)
			r = add_scenario(s, path, &scn, e);
		if (!r)
			r = check_name(scn, names[i]->d_name, e);
		free(names[i]);
	}
	free(names);
	return r;
}

static bool has_tag(const struct scenario *s, const char *tag)
{
	for (size_t i = 0; i < s->tags.n; i++)
		if (!strcmp(s->tags.items[i], tag))
			return true;
	return false;
}

static bool tags_fit(const struct scenario *s, const struct text_list *tags)
{
	for (size_t i = 0; i < tags->n; i++) {
		const char *t = tags->items[i];

		if (t[0] == '!' ? has_tag(s, t + 1) : !has_tag(s, t))
			return false;
	}
	return true;
}

static int add_item(struct selection *s, struct scenario *scn,
		    const struct scn_variant *v, struct err *e)
{
	struct selected *items;

	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].scn == scn && s->items[i].variant == v)
			return 0; /* named twice */
	items = reallocarray(s->items, s->n + 1, sizeof(*items));
	if (!items)
		return err_set(e, E_NOMEM, "out of memory");
	s->items = items;
	s->items[s->n++] = (struct selected){scn, v};
	return 0;
}

/* @word is "scenario" or "scenario/variant", each perhaps a pattern. */
static bool word_fits(const char *word, const struct scenario *s,
		      const struct scn_variant *v)
{
	char full[256];

	if (!fnmatch(word, s->name, 0))
		return true;
	snprintf(full, sizeof(full), "%s/%s", s->name, v ? v->name : "");
	return v && !fnmatch(word, full, 0);
}

static int add_fitting(struct selection *s, struct scenario *scn, const char *word,
		       const struct text_list *tags, bool *found, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < (scn->n_variants ? scn->n_variants : 1) && !r; i++) {
		const struct scn_variant *v = scn->n_variants ? &scn->variants[i] : NULL;

		if (word && !word_fits(word, scn, v))
			continue;
		*found = true;
		if (tags_fit(scn, tags))
			r = add_item(s, scn, v, e);
	}
	return r;
}

/* The scenario is there, but not its variant. */
static int no_such_variant(const struct scenario *s, const char *variant, struct err *e)
{
	const char *names[VARIANTS_MAX];
	char hint[NEAREST_HINT_MAX];

	for (size_t i = 0; i < s->n_variants; i++)
		names[i] = s->variants[i].name;
	nearest_hint(variant, names, s->n_variants, hint);
	return err_set(e, E_NOTFOUND, "no variant of %s is called '%s'%s", s->name,
		       variant, hint);
}

static int no_such(const struct selection *s, const char *word, struct err *e)
{
	const char *names[SCENARIOS_MAX], *slash = strchr(word, '/');
	char hint[NEAREST_HINT_MAX] = "";

	for (size_t i = 0; i < s->n_all; i++) {
		names[i] = s->all[i]->name;
		if (slash && strlen(names[i]) == (size_t)(slash - word) &&
		    !strncmp(names[i], word, (size_t)(slash - word)))
			return no_such_variant(s->all[i], slash + 1, e);
	}
	if (!strpbrk(word, "*?["))
		nearest_hint(word, names, s->n_all, hint);
	return err_set(e, E_NOTFOUND, "no scenario is called '%s'%s", word, hint);
}

static bool is_file(const char *word)
{
	const char *dot = strrchr(word, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

static int add_word(struct selection *s, const struct app *app, const char *word,
		    const struct text_list *tags, bool *loaded, struct err *e)
{
	struct scenario *scn;
	bool found = false;
	size_t n;
	int r;

	if (is_file(word)) {
		r = add_scenario(s, word, &scn, e);
		/* A file that is not there is a mistake, not an empty selection. */
		if (r == -E_NOTFOUND)
			r = err_set(e, E_INVAL, "%s: no such file", word);
		return r ? r : add_fitting(s, scn, NULL, tags, &found, e);
	}
	r = *loaded ? 0 : load_folder(s, app, e);
	*loaded = true;
	n = s->n_all;
	for (size_t i = 0; i < n && !r; i++)
		r = add_fitting(s, s->all[i], word, tags, &found, e);
	return r || found ? r : no_such(s, word, e);
}

int selection_load(struct selection *s, const struct app *app, char *const *words,
		   size_t n, const struct text_list *tags, bool everything, struct err *e)
{
	bool loaded = false, found = false;
	int r = 0;

	*s = (struct selection){.n = 0};
	for (size_t i = 0; i < n && !r; i++)
		r = add_word(s, app, words[i], tags, &loaded, e);
	if (r || n || !everything)
		return r;
	r = load_folder(s, app, e);
	for (size_t i = 0; i < s->n_all && !r; i++)
		r = add_fitting(s, s->all[i], NULL, tags, &found, e);
	return r;
}

void selection_release(struct selection *s)
{
	for (size_t i = 0; i < s->n_all; i++)
		scenario_free(s->all[i]);
	free(s->all);
	free(s->items);
	*s = (struct selection){.n = 0};
}
