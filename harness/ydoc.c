/* SPDX-License-Identifier: MIT */
#include "harness/ydoc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct builder {
	struct ydoc *doc;
	const char *file, *text;
	size_t len;
	bool placeless; /* one line of the command line: places mean nothing there */
	yaml_parser_t parser;
	size_t n_nodes;
	struct {
		struct ynode *node, *last;
		const struct ynode *key; /* map: the key that waits for its value */
	} stack[YDOC_DEPTH_MAX];
	unsigned depth;
};

static int mark_error(const char *file, unsigned line, unsigned col, struct err *e,
		      const char *text)
{
	return line ? err_set(e, E_SCHEMA, "%s:%u:%u: %s", file, line, col, text)
		    : err_set(e, E_SCHEMA, "%s: %s", file, text);
}

int ynode_error(const struct ynode *n, struct err *e, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return mark_error(n->file, n->line, n->col, e, text);
}

const char *ynode_kind_name(const struct ynode *n)
{
	static const char *const names[] = {"text", "list", "map"};

	return names[n->kind];
}

const struct ynode *ynode_get(const struct ynode *n, const char *key)
{
	for (const struct ynode *c = n->first; c; c = c->next)
		if (c->key && !strcmp(c->key->text, key))
			return c;
	return NULL;
}

bool ynode_is_empty(const struct ynode *n)
{
	return n->kind == YNODE_SCALAR && n->plain && !*n->text;
}

static unsigned line_of(const struct builder *b, const yaml_mark_t *m)
{
	return b->placeless ? 0 : (unsigned)m->line + 1;
}

static int event_error(const struct builder *b, const yaml_event_t *ev, struct err *e,
		       const char *text)
{
	return mark_error(b->file, line_of(b, &ev->start_mark),
			  (unsigned)ev->start_mark.column + 1, e, text);
}

static struct ynode *new_node(struct builder *b, const yaml_event_t *ev,
			      enum ynode_kind kind, struct err *e)
{
	struct ynode *n;

	if (++b->n_nodes > YDOC_NODES_MAX) {
		event_error(b, ev, e, "too many values in one file");
		return NULL;
	}
	n = arena_alloc(&b->doc->arena, sizeof(*n), e);
	if (!n)
		return NULL;
	n->kind = kind;
	n->file = b->file;
	n->line = line_of(b, &ev->start_mark);
	n->col = (unsigned)ev->start_mark.column + 1;
	return n;
}

/* Take @n as a key of the map on top of the stack. */
static int take_key(struct builder *b, struct ynode *n, struct err *e)
{
	struct ynode *map = b->stack[b->depth - 1].node;
	const struct ynode *old;

	if (n->kind != YNODE_SCALAR)
		return ynode_error(n, e, "a key must be text, not a %s",
				   ynode_kind_name(n));
	old = ynode_get(map, n->text);
	if (old)
		return ynode_error(n, e, "key '%s' is there twice (first in line %u)",
				   n->text, old->key->line);
	b->stack[b->depth - 1].key = n;
	return 0;
}

static int attach(struct builder *b, struct ynode *n, struct err *e)
{
	struct ynode *parent;

	if (!b->depth) {
		b->doc->root = n;
		return 0;
	}
	parent = b->stack[b->depth - 1].node;
	if (parent->kind == YNODE_MAP && !b->stack[b->depth - 1].key)
		return take_key(b, n, e);
	n->key = b->stack[b->depth - 1].key;
	b->stack[b->depth - 1].key = NULL;
	if (b->stack[b->depth - 1].last)
		b->stack[b->depth - 1].last->next = n;
	else
		parent->first = n;
	b->stack[b->depth - 1].last = n;
	parent->n++;
	return 0;
}

static int open_container(struct builder *b, const yaml_event_t *ev, enum ynode_kind kind,
			  const yaml_char_t *anchor, const yaml_char_t *tag,
			  struct err *e)
{
	struct ynode *n;
	int r;

	if (anchor || tag)
		return event_error(b, ev, e, "anchors and tags are not used here");
	if (b->depth == YDOC_DEPTH_MAX)
		return event_error(b, ev, e, "nested too deeply");
	n = new_node(b, ev, kind, e);
	if (!n)
		return -(int)e->code;
	r = attach(b, n, e);
	if (r)
		return r;
	memset(&b->stack[b->depth], 0, sizeof(b->stack[0]));
	b->stack[b->depth++].node = n;
	return 0;
}

static int scalar(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct ynode *n;

	if (ev->data.scalar.anchor || ev->data.scalar.tag)
		return event_error(b, ev, e, "anchors and tags are not used here");
	if (memchr(text, 0, len))
		return event_error(b, ev, e, "text with a NUL byte");
	n = new_node(b, ev, YNODE_SCALAR, e);
	if (!n)
		return -(int)e->code;
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_strndup(&b->doc->arena, text, len, e);
	if (!n->text)
		return -(int)e->code;
	return attach(b, n, e);
}

static int handle(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->doc->root)
			return event_error(b, ev, e, "a second document in one file");
		return 0;
	case YAML_ALIAS_EVENT:
		return event_error(b, ev, e, "aliases are not used here");
	case YAML_SCALAR_EVENT:
		return scalar(b, ev, e);
	case YAML_MAPPING_START_EVENT:
		return open_container(b, ev, YNODE_MAP, ev->data.mapping_start.anchor,
				      ev->data.mapping_start.tag, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(b, ev, YNODE_LIST, ev->data.sequence_start.anchor,
				      ev->data.sequence_start.tag, e);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* A byte that is no text has no mark yet; its place is counted in what stands before. */
static int reader_error(const struct builder *b, struct err *e)
{
	const yaml_parser_t *p = &b->parser;
	const char *text = b->text, *line_start = text;
	size_t at = p->problem_offset < b->len ? p->problem_offset : b->len;
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		if (text[i] == '\n') {
			line++;
			line_start = text + i + 1;
		}
	return mark_error(b->file, b->placeless ? 0 : line,
			  (unsigned)(text + at - line_start) + 1, e, p->problem);
}

static int parser_error(const struct builder *b, struct err *e)
{
	const yaml_parser_t *p = &b->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(e, E_NOMEM, "%s: out of memory", b->file);
	if (p->error == YAML_READER_ERROR)
		return reader_error(b, e);
	return mark_error(b->file, line_of(b, &p->problem_mark),
			  (unsigned)p->problem_mark.column + 1, e,
			  p->problem ? p->problem : "not YAML");
}

static int build(struct builder *b, struct err *e)
{
	yaml_event_t ev;
	bool done = false;
	int r = 0;

	while (!done && !r) {
		if (!yaml_parser_parse(&b->parser, &ev))
			return parser_error(b, e);
		done = ev.type == YAML_STREAM_END_EVENT;
		r = handle(b, &ev, e);
		yaml_event_delete(&ev);
	}
	if (!r && !b->doc->root)
		return mark_error(b->file, !b->placeless, 1, e, "the file is empty");
	return r;
}

static int parse(struct builder *b, struct ydoc *d, const char *file, struct err *e)
{
	int r;

	*d = (struct ydoc){.root = NULL};
	b->doc = d;
	b->file = arena_strdup(&d->arena, file, e);
	if (!b->file)
		return -E_NOMEM;
	if (b->len > YDOC_SIZE_MAX)
		return err_set(e, E_SCHEMA, "%s: larger than %u bytes", file,
			       YDOC_SIZE_MAX);
	if (!yaml_parser_initialize(&b->parser))
		return err_set(e, E_NOMEM, "%s: out of memory", file);
	yaml_parser_set_input_string(&b->parser, (const yaml_char_t *)b->text, b->len);
	r = build(b, e);
	yaml_parser_delete(&b->parser);
	return r;
}

int ydoc_parse(struct ydoc *d, const char *file, const void *text, size_t len,
	       struct err *e)
{
	struct builder b = {.text = text, .len = len};

	return parse(&b, d, file, e);
}

int ydoc_parse_option(struct ydoc *d, const char *option, const char *text, struct err *e)
{
	struct builder b = {.text = text, .len = strlen(text), .placeless = true};

	return parse(&b, d, option, e);
}

void ydoc_release(struct ydoc *d)
{
	arena_release(&d->arena);
	d->root = NULL;
}
