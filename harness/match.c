/* SPDX-License-Identifier: MIT */
#include "harness/match.h"

#include <regex.h>
#include <string.h>

/* Going back only to the last '*' is enough, so time is at most |pattern| * |text|. */
static bool like(const char *p, const char *t, size_t len)
{
	const char *end = t + len, *star = NULL, *back = NULL;

	while (t < end) {
		if (*p == '*') {
			star = ++p;
			back = t;
		} else if (*p && *p == *t) {
			p++;
			t++;
		} else if (star) {
			p = star;
			t = ++back;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

bool match_like(const char *pattern, const char *text)
{
	return like(pattern, text, strlen(text));
}

bool match_like_line(const char *pattern, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, "\n");

		if (like(pattern, text, len))
			return true;
		if (!text[len])
			return false;
		text += len + 1;
	}
}

int match_regex(const char *regex, const char *text, bool *ret, struct err *e)
{
	char why[128];
	regex_t re;
	int r = regcomp(&re, regex, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);

	if (r) {
		regerror(r, &re, why, sizeof(why));
		return err_set(e, E_INVAL, "regular expression '%s': %s", regex, why);
	}
	*ret = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return 0;
}

static size_t trimmed(const char *s)
{
	size_t len = strlen(s);

	while (len && s[len - 1] == '\n')
		len--;
	return len;
}

bool match_equals(const char *want, const char *text)
{
	size_t len = trimmed(want);

	return len == trimmed(text) && !memcmp(want, text, len);
}

size_t match_ordered(size_t n, bool (*is)(void *ctx, size_t i, const char *line),
		     void *ctx, const char *const *lines, size_t n_lines, size_t *at)
{
	size_t found = 0;

	/* The first line that fits is as good as any later one. */
	for (size_t k = 0; k < n_lines && found < n; k++)
		if (is(ctx, found, lines[k])) {
			if (at)
				at[found] = k;
			found++;
		}
	return found;
}
