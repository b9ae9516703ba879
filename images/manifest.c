/* SPDX-License-Identifier: MIT */
#include "images/manifest.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"

#define INCLUDE_DEPTH_MAX 8
#define LINE_WORDS_MAX    8
#define MANIFEST_MAX      (1 << 20)

enum row_type { ROW_NONE, ROW_DIR, ROW_FILE, ROW_LINK, ROW_HARDLINK, ROW_FIRMLINK };

static const struct {
	const char *word;
	enum row_type type;
} row_types[] = {
	{"dir", ROW_DIR},           {"file", ROW_FILE},         {"link", ROW_LINK},
	{"hardlink", ROW_HARDLINK}, {"firmlink", ROW_FIRMLINK},
};

struct row {
	enum row_type type;
	uint32_t mode, uid, gid;
	const char *link, *contents;
};

struct loader {
	struct fs_tree *tree;
	const struct manifest_env *env;
	struct row defaults;
	char root[PATH_MAX];
	unsigned depth;
};

/* "@folder/@below/@name" of the first folder that has it; of the last when none has. */
static int find_file(const struct manifest_env *env, const char *below, const char *name,
		     char out[static PATH_MAX], struct err *e)
{
	for (const char *const *dir = env->dirs; *dir; dir++) {
		char folder[PATH_MAX];
		int r = fsio_join(folder, sizeof(folder), *dir, below, e);

		if (!r)
			r = fsio_join(out, PATH_MAX, folder, name, e);
		if (r || fsio_exists(out))
			return r;
	}
	return 0;
}

/* Copy @in to @out with @NAME@ replaced by the variables. */
static int expand(const struct manifest_env *env, const char *in, struct buf *out,
		  struct err *e)
{
	int r;

	while (*in) {
		const struct manifest_var *v = NULL;
		size_t n = 1;

		if (*in == '@')
			for (v = env->vars; v && v->name; v++) {
				n = strlen(v->name);
				if (!strncmp(in + 1, v->name, n) && in[n + 1] == '@')
					break;
			}
		if (v && v->name) {
			r = buf_append(out, v->value, strlen(v->value), e);
			in += n + 2;
		} else {
			r = buf_append(out, in, 1, e);
			in++;
		}
		if (r)
			return r;
	}
	return 0;
}

static int set_type(struct row *row, const char *word, struct err *e)
{
	for (size_t i = 0; i < sizeof(row_types) / sizeof(row_types[0]); i++)
		if (!strcmp(row_types[i].word, word)) {
			row->type = row_types[i].type;
			return 0;
		}
	return err_set(e, E_SCHEMA, "unknown type '%s'", word);
}

static int set_number(uint32_t *ret, const char *word, int base, struct err *e)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(word, &end, base);
	if (errno || *end || end == word || v > UINT32_MAX)
		return err_set(e, E_SCHEMA, "bad number '%s'", word);
	*ret = (uint32_t)v;
	return 0;
}

static int set_keyword(struct row *row, char *word, struct err *e)
{
	char *value = strchr(word, '=');

	if (!value)
		return err_set(e, E_SCHEMA, "'%s' is not keyword=value", word);
	*value++ = '\0';
	if (!strcmp(word, "type"))
		return set_type(row, value, e);
	if (!strcmp(word, "mode"))
		return set_number(&row->mode, value, 8, e);
	if (!strcmp(word, "uid"))
		return set_number(&row->uid, value, 10, e);
	if (!strcmp(word, "gid"))
		return set_number(&row->gid, value, 10, e);
	if (!strcmp(word, "link"))
		row->link = value;
	else if (!strcmp(word, "contents"))
		row->contents = value;
	else
		return err_set(e, E_SCHEMA, "unknown keyword '%s'", word);
	return 0;
}

static int add_template(struct loader *l, const char *path, const struct row *row,
			const char *file, struct err *e)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	int r = fsio_read(file, MANIFEST_MAX, &text, e);

	if (!r)
		r = expand(l->env, buf_str(&text), &out, e);
	if (!r)
		r = fs_tree_file(l->tree, path, S_IFREG | row->mode, out.data, out.len, NULL,
				 e);
	buf_release(&text);
	buf_release(&out);
	return r;
}

/* Regular file by the prefix of contents=; no contents is an empty file. */
static int add_file(struct loader *l, const char *path, const struct row *row,
		    struct err *e)
{
	uint32_t mode = S_IFREG | row->mode;
	const char *c = row->contents;
	char file[PATH_MAX];
	const char *host = file;
	int r = 0;

	if (!c)
		return fs_tree_file(l->tree, path, mode, NULL, 0, NULL, e);
	if (!strncmp(c, "gen:", 4))
		return l->env->generate(l->env->ctx, c + 4, l->tree, path, mode, e);
	if (!strncmp(c, "file:", 5))
		r = find_file(l->env, "files", c + 5, file, e);
	else if (!strncmp(c, "template:", 9))
		r = find_file(l->env, "files", c + 9, file, e);
	else if (!strncmp(c, "guest:", 6))
		r = fsio_join(file, sizeof(file), l->env->guest_dir, c + 6, e);
	else if (!strncmp(c, "host:", 5))
		host = c + 5;
	else
		return err_set(e, E_SCHEMA, "unknown contents '%s'", c);
	if (r)
		return r;
	if (!fsio_exists(host))
		return err_set(e, E_INFRA, "%s, needed for %s, is missing; run make deps all",
			       host, path);
	if (!strncmp(c, "template:", 9))
		return add_template(l, path, row, host, e);
	return fs_tree_host_file(l->tree, path, mode, host, NULL, e);
}

static int add_dir(struct loader *l, const char *path, const struct row *row, struct err *e)
{
	int r = fs_tree_mkdir(l->tree, path, S_IFDIR | row->mode, NULL, e);

	if (r || !row->contents)
		return r;
	if (strncmp(row->contents, "gen:", 4) != 0)
		return err_set(e, E_SCHEMA, "contents of a dir must be gen:");
	return l->env->generate(l->env->ctx, row->contents + 4, l->tree, path, row->mode, e);
}

static int add_firmlink(struct loader *l, const char *path, const struct row *row,
			struct err *e)
{
	struct fs_node *n;
	int r = fs_tree_mkdir(l->tree, path, S_IFDIR | row->mode, &n, e);

	if (r)
		return r;
	n->bsd_flags |= SF_FIRMLINK;
	return fs_node_set_xattr(n, "com.apple.fs.firmlink", row->link, strlen(row->link), e);
}

static int add_hardlink(struct loader *l, const char *path, const struct row *row,
			struct err *e)
{
	char target[PATH_MAX];
	struct fs_node *to;

	if (snprintf(target, sizeof(target), "%s%s", l->root, row->link) >=
	    (int)sizeof(target))
		return err_set(e, E_SCHEMA, "path too long");
	to = fs_tree_find(l->tree, target);
	if (!to)
		return err_set(e, E_SCHEMA, "%s links to %s, which is not above it", path,
			       target);
	return fs_tree_hardlink(l->tree, path, to, e);
}

static int add_row(struct loader *l, const char *path, const struct row *row, struct err *e)
{
	struct fs_node *n;
	int r;

	if ((row->type == ROW_LINK || row->type == ROW_HARDLINK ||
	     row->type == ROW_FIRMLINK) &&
	    !row->link)
		return err_set(e, E_SCHEMA, "%s: link= is missing", path);
	switch (row->type) {
	case ROW_DIR:
		r = add_dir(l, path, row, e);
		break;
	case ROW_FILE:
		r = add_file(l, path, row, e);
		break;
	case ROW_LINK:
		r = fs_tree_symlink(l->tree, path, row->link, NULL, e);
		break;
	case ROW_HARDLINK:
		return add_hardlink(l, path, row, e); /* owner and mode are the target's */
	case ROW_FIRMLINK:
		r = add_firmlink(l, path, row, e);
		break;
	default:
		return err_set(e, E_SCHEMA, "%s: type= is missing", path);
	}
	if (r)
		return r;
	n = fs_tree_find(l->tree, path);
	if (n) {
		n->uid = row->uid;
		n->gid = row->gid;
	}
	return 0;
}

static int load_file(struct loader *l, const char *name, struct err *e);

static int set_root(struct loader *l, const char *path, struct err *e)
{
	if (strlen(path) >= sizeof(l->root))
		return err_set(e, E_SCHEMA, "path too long");
	snprintf(l->root, sizeof(l->root), "%s", path);
	return 0;
}

static const struct {
	const char *word;
	int (*act)(struct loader *l, const char *arg, struct err *e);
} directives[] = {
	{"/include", load_file},
	{"/root", set_root},
};
#define N_DIRECTIVES (sizeof(directives) / sizeof(directives[0]))

/* The directive @words[0] when it is one; else *ret_is is false. */
static int directive(struct loader *l, char **words, size_t n, bool *ret_is, struct err *e)
{
	struct buf arg = BUF_INIT;
	size_t i = 0;
	int r = 0;

	*ret_is = true;
	if (!strcmp(words[0], "/set")) {
		for (i = 1; i < n && !r; i++)
			r = set_keyword(&l->defaults, words[i], e);
		return r;
	}
	while (i < N_DIRECTIVES && strcmp(directives[i].word, words[0]) != 0)
		i++;
	*ret_is = i < N_DIRECTIVES;
	if (!*ret_is)
		return 0;
	if (n != 2)
		return err_set(e, E_SCHEMA, "%s takes one word", words[0]);
	r = expand(l->env, words[1], &arg, e);
	if (!r)
		r = directives[i].act(l, buf_str(&arg), e);
	buf_release(&arg);
	return r;
}

static int load_line(struct loader *l, char *line, struct err *e)
{
	char *words[LINE_WORDS_MAX], *save = NULL;
	struct row row = l->defaults;
	struct buf path = BUF_INIT;
	size_t n = 0;
	bool done;
	int r;

	if (line[strspn(line, " \t")] == '#')
		return 0;
	for (char *w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (n == LINE_WORDS_MAX)
			return err_set(e, E_SCHEMA, "more than %d words", LINE_WORDS_MAX);
		words[n++] = w;
	}
	if (n == 0)
		return 0;
	r = directive(l, words, n, &done, e);
	if (r || done)
		return r;
	for (size_t i = 1; i < n && !r; i++)
		r = set_keyword(&row, words[i], e);
	if (!r)
		r = buf_append(&path, l->root, strlen(l->root), e);
	if (!r)
		r = expand(l->env, words[0], &path, e);
	if (!r)
		r = add_row(l, buf_str(&path), &row, e);
	buf_release(&path);
	return r;
}

static int load_lines(struct loader *l, char *text, const char *name, struct err *e)
{
	unsigned line_no = 0;
	char *save = text;
	int r;

	for (char *line = strsep(&save, "\n"); line; line = strsep(&save, "\n")) {
		line_no++;
		r = load_line(l, line, e);
		if (r)
			return err_ctx(e, "%s:%u", name, line_no);
	}
	return 0;
}

static int load_file(struct loader *l, const char *name, struct err *e)
{
	struct buf text = BUF_INIT;
	char path[PATH_MAX];
	int r;

	if (l->depth == INCLUDE_DEPTH_MAX)
		return err_set(e, E_SCHEMA, "manifests include each other: %s", name);
	r = find_file(l->env, "", name, path, e);
	if (!r)
		r = fsio_read(path, MANIFEST_MAX, &text, e);
	if (!r) {
		l->depth++;
		(void)buf_str(&text);
		r = load_lines(l, (char *)text.data, path, e);
		l->depth--;
	}
	buf_release(&text);
	return r;
}

int manifest_load(struct fs_tree *t, const struct manifest_env *env, const char *name,
		  struct err *e)
{
	struct loader l = {
		.tree = t,
		.env = env,
		.defaults = {.mode = 0755},
	};

	return load_file(&l, name, e);
}
