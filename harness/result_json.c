/* SPDX-License-Identifier: MIT */
/* A result back from the JSON that report_json made of it. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report.h"

struct text_field {
	const char *key;
	size_t at; /* of a const char * in the struct */
	bool required;
};

struct number_field {
	const char *key;
	size_t at; /* of a uint64_t */
};

static const struct text_field result_texts[] = {
	{"name", offsetof(struct result, name), true},
	{"scenario", offsetof(struct result, scenario), true},
	{"variant", offsetof(struct result, variant), false},
	{"control", offsetof(struct result, control), false},
	{"summary", offsetof(struct result, summary), false},
	{"file", offsetof(struct result, file), false},
	{"release", offsetof(struct result, release), true},
	{"machine", offsetof(struct result, machine), true},
	{"system", offsetof(struct result, system), false},
	{"kernel", offsetof(struct result, kernel), false},
	{"accelerator", offsetof(struct result, accel), false},
	{"error", offsetof(struct result, error), false},
	{"run_dir", offsetof(struct result, run_dir), false},
	{"reproduce", offsetof(struct result, reproduce), false},
};

static const struct text_field step_texts[] = {
	{"id", offsetof(struct step_result, id), false},
	{"error", offsetof(struct step_result, error), false},
};

static const struct number_field step_numbers[] = {
	{"start_ms", offsetof(struct step_result, start_ms)},
	{"end_ms", offsetof(struct step_result, end_ms)},
};

static const struct {
	const char *key;
	size_t list, count;
} result_lists[] = {
	{"end_state", offsetof(struct result, end_state),
	 offsetof(struct result, n_end_state)},
	{"console_tail", offsetof(struct result, tail), offsetof(struct result, n_tail)},
	{"kextcache", offsetof(struct result, kextcache),
	 offsetof(struct result, n_kextcache)},
	{"boot", offsetof(struct result, story), offsetof(struct result, n_story)},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int lacks(const char *key, struct err *e)
{
	return err_set(e, E_SCHEMA, "a result without a proper '%s'", key);
}

static int get_text(struct arena *a, const json_t *o, const char *key, bool required,
		    const char **ret, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		return required || (v && !json_is_null(v)) ? lacks(key, e) : 0;
	*ret = arena_strdup(a, json_string_value(v), e);
	return *ret ? 0 : -(int)E_NOMEM;
}

static int get_number(const json_t *o, const char *key, uint64_t *ret, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return lacks(key, e);
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int get_texts(struct arena *a, const json_t *o, void *to,
		     const struct text_field *f, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = get_text(a, o, f[i].key, f[i].required,
			     (const char **)((char *)to + f[i].at), e);
	return r;
}

static int get_verdict(const json_t *o, enum verdict *ret, struct err *e)
{
	const char *word = json_string_value(json_object_get(o, "verdict"));

	for (int v = 0; word && v <= VERDICT_CANCELED; v++)
		if (!strcmp(word, verdict_name((enum verdict)v))) {
			*ret = (enum verdict)v;
			return 0;
		}
	return lacks("verdict", e);
}

static int get_check(struct result *r, struct step_result *s, const json_t *o,
		     struct err *e)
{
	const char *name = json_string_value(json_object_get(o, "name"));
	const char *expected = json_string_value(json_object_get(o, "expected"));
	const char *got = json_string_value(json_object_get(o, "got"));
	enum verdict v;

	if (!name || !expected || !got)
		return lacks("checks", e);
	if (get_verdict(o, &v, e))
		return -(int)e->code;
	return v == VERDICT_SKIPPED
		       ? result_skip(r, s, name, got, e)
		       : result_check(r, s, name, v == VERDICT_PASSED, expected, got, e);
}

static int get_step(struct result *r, const json_t *o, struct err *e)
{
	const char *type = json_string_value(json_object_get(o, "step"));
	const char *title = json_string_value(json_object_get(o, "title"));
	const json_t *checks = json_object_get(o, "checks"), *check;
	struct step_result *s;
	uint64_t line;
	size_t i;
	int ret;

	if (!type || !title)
		return lacks("steps", e);
	s = result_step(r, type, title, e);
	if (!s)
		return -(int)E_NOMEM;
	json_array_foreach(checks, i, check)
	{
		ret = get_check(r, s, check, e);
		if (ret)
			return ret;
	}
	ret = get_texts(&r->arena, o, s, step_texts, COUNT(step_texts), e);
	for (i = 0; i < COUNT(step_numbers) && !ret; i++)
		ret = get_number(o, step_numbers[i].key,
				 (uint64_t *)((char *)s + step_numbers[i].at), e);
	if (!ret)
		ret = get_number(o, "line", &line, e);
	if (!ret)
		s->line = (unsigned)line;
	return ret ? ret : get_verdict(o, &s->verdict, e);
}

static int get_list(struct result *r, const json_t *o, const char *key, const char ***ret,
		    size_t *n, struct err *e)
{
	const json_t *list = json_object_get(o, key), *item;
	size_t i;

	if (!json_is_array(list))
		return lacks(key, e);
	if (!json_array_size(list))
		return 0;
	*ret = arena_array(&r->arena, json_array_size(list), sizeof(**ret), e);
	if (!*ret)
		return -(int)e->code;
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return lacks(key, e);
		(*ret)[i] = arena_strdup(&r->arena, json_string_value(item), e);
		if (!(*ret)[i])
			return -(int)E_NOMEM;
		*n = i + 1;
	}
	return 0;
}

static int get_lists(struct result *r, const json_t *o, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < COUNT(result_lists) && !ret; i++)
		ret = get_list(r, o, result_lists[i].key,
			       (const char ***)((char *)r + result_lists[i].list),
			       (size_t *)((char *)r + result_lists[i].count), e);
	return ret;
}

static int get_figures(struct result *r, const json_t *o, struct err *e)
{
	const json_t *phases = json_object_get(o, "phases_ms");
	const char *csr = json_string_value(json_object_get(o, "csr_active_config"));
	uint64_t peak, started;
	int ret = get_number(o, "duration_ms", &r->duration_ms, e);

	if (!ret)
		ret = get_number(o, "qemu_peak_kib", &peak, e);
	if (!ret)
		ret = get_number(o, "started", &started, e);
	for (unsigned p = 0; p < PHASE_MAX && !ret; p++)
		ret = get_number(phases, phase_name((enum phase)p), &r->phase_ms[p], e);
	if (!ret && !csr)
		ret = lacks("csr_active_config", e);
	if (ret)
		return ret;
	r->peak_kib = (long)peak;
	r->started = (int64_t)started;
	r->csr = (uint32_t)strtoul(csr, NULL, 0);
	return 0;
}

static int fill(struct result *r, const json_t *o, struct err *e)
{
	const json_t *steps = json_object_get(o, "steps"), *step;
	size_t i;
	int ret = get_texts(&r->arena, o, r, result_texts, COUNT(result_texts), e);

	if (!ret)
		ret = get_figures(r, o, e);
	if (!ret && !json_is_array(steps))
		ret = lacks("steps", e);
	if (ret)
		return ret;
	json_array_foreach(steps, i, step)
	{
		ret = get_step(r, step, e);
		if (ret)
			return ret;
	}
	ret = get_lists(r, o, e);
	return ret ? ret : get_verdict(o, &r->verdict, e);
}

int result_from_json(const json_t *o, struct result **ret, struct err *e)
{
	struct result *r = result_new();
	int rc = r ? fill(r, o, e) : err_set(e, E_NOMEM, "out of memory");

	if (rc)
		result_free(r);
	else
		*ret = r;
	return rc;
}
