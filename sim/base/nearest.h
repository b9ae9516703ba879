/* SPDX-License-Identifier: MIT */
#ifndef SIM_BASE_NEAREST_H
#define SIM_BASE_NEAREST_H

#include <stddef.h>

#define NEAREST_HINT_MAX 112

/*
 * The one of @names (of @n) most like @word, for "did you mean"; NULL when @n is 0
 * or nothing is near (more than half of the longer word would change).
 */
const char *nearest(const char *word, const char *const *names, size_t n);

/*
 * What to say behind "unknown '@word'": " (did you mean 'x'?)"; when nothing is near, all
 * of @names if they are few, " (known: a, b)"; else "". Written to @out and returned.
 */
const char *nearest_hint(const char *word, const char *const *names, size_t n,
			 char out[static NEAREST_HINT_MAX]);

#endif
