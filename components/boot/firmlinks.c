/* SPDX-License-Identifier: MIT */
#include "components/boot/firmlinks.h"

#include <stdbool.h>
#include <string.h>

#define LINE_BUF 2048

static bool path_is_plain(const char *p)
{
	if (!*p)
		return false;
	for (; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n <= 2 && n && !strncmp(p, "..", n))
			return false;
		p += n;
	}
	return true;
}

static int one_line(char *line,
		    int (*fn)(void *arg, const char *path, const char *target,
			      struct err *e),
		    void *arg, struct err *e)
{
	char *target = strchr(line, '\t');

	if (!*line)
		return 0;
	if (!target || line[0] != '/')
		return err_set(e, E_SCHEMA, "expected '/path<TAB>target'");
	*target++ = '\0';
	if (!path_is_plain(line) || !path_is_plain(target) || target[0] == '/')
		return err_set(e, E_SCHEMA, "path '%s' or '%s'", line, target);
	return fn(arg, line, target, e);
}

int firmlinks_each(const char *text,
		   int (*fn)(void *arg, const char *path, const char *target,
			     struct err *e),
		   void *arg, struct err *e)
{
	char line[LINE_BUF];

	for (unsigned n = 1; *text; n++) {
		size_t len = strcspn(text, "\n");
		int r;

		if (len >= sizeof(line))
			return err_set(e, E_SCHEMA, "line %u: too long", n);
		memcpy(line, text, len);
		line[len] = '\0';
		text += len + (text[len] == '\n');
		r = one_line(line, fn, arg, e);
		if (r)
			return err_ctx(e, "line %u", n);
	}
	return 0;
}
