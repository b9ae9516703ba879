/* SPDX-License-Identifier: MIT */
/* A query over kexts: parsed into a tree, and asked of each. */
#ifndef COMPONENTS_KEXTFIND_QUERY_H
#define COMPONENTS_KEXTFIND_QUERY_H

#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/set.h"

#define QUERY_DEPTH_MAX 64
#define QUERY_NODES_MAX 1024

/* What predicates look at besides the kext. */
struct query_world {
	const struct kext_set *all;
	const struct kext_auth *auth;
	const char *const *loaded; /* identifiers, NULL at the end */
};

struct query_match {
	bool ignore_case, substring;
};

struct query_node {
	enum { QUERY_TEST, QUERY_AND, QUERY_OR, QUERY_NOT } kind;
	const struct query_predicate *test; /* QUERY_TEST */
	const char *arg[2];		    /* its arguments; borrowed */
	struct query_match match;
	size_t left, right; /* indexes; QUERY_NOT has a left one only */
};

/* Zero-initialise; release with query_release. */
struct query {
	struct query_node *node; /* owned */
	size_t n, root;
	struct query_match global; /* -i and -s in front of the query */
};
void query_release(struct query *q);

struct query_predicate {
	const char *name, *letter; /* "bundle-id", "b"; letter may be NULL */
	unsigned n_args;
	bool texts; /* -i and -s may stand in front of its arguments */
	bool (*test)(struct kext *k, const struct query_node *n,
		     const struct query_world *w);
	unsigned required; /* bit of OSBundleRequired that the test asks for, or 0 */
};
/* By the word behind the hyphen; NULL when there is none. */
const struct query_predicate *query_predicate(const char *word);

/*
 * Parse the words from argv[*i] on; *i is then behind them. No words: everything is found.
 * E_INVAL: what is wrong, naming the word.
 */
int query_parse(struct query *q, int argc, char **argv, int *i, struct err *e) MUST_CHECK;
bool query_ask(const struct query *q, struct kext *k, const struct query_world *w);

/* Does @text match @pattern? @text may be NULL: no. */
bool query_matches(const char *text, const char *pattern, struct query_match how);

#endif
