/* SPDX-License-Identifier: MIT */
#include "harness/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_LINES_MAX 32u

static const struct {
	const char *name;
	int exit;
	int grave; /* order of gravity */
} verdicts[] = {
	[VERDICT_PASSED] = {"passed", 0, 0},
	[VERDICT_FAILED] = {"failed", 1, 2},
	[VERDICT_SKIPPED] = {"skipped", 0, 1},
	[VERDICT_TIMEOUT] = {"timeout", 124, 3},
	[VERDICT_ERROR] = {"error", 3, 4},
	[VERDICT_BAD] = {"bad", 2, 5},
	[VERDICT_CANCELED] = {"canceled", 130, 6},
};

const char *verdict_name(enum verdict v)
{
	return verdicts[v].name;
}

int verdict_exit(enum verdict v)
{
	return verdicts[v].exit;
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
	return verdicts[a].grave >= verdicts[b].grave ? a : b;
}

enum verdict verdict_of_error(const struct err *e)
{
	switch (e->code) {
	case E_TIMEOUT:
		return VERDICT_TIMEOUT;
	case E_CANCELED:
		return VERDICT_CANCELED;
	case E_SCHEMA:
	case E_INVAL:
		return VERDICT_BAD;
	default:
		return VERDICT_ERROR;
	}
}

const char *phase_name(enum phase p)
{
	static const char *const names[] = {"disk",	"boot",	   "steps",
					    "shutdown", "inspect", "judges"};

	return names[p];
}

struct result *result_new(void)
{
	return calloc(1, sizeof(struct result));
}

void result_free(struct result *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_steps; i++)
		free(r->steps[i].checks);
	free(r->steps);
	arena_release(&r->arena);
	free(r);
}

static int grow(void *array, size_t n, size_t *cap, size_t size, struct err *e)
{
	void **p = array, *bigger;
	size_t want = *cap ? *cap * 2 : 8;

	if (n < *cap)
		return 0;
	bigger = realloc(*p, want * size);
	if (!bigger)
		return err_set(e, E_NOMEM, "out of memory");
	*p = bigger;
	*cap = want;
	return 0;
}

struct step_result *result_step(struct result *r, const char *type, const char *title,
				struct err *e)
{
	struct step_result *s;

	if (grow(&r->steps, r->n_steps, &r->cap_steps, sizeof(*r->steps), e))
		return NULL;
	s = &r->steps[r->n_steps];
	*s = (struct step_result){
		.type = arena_strdup(&r->arena, type, e),
		.title = arena_strdup(&r->arena, title, e),
	};
	if (!s->type || !s->title)
		return NULL;
	r->n_steps++;
	return s;
}

static int add_check(struct result *r, struct step_result *s, const struct check *c,
		     struct err *e)
{
	struct check *n;

	if (grow(&s->checks, s->n, &s->cap, sizeof(*s->checks), e))
		return -(int)E_NOMEM;
	n = &s->checks[s->n];
	*n = *c;
	n->name = arena_strdup(&r->arena, c->name, e);
	n->expected = arena_strdup(&r->arena, c->expected, e);
	n->got = arena_strdup(&r->arena, c->got, e);
	if (!n->name || !n->expected || !n->got)
		return -(int)E_NOMEM;
	s->n++;
	return 0;
}

int result_check(struct result *r, struct step_result *s, const char *name, bool ok,
		 const char *expected, const char *got, struct err *e)
{
	const struct check c = {.name = name, .ok = ok, .expected = expected, .got = got};

	if (!ok && s->verdict == VERDICT_PASSED)
		s->verdict = VERDICT_FAILED;
	return add_check(r, s, &c, e);
}

int result_skip(struct result *r, struct step_result *s, const char *name,
		const char *why, struct err *e)
{
	const struct check c = {
		.name = name, .ok = true, .skipped = true, .expected = "", .got = why};

	return add_check(r, s, &c, e);
}

static bool step_fails(const struct step_result *s, const char *prefix)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->checks[i].ok &&
		    (!prefix || !strncmp(s->checks[i].name, prefix, strlen(prefix))))
			return true;
	return false;
}

bool result_any_fails(const struct result *r, const char *prefix)
{
	for (size_t i = 0; i < r->n_steps; i++)
		if (step_fails(&r->steps[i], prefix))
			return true;
	return false;
}

int result_state(struct result *r, struct err *e, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!r->end_state)
		r->end_state = arena_array(&r->arena, STATE_LINES_MAX, sizeof(char *), e);
	if (!r->end_state)
		return -(int)E_NOMEM;
	if (r->n_end_state == STATE_LINES_MAX)
		return 0;
	r->end_state[r->n_end_state] = arena_strdup(&r->arena, text, e);
	return r->end_state[r->n_end_state++] ? 0 : -(int)E_NOMEM;
}
