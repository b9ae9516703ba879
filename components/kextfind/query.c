/* SPDX-License-Identifier: MIT */
/*
 * The grammar of kextfind_query.c: or binds loosest; two predicates without a word
 * between them are joined by and; not and parentheses bind tightest.
 */
#define _GNU_SOURCE
#include "components/kextfind/query.h"

#include <stdlib.h>
#include <string.h>

struct parser {
	struct query *q;
	int argc, i;
	char **argv;
	unsigned depth;
};

void query_release(struct query *q)
{
	free(q->node);
	*q = (struct query){.n = 0};
}

static const char *word(const struct parser *p)
{
	return p->i < p->argc ? p->argv[p->i] : NULL;
}

static bool is(const struct parser *p, const char *a, const char *b)
{
	const char *w = word(p);

	return w && (!strcmp(w, a) || !strcmp(w, b));
}

/* *ret: the index of a new node. */
static int add(struct parser *p, const struct query_node *n, size_t *ret, struct err *e)
{
	struct query *q = p->q;
	struct query_node *node;

	if (q->n == QUERY_NODES_MAX)
		return err_set(e, E_OVERFLOW, "the query has more than %d parts",
			       QUERY_NODES_MAX);
	node = reallocarray(q->node, q->n + 1, sizeof(*node));
	if (!node)
		return err_set(e, E_NOMEM, "out of memory");
	q->node = node;
	node[q->n] = *n;
	*ret = q->n++;
	return 0;
}

static void take_match_words(struct parser *p, struct query_match *m)
{
	for (;; p->i++) {
		if (is(p, "-i", "-case-insensitive"))
			m->ignore_case = true;
		else if (is(p, "-s", "-substring"))
			m->substring = true;
		else
			return;
	}
}

static int parse_or(struct parser *p, size_t *ret, struct err *e);

static int parse_test(struct parser *p, size_t *ret, struct err *e)
{
	const char *w = word(p);
	struct query_node n = {.kind = QUERY_TEST, .match = p->q->global};

	n.test = w[0] == '-' ? query_predicate(w + 1) : NULL;
	if (!n.test)
		return err_set(e, E_INVAL, "unknown query element '%s'", w);
	p->i++;
	if (n.test->texts)
		take_match_words(p, &n.match);
	for (unsigned a = 0; a < n.test->n_args; a++, p->i++) {
		n.arg[a] = word(p);
		if (!n.arg[a])
			return err_set(e, E_INVAL, "argument missing behind %s", w);
	}
	return add(p, &n, ret, e);
}

static int parse_factor(struct parser *p, size_t *ret, struct err *e)
{
	struct query_node n = {.kind = QUERY_NOT};
	int r;

	if (!word(p))
		return err_set(e, E_INVAL, "the query ends too early");
	if (p->depth == QUERY_DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "the query is too deep");
	p->depth++;
	if (is(p, "-not", "!")) {
		p->i++;
		r = parse_factor(p, &n.left, e);
		if (!r)
			r = add(p, &n, ret, e);
	} else if (is(p, "(", "(")) {
		p->i++;
		r = parse_or(p, ret, e);
		if (!r && !is(p, ")", ")"))
			r = err_set(e, E_INVAL, "')' is missing");
		p->i++;
	} else {
		r = parse_test(p, ret, e);
	}
	p->depth--;
	return r;
}

static int parse_and(struct parser *p, size_t *ret, struct err *e)
{
	int r = parse_factor(p, ret, e);

	while (!r && word(p) && !is(p, "-or", ")")) {
		struct query_node n = {.kind = QUERY_AND, .left = *ret};

		p->i += is(p, "-and", "-and");
		r = parse_factor(p, &n.right, e);
		if (!r)
			r = add(p, &n, ret, e);
	}
	return r;
}

static int parse_or(struct parser *p, size_t *ret, struct err *e)
{
	int r = parse_and(p, ret, e);

	while (!r && is(p, "-or", "-or")) {
		struct query_node n = {.kind = QUERY_OR, .left = *ret};

		p->i++;
		r = parse_and(p, &n.right, e);
		if (!r)
			r = add(p, &n, ret, e);
	}
	return r;
}

int query_parse(struct query *q, int argc, char **argv, int *i, struct err *e)
{
	struct parser p = {.q = q, .argc = argc, .i = *i, .argv = argv};
	int r = 0;

	if (word(&p))
		r = parse_or(&p, &q->root, e);
	if (!r && word(&p))
		r = err_set(e, E_INVAL, "unexpected '%s'", word(&p));
	*i = p.i;
	return r;
}

/* As deep as the tree is: QUERY_DEPTH_MAX, and the length of chains to the left. */
static bool ask(const struct query *q, size_t i, struct kext *k, const struct query_world *w)
{
	const struct query_node *n = &q->node[i];

	switch (n->kind) {
	case QUERY_NOT:
		return !ask(q, n->left, k, w);
	case QUERY_AND:
		return ask(q, n->left, k, w) && ask(q, n->right, k, w);
	case QUERY_OR:
		return ask(q, n->left, k, w) || ask(q, n->right, k, w);
	default:
		return n->test->test(k, n, w);
	}
}

bool query_ask(const struct query *q, struct kext *k, const struct query_world *w)
{
	return !q->n || ask(q, q->root, k, w);
}

bool query_matches(const char *text, const char *pattern, struct query_match how)
{
	if (!text)
		return false;
	if (how.substring)
		return (how.ignore_case ? strcasestr(text, pattern)
					: strstr(text, pattern)) != NULL;
	return !(how.ignore_case ? strcasecmp(text, pattern) : strcmp(text, pattern));
}
