/* SPDX-License-Identifier: MIT */
#include "sim/formats/plist/where.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/span.h"
#include "sim/formats/plist/guard.h"
#include "sim/formats/plist/pl.h"

#define STACK_MAX (PL_MAX_DEPTH + 8)
#define SHOWN_MAX 20 /* characters of a name */

struct scan {
	const char *text, *end;
	struct span open[STACK_MAX]; /* names of elements that are open */
	size_t n;
	char *out;
};

static unsigned line_of(const struct scan *s, const char *at)
{
	unsigned line = 1;

	for (const char *p = s->text; (p = memchr(p, '\n', (size_t)(at - p))); p++)
		line++;
	return line;
}

static int shown(struct span name)
{
	return (int)(name.len < SHOWN_MAX ? name.len : SHOWN_MAX);
}

/* Always false: the scan is at its end. */
static bool wrong(const struct scan *s, const char *at, const char *what)
{
	snprintf(s->out, PL_WHERE_MAX, ": line %u, offset 0x%zx: %s", line_of(s, at),
		 (size_t)(at - s->text), what);
	return false;
}

static bool is_element(struct span name)
{
	static const char *const names[] = {"plist", "dict", "key",  "array", "string", "integer",
					    "real",  "true", "false", "date",  "data"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == name.len && !memcmp(names[i], name.p, name.len))
			return true;
	return false;
}

static struct span name_at(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && !strchr(" \t\r\n/>", *q))
		q++;
	return (struct span){(const uint8_t *)p, (size_t)(q - p)};
}

static bool close_element(struct scan *s, const char *tag, struct span name)
{
	const struct span *top = s->n ? &s->open[s->n - 1] : NULL;
	char what[80];

	if (top && top->len == name.len && !memcmp(top->p, name.p, name.len)) {
		s->n--;
		return true;
	}
	if (top)
		snprintf(what, sizeof(what), "<%.*s> is closed by </%.*s>", shown(*top),
			 (const char *)top->p, shown(name), (const char *)name.p);
	else
		snprintf(what, sizeof(what), "</%.*s> closes nothing", shown(name),
			 (const char *)name.p);
	return wrong(s, tag, what);
}

/* The tag [@tag, @close): "<" to before ">". */
static bool take_tag(struct scan *s, const char *tag, const char *close)
{
	bool ends = tag[1] == '/';
	struct span name = name_at(tag + 1 + ends, close);
	char what[80];

	if (tag[1] == '!' || tag[1] == '?')
		return true;
	if (!is_element(name)) {
		snprintf(what, sizeof(what), "<%.*s> is no element of a property list",
			 shown(name), (const char *)name.p);
		return wrong(s, tag, what);
	}
	if (ends)
		return close_element(s, tag, name);
	if (close[-1] == '/')
		return true;
	if (s->n == STACK_MAX)
		return false;
	s->open[s->n++] = name;
	return true;
}

static void scan_xml(struct scan *s)
{
	const char *p = s->text, *tag, *close;
	bool any = false;
	char what[48];

	while ((tag = memchr(p, '<', (size_t)(s->end - p)))) {
		p = pl_xml_skip_opaque(tag, s->end);
		any = true;
		if (p && p != tag)
			continue;
		close = p ? memchr(tag, '>', (size_t)(s->end - tag)) : NULL;
		if (!close) {
			(void)wrong(s, tag, "what begins here has no end");
			return;
		}
		if (!take_tag(s, tag, close))
			return;
		p = close + 1;
	}
	if (s->n) {
		const struct span *top = &s->open[s->n - 1];

		snprintf(what, sizeof(what), "it ends inside <%.*s>", shown(*top),
			 (const char *)top->p);
		(void)wrong(s, s->end, what);
	} else if (!any) {
		(void)wrong(s, s->text, "neither XML nor a binary list begins here");
	}
}

void pl_where(const char *data, size_t len, char out[static PL_WHERE_MAX])
{
	struct scan s = {.text = data, .end = data + len, .out = out};

	out[0] = '\0';
	if (plist_is_binary(data, (uint32_t)len))
		pl_binary_where((const uint8_t *)data, len, out, PL_WHERE_MAX);
	else
		scan_xml(&s);
}
