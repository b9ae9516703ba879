/* SPDX-License-Identifier: MIT */
/* Comparing texts with what a scenario expects. */
#ifndef HARNESS_MATCH_H
#define HARNESS_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

/*
 * Does the whole of @text match @pattern? '*' is any run of characters, everything
 * else is itself: console lines are full of brackets.
 */
bool match_like(const char *pattern, const char *text);

/* The same for some line of @text. */
bool match_like_line(const char *pattern, const char *text);

/* POSIX extended, anywhere in @text. E_INVAL for a bad expression. */
int match_regex(const char *regex, const char *text, bool *ret, struct err *e) MUST_CHECK;

/* Equal but for line feeds at the end. */
bool match_equals(const char *want, const char *text);

/*
 * The patterns of @n wanted lines found in order among @lines[0..n_lines): returns how
 * many were found, with the index of each in @at (of @n entries, may be NULL).
 * @is(ctx, i, line) says whether the i-th wanted one is this line.
 */
size_t match_ordered(size_t n, bool (*is)(void *ctx, size_t i, const char *line),
		     void *ctx, const char *const *lines, size_t n_lines, size_t *at);

#endif
