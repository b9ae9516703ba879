/* SPDX-License-Identifier: MIT */
#include "components/common/digit_pairs.h"

size_t digit_pairs(const char *text, size_t len, int *pair, size_t max)
{
	if (len % 2 || len / 2 > max)
		return 0;
	for (size_t i = 0; i < len; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9)
			return 0;
		pair[i / 2] = i % 2 ? pair[i / 2] * 10 + digit : digit;
	}
	return len / 2;
}
