/* SPDX-License-Identifier: MIT */
/* Times as BSD tools take them from a command line: pairs of digits, "1910101100". */
#ifndef COMPONENTS_COMMON_DIGIT_PAIRS_H
#define COMPONENTS_COMMON_DIGIT_PAIRS_H

#include <stddef.h>

/*
 * The numbers, each of two digits, of the first @len bytes of @text into @pair. Returns
 * how many there are; 0 when there are none or more than @max, an odd digit or any other
 * character.
 */
size_t digit_pairs(const char *text, size_t len, int *pair, size_t max);

#endif
