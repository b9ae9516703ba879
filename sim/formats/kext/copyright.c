/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/copyright.h"

#include <stddef.h>
#include <string.h>

#define NOTICE	   "Copyright \xc2\xa9 "
#define OWNER	   " Apple Inc. All rights reserved."
#define SEPARATORS " \t\n\v\f\r,"
#define DIGITS	   "0123456789"
#define YEAR_LEN   4
#define RANGE_LEN  (YEAR_LEN + 1 + YEAR_LEN)

/* "2004" or "2004-2008", which is why "2007-08" does not do. */
static bool is_date(const char *s, size_t len)
{
	if (strspn(s, DIGITS) < YEAR_LEN)
		return false;
	if (len == YEAR_LEN)
		return true;
	return len == RANGE_LEN && s[YEAR_LEN] == '-' &&
	       strspn(s + YEAR_LEN + 1, DIGITS) >= YEAR_LEN;
}

bool kext_apple_copyright(const char *text)
{
	const char *at = text ? strstr(text, NOTICE) : NULL;
	const char *end = text ? strstr(text, OWNER) : NULL;

	if (!at || !end || at > end)
		return false;
	at += strlen(NOTICE);
	for (;;) {
		size_t len;

		at += strspn(at, SEPARATORS);
		if (at >= end)
			return true;
		len = strcspn(at, SEPARATORS);
		if (!is_date(at, len))
			return false;
		at += len;
	}
}
