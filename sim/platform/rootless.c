/* SPDX-License-Identifier: MIT */
#include "sim/platform/rootless.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Part of a line: not NUL-terminated. */
struct span {
	const char *s;
	size_t len;
};

static struct span trim(struct span x)
{
	while (x.len && isspace((unsigned char)x.s[0]))
		x.s++, x.len--;
	while (x.len && isspace((unsigned char)x.s[x.len - 1]))
		x.len--;
	return x;
}

static bool path_has_dots(const char *path)
{
	for (const char *p = path; (p = strchr(p, '/'));) {
		size_t n = strcspn(++p, "/");

		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return true;
	}
	return false;
}

/* Split "class  /path" at the first slash that starts a word. */
static bool split_row(struct span row, struct span *cls, struct span *path)
{
	for (size_t i = 0; i < row.len; i++) {
		if (row.s[i] != '/' || (i > 0 && !isspace((unsigned char)row.s[i - 1])))
			continue;
		*cls = trim((struct span){row.s, i});
		*path = (struct span){row.s + i, row.len - i};
		return true;
	}
	return false;
}

static void strip_glob_and_slash(struct rootless_rule *r)
{
	size_t n = strlen(r->path);

	if (n >= 2 && !strcmp(r->path + n - 2, "/*")) {
		r->entries = true;
		r->path[n -= 2] = '\0';
	}
	while (n > 1 && r->path[n - 1] == '/')
		r->path[--n] = '\0';
	if (!n)
		memcpy(r->path, "/", 2); /* was "/" "*": room for three bytes */
}

static int fill_rule(struct rootless_rule *r, struct span cls, struct span path,
		     struct err *e)
{
	if (cls.len == 1 && cls.s[0] == '*')
		r->exception = true;
	else if (cls.len && !(r->class_ = strndup(cls.s, cls.len)))
		return err_set(e, E_NOMEM, "out of memory");
	r->path = strndup(path.s, path.len);
	if (!r->path)
		return err_set(e, E_NOMEM, "out of memory");
	strip_glob_and_slash(r);
	if (path_has_dots(r->path))
		return err_set(e, E_SCHEMA, "'.' or '..' in path '%s'", r->path);
	return 0;
}

static int add_row(struct rootless_conf *c, struct span row, unsigned line, struct err *e)
{
	struct rootless_rule *rules;
	struct span cls, path;

	if (!row.len || row.s[0] == '#')
		return 0;
	if (memchr(row.s, '\0', row.len))
		return err_set(e, E_SCHEMA, "zero byte");
	if (!split_row(row, &cls, &path))
		return err_set(e, E_SCHEMA, "no absolute path");
	if (c->n == ROOTLESS_MAX_RULES)
		return err_set(e, E_OVERFLOW, "more than %d rows", ROOTLESS_MAX_RULES);
	rules = reallocarray(c->rules, c->n + 1, sizeof(*rules));
	if (!rules)
		return err_set(e, E_NOMEM, "out of memory");
	c->rules = rules;
	rules[c->n] = (struct rootless_rule){.line = line};
	return fill_rule(&rules[c->n++], cls, path, e);
}

int rootless_parse(struct rootless_conf *c, const char *text, size_t len, struct err *e)
{
	unsigned line = 1;

	*c = (struct rootless_conf){.rules = NULL};
	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;

		if (add_row(c, trim((struct span){text, n}), line, e))
			return err_ctx(e, "line %u", line);
		n += nl != NULL;
		text += n;
		len -= n;
		line++;
	}
	return 0;
}

void rootless_release(struct rootless_conf *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->rules[i].path);
		free(c->rules[i].class_);
	}
	free(c->rules);
	*c = (struct rootless_conf){.rules = NULL};
}

/* Is @path @folder itself or below it? *ret_rest is what follows the folder. */
static bool path_covers(const char *folder, const char *path, const char **ret_rest)
{
	size_t n = strcmp(folder, "/") ? strlen(folder) : 0;

	if (strncmp(folder, path, n) || (path[n] && path[n] != '/'))
		return false;
	*ret_rest = path + n;
	return true;
}

static bool rule_speaks_of(const struct rootless_rule *r, const char *path,
			   bool installed)
{
	const char *rest;

	if (!path_covers(r->path, path, &rest))
		return false;
	/* A glob is about what lies in the folder, not about the folder. */
	return !r->entries || (installed && rest[0] && rest[1]);
}

const struct rootless_rule *rootless_nearest(const struct rootless_conf *c,
					     const char *path, bool installed)
{
	const struct rootless_rule *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct rootless_rule *r = &c->rules[i];
		size_t len =
		    strlen(r->path) + r->entries; /* an entry is nearer than its folder */

		if (len < best_len || !rule_speaks_of(r, path, installed))
			continue;
		best = r;
		best_len = len;
	}
	return best;
}
