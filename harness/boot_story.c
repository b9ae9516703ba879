/* SPDX-License-Identifier: MIT */
#include "harness/boot_story.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STORY_LINES_MAX 4096u

static const char *text_of(const json_t *event, const char *key)
{
	const char *s = json_string_value(json_object_get(event, key));

	return s ? s : "";
}

static double number_of(const json_t *event, const char *key)
{
	return json_number_value(json_object_get(event, key));
}

static int say(struct result *res, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int say(struct result *res, struct err *e, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (res->n_story == STORY_LINES_MAX)
		return 0; /* the whole of it is in events.jsonl */
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	res->story[res->n_story] = arena_strdup(&res->arena, line, e);
	return res->story[res->n_story++] ? 0 : -(int)e->code;
}

static int say_stage(struct result *res, const json_t *event, struct err *e)
{
	return say(res, e, "%10.3f ms  %-14s %s", number_of(event, "us") / 1000,
		   text_of(event, "stage"), text_of(event, "detail"));
}

static int say_verified(struct result *res, const json_t *event, struct err *e)
{
	return say(res, e, "%10.3f ms  %-14s %s against %s: %s",
		   number_of(event, "ns") / 1000000, text_of(event, "stage"),
		   text_of(event, "object"), text_of(event, "against"),
		   text_of(event, "result"));
}

/*
 * Length of the line that *text begins with; *text moves on to the next one, or becomes
 * NULL after the last.
 */
static int take_line(const char **text)
{
	size_t len = strcspn(*text, "\n");

	*text = (*text)[len] ? *text + len + 1 : NULL;
	return (int)len;
}

/* As the Mac's own listing has it: a line of the kernel proper has no sender. */
static int say_record(struct result *res, const json_t *event, struct err *e)
{
	const char *sender = text_of(event, "sender"), *process = text_of(event, "process");
	const char *who = sender[0] ? sender : strcmp(process, "kernel") ? process : "";
	const char *next = text_of(event, "message"), *line = next;
	int len = take_line(&next);
	int r = say(res, e, "%5.0f  %s %s%s%.*s", number_of(event, "seq"),
		    text_of(event, "stamp"), who, who[0] ? " " : "", len, line);

	while (!r && next) {
		line = next;
		len = take_line(&next);
		r = say(res, e, "       %.*s", len, line);
	}
	return r;
}

/* The parts of the story, one after the other, each with the events that it is made of. */
static const struct {
	const char *title, *event;
	int (*say)(struct result *res, const json_t *event, struct err *e);
} parts[] = {
	{"verified, each with the time it took", "boot.verify", say_verified},
	{"stages of the boot, with the time each took", "boot.stage", say_stage},
	{"the log, with its sequence numbers", "log", say_record},
};

int boot_story(const struct evidence *ev, struct result *res, struct err *e)
{
	size_t n;
	json_t *const *events = evidence_events(ev, SINCE_BOOT, &n);
	int r = 0;

	res->story = arena_array(&res->arena, STORY_LINES_MAX, sizeof(*res->story), e);
	if (!res->story)
		return -(int)e->code;
	for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
		bool any = false;

		for (size_t i = 0; i < n && !r; i++) {
			if (strcmp(text_of(events[i], "event"), parts[p].event))
				continue;
			if (!any)
				r = say(res, e, "%s", parts[p].title);
			any = true;
			if (!r)
				r = parts[p].say(res, events[i], e);
		}
	}
	return r;
}

static int add_record(struct buf *out, const json_t *event, struct err *e)
{
	const char *sender = text_of(event, "sender"), *message = text_of(event, "message");
	int r = buf_printf(out, e, "%6.0f %s %s: %s%s%s", number_of(event, "seq"),
			   text_of(event, "stamp"), text_of(event, "process"),
			   sender[0] ? "(" : "", sender, sender[0] ? ") " : "");

	while (!r) {
		const char *line = message;
		int len = take_line(&message);

		r = buf_printf(out, e, "%.*s\n", len, line);
		if (!message || r)
			break;
		r = buf_printf(out, e, "       ");
	}
	return r;
}

int unified_log_text(const struct evidence *ev, struct buf *out, struct err *e)
{
	size_t n;
	json_t *const *events = evidence_events(ev, SINCE_START, &n);
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		if (!strcmp(text_of(events[i], "event"), "log"))
			r = add_record(out, events[i], e);
	return r;
}
