/* SPDX-License-Identifier: MIT */
#ifndef SIM_BASE_NEAREST_H
#define SIM_BASE_NEAREST_H

#include <stddef.h>

/*
 * The one of @names (of @n) most like @word, for "did you mean"; NULL when @n is 0
 * or nothing is near (more than half of the longer word would change).
 */
const char *nearest(const char *word, const char *const *names, size_t n);

#endif
