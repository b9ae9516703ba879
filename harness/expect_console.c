/* SPDX-License-Identifier: MIT */
/* Judging expectations: the console and events. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/expect_judge.h"
#include "harness/match.h"

/* Lines wanted, with references replaced; a bad regular expression ends the search. */
struct wanted {
	const struct console_lines *list;
	const char **text;
	struct err *e;
	int r;
};

static bool is_line(void *ctx, size_t i, const char *line)
{
	struct wanted *w = ctx;
	bool ok = false;

	if (w->list->items[i].like)
		return match_like(w->text[i], line);
	if (!w->r)
		w->r = match_regex(w->text[i], line, &ok, w->e);
	return ok;
}

static int prepare(struct engine *en, const struct console_lines *list, struct wanted *w,
		   struct err *e)
{
	*w = (struct wanted){.list = list, .e = e};
	w->text = arena_array(&en->arena, list->n, sizeof(*w->text), e);
	if (!w->text)
		return -(int)e->code;
	for (size_t i = 0; i < list->n; i++) {
		const struct console_line *l = &list->items[i];
		int r = engine_text(en, l->like ? l->like : l->regex, &w->text[i], e);

		if (r)
			return r;
	}
	return 0;
}

/* The wanted line may stand at another place: that is worth saying. */
static int report_missing(struct engine *en, struct wanted *w, size_t i,
			  const char *const *lines, size_t n, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), "console.lines.%zu", i + 1);
	for (size_t k = 0; k < n; k++)
		if (is_line(w, i, lines[k]))
			return engine_check(
				en, name, false, w->text[i], e,
				"only before the line that was to come first, as"
				" line %zu of %zu",
				k + 1, n);
	return engine_check(en, name, false, w->text[i], e, "not among %zu lines", n);
}

static int expect_lines(struct engine *en, const struct console_expect *x,
			const char *const *lines, size_t n, struct err *e)
{
	struct wanted w;
	char name[64];
	size_t found;
	int r = prepare(en, &x->lines, &w, e);

	if (r)
		return r;
	found = match_ordered(x->lines.n, is_line, &w, lines, n, NULL);
	if (w.r)
		return w.r;
	for (size_t i = 0; i < found && !r; i++) {
		snprintf(name, sizeof(name), "console.lines.%zu", i + 1);
		r = engine_check(en, name, true, w.text[i], e, "found");
	}
	return r || found == x->lines.n ? r : report_missing(en, &w, found, lines, n, e);
}

static int expect_no_lines(struct engine *en, const struct console_expect *x,
			   const char *const *lines, size_t n, struct err *e)
{
	struct wanted w;
	int r = prepare(en, &x->absent, &w, e);

	for (size_t i = 0; i < x->absent.n && !r; i++) {
		const char *hit = NULL;
		char name[64], expected[512];

		for (size_t k = 0; k < n && !hit; k++)
			if (is_line(&w, i, lines[k]))
				hit = lines[k];
		if (w.r)
			return w.r;
		snprintf(name, sizeof(name), "console.absent.%zu", i + 1);
		snprintf(expected, sizeof(expected), "no line like: %s", w.text[i]);
		r = engine_check(en, name, !hit, expected, e, "%s", hit ? hit : "none");
	}
	return r;
}

int expect_console(struct engine *en, const struct console_expect *x, struct err *e)
{
	size_t n;
	const char *const *lines =
		evidence_lines(en->ev, (enum console_since)x->since, &n);
	int r = expect_lines(en, x, lines, n, e);

	return r ? r : expect_no_lines(en, x, lines, n, e);
}

/* The event's field as text: a string itself, anything else as JSON. */
static bool field_is(const json_t *event, const char *name, const char *want)
{
	const json_t *v = json_object_get(event, name);
	char *text;
	bool ok;

	if (!v)
		return false;
	if (json_is_string(v))
		return match_like(want, json_string_value(v));
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	ok = text && match_like(want, text);
	free(text);
	return ok;
}

static bool event_is(const json_t *event, const struct event_expect *x,
		     const char *const *wants)
{
	if (!field_is(event, "event", x->event))
		return false;
	for (size_t i = 0; i < x->n_with; i++)
		if (!field_is(event, x->with[i].name, wants[i]))
			return false;
	return true;
}

static void describe(const struct event_expect *x, const char *const *wants, char *out,
		     size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s%s", x->absent ? "no event " : "",
				       x->event);

	for (size_t i = 0; i < x->n_with && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, " %s=%s",
					 x->with[i].name, wants[i]);
}

int expect_event(struct engine *en, const struct event_expect *x, struct err *e)
{
	const char **wants = arena_array(&en->arena, x->n_with, sizeof(*wants), e);
	char expected[512], name[128], *text = NULL;
	json_t *const *events;
	size_t n, same = 0;
	int r = wants ? 0 : -(int)e->code;

	for (size_t i = 0; i < x->n_with && !r; i++)
		r = engine_text(en, x->with[i].like, &wants[i], e);
	if (r)
		return r;
	events = evidence_events(en->ev, (enum console_since)x->since, &n);
	for (size_t i = 0; i < n && !text; i++) {
		same += field_is(events[i], "event", x->event);
		if (event_is(events[i], x, wants))
			text = json_dumps(events[i], JSON_COMPACT | JSON_SORT_KEYS);
	}
	describe(x, wants, expected, sizeof(expected));
	snprintf(name, sizeof(name), "events.%s", x->event);
	if (text)
		r = engine_check(en, name, !x->absent, expected, e, "%s", text);
	else
		r = engine_check(en, name, x->absent, expected, e,
				 "none among %zu of this name", same);
	free(text);
	return r;
}
