/* SPDX-License-Identifier: MIT */
#include "sim/base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * Edits (insert, delete, replace, swap of neighbours) that turn @a into @b, ignoring case:
 * optimal string alignment. Words are cut at WORD_MAX, which is enough for names.
 */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strnlen(a, WORD_MAX), lb = strnlen(b, WORD_MAX);

	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++)
		for (size_t j = 1; j <= lb; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[la][lb];
}

const char *nearest(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned x = edit_distance(word, names[i]);

		if (!best || x < best_distance) {
			best = names[i];
			best_distance = x;
		}
	}
	if (best) {
		size_t longer = strlen(word) > strlen(best) ? strlen(word) : strlen(best);

		if (best_distance * 2 > longer)
			return NULL;
	}
	return best;
}

/* All of @names, or nothing when they do not fit. */
static void list_all(const char *const *names, size_t n,
		     char out[static NEAREST_HINT_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		int r = snprintf(out + used, NEAREST_HINT_MAX - used, "%s%s",
				 i ? ", " : " (known: ", names[i]);

		used += (size_t)r;
		if (used + 2 > NEAREST_HINT_MAX) {
			out[0] = '\0';
			return;
		}
	}
	if (n)
		memcpy(out + used, ")", 2);
}

const char *nearest_hint(const char *word, const char *const *names, size_t n,
			 char out[static NEAREST_HINT_MAX])
{
	const char *near = nearest(word, names, n);

	out[0] = '\0';
	if (near)
		snprintf(out, NEAREST_HINT_MAX, " (did you mean '%s'?)", near);
	else
		list_all(names, n, out);
	return out;
}
