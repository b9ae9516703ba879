/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/formats/plist/depth.h"

#include <string.h>

#include "sim/base/bytes.h"

#define TRAILER_LEN     32 /* at the end of a binary list */
#define TRAILER_OBJECTS 8

/* What skips over everything up to an end mark, so that tags inside do not count. */
static const struct {
	const char *open, *close;
} opaque[] = {
	{"<!--", "-->"},
	{"<![CDATA[", "]]>"},
};

static const char *find(const char *p, const char *end, const char *what)
{
	return memmem(p, (size_t)(end - p), what, strlen(what));
}

static bool starts(const char *p, const char *end, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(end - p) >= n && !memcmp(p, what, n);
}

/* The end of the opaque run at @p; @p itself when there is none; NULL when it is open. */
static const char *skip_opaque(const char *p, const char *end)
{
	for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++) {
		const char *q;

		if (!starts(p, end, opaque[i].open))
			continue;
		q = find(p + strlen(opaque[i].open), end, opaque[i].close);
		return q ? q + strlen(opaque[i].close) : NULL;
	}
	return p;
}

/*
 * Does the tag [@p, @end) leave an element open? One with quotes counts as open, because
 * its last slash may be part of an attribute.
 */
static bool opens(const char *p, const char *end)
{
	return end[-1] != '/' || memchr(p, '"', (size_t)(end - p));
}

bool pl_xml_too_deep(const char *xml, size_t len, size_t max)
{
	const char *p = xml, *end = xml + len;
	size_t depth = 0;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		const char *q = skip_opaque(p, end), *close;

		if (!q)
			return false; /* unterminated: the parser will stop here, too */
		if (q != p) {
			p = q;
			continue;
		}
		close = memchr(p, '>', (size_t)(end - p));
		if (!close)
			return false;
		if (p[1] == '/') {
			depth -= depth > 0;
		} else if (p[1] == '!' || p[1] == '?') {
			/* What ends a declaration is a question of quoting: only in front. */
			if (depth)
				return true;
		} else if (opens(p, close) && ++depth > max) {
			return true;
		}
		p = close + 1;
	}
	return false;
}

uint64_t pl_binary_objects(const uint8_t *data, size_t len)
{
	if (len < TRAILER_LEN)
		return UINT64_MAX;
	return get_be64(data + len - TRAILER_LEN + TRAILER_OBJECTS);
}
