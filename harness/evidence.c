/* SPDX-License-Identifier: MIT */
#include "harness/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "harness/match.h"

/*
 * Troubles of the carrier that would make a verdict worthless, as its kernel and our
 * init print them. The Mac's own kernel says "panic(cpu ...", which a scenario may want.
 */
static const struct {
	const char *like, *what;
} badness[] = {
	{"*Kernel panic - not syncing*", "kernel panic of the carrier"},
	{"*Oops: *", "kernel oops of the carrier"},
	{"*BUG: *", "kernel bug of the carrier"},
	{"*kernel BUG at *", "kernel bug of the carrier"},
	{"*general protection fault*", "fault in the carrier's kernel"},
	{"*Out of memory: Kill*", "out of memory"},
	{"*invoked oom-killer*", "out of memory"},
	{"*soft lockup*", "the carrier hangs"},
	{"*blocked for more than * seconds*", "the carrier hangs"},
	{"*APFS*: unable to *", "apfs driver of the carrier"},
	{"*APFS*corrupt*", "apfs driver of the carrier"},
	{"*APFS*: free queue*", "apfs driver of the carrier"},
	{"*I/O error, dev vd*", "disk of the carrier"},
};

int evidence_init(struct evidence *ev, const char *events_path, struct err *e)
{
	*ev = (struct evidence){.n_lines = 0};
	if (!events_path)
		return 0;
	ev->events_file = fopen(events_path, "we");
	if (!ev->events_file)
		return err_sys(e, "making '%s'", events_path);
	setvbuf(ev->events_file, NULL, _IOLBF, 0);
	return 0;
}

void evidence_release(struct evidence *ev)
{
	for (size_t i = 0; i < ev->n_events; i++)
		json_decref(ev->events[i]);
	free(ev->events);
	free(ev->lines);
	if (ev->events_file)
		fclose(ev->events_file);
	arena_release(&ev->arena);
	*ev = (struct evidence){.n_lines = 0};
}

/* Room for one more element of @size bytes; false when a limit or memory ran out. */
static bool grow(void *array, size_t n, size_t *cap, size_t size, size_t max)
{
	void **p = array, *bigger;
	size_t want = *cap ? *cap * 2 : 256;

	if (n < *cap)
		return true;
	if (n >= max)
		return false;
	bigger = realloc(*p, want * size);
	if (!bigger)
		return false;
	*p = bigger;
	*cap = want;
	return true;
}

static void take_line(void *ctx, uint64_t t_ms, const char *line)
{
	struct evidence *ev = ctx;
	const char *copy = NULL;

	(void)t_ms;
	if (grow(&ev->lines, ev->n_lines, &ev->cap_lines, sizeof(*ev->lines),
		 EVIDENCE_LINES_MAX))
		copy = arena_strdup(&ev->arena, line, NULL);
	if (copy)
		ev->lines[ev->n_lines++] = copy;
	else
		ev->overflow = true;
}

static void write_event(struct evidence *ev, uint64_t t_ms, json_t *event)
{
	json_t *line = ev->events_file ? json_copy(event) : NULL;

	if (!line)
		return;
	json_object_set_new(line, "run_ms", json_integer((json_int_t)t_ms));
	json_dumpf(line, ev->events_file, JSON_COMPACT | JSON_SORT_KEYS);
	fputc('\n', ev->events_file);
	json_decref(line);
}

static void take_event(void *ctx, uint64_t t_ms, const json_t *event)
{
	struct evidence *ev = ctx;
	json_t *copy = json_deep_copy(event);

	if (!copy) {
		ev->overflow = true;
		return;
	}
	write_event(ev, t_ms, copy);
	if (grow(&ev->events, ev->n_events, &ev->cap_events, sizeof(*ev->events),
		 EVIDENCE_EVENTS_MAX)) {
		ev->events[ev->n_events++] = copy;
	} else {
		ev->overflow = true;
		json_decref(copy);
	}
}

struct machine_sink evidence_sink(struct evidence *ev)
{
	return (struct machine_sink){ev, take_line, take_event};
}

void evidence_mark(struct evidence *ev, enum console_since since)
{
	ev->marks[since].line = ev->n_lines;
	ev->marks[since].event = ev->n_events;
}

const char *const *evidence_lines(const struct evidence *ev, enum console_since since,
				  size_t *ret_n)
{
	size_t from = ev->marks[since].line;

	*ret_n = ev->n_lines - from;
	return ev->lines ? ev->lines + from : NULL;
}

json_t *const *evidence_events(const struct evidence *ev, enum console_since since,
			       size_t *ret_n)
{
	size_t from = ev->marks[since].event;

	*ret_n = ev->n_events - from;
	return ev->events ? ev->events + from : NULL;
}

json_t *evidence_last(const struct evidence *ev, const char *name,
		      enum console_since since)
{
	size_t n;
	json_t *const *list = evidence_events(ev, since, &n);

	while (n--) {
		const char *got = json_string_value(json_object_get(list[n], "event"));

		if (got && !strcmp(got, name))
			return list[n];
	}
	return NULL;
}

const char *evidence_badness(const struct evidence *ev, const char **ret_line)
{
	for (size_t i = 0; i < ev->n_lines; i++)
		for (size_t k = 0; k < sizeof(badness) / sizeof(badness[0]); k++)
			if (match_like(badness[k].like, ev->lines[i])) {
				*ret_line = ev->lines[i];
				return badness[k].what;
			}
	return NULL;
}
