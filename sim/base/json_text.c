/* SPDX-License-Identifier: MIT */
#include "sim/base/json_text.h"

#include "sim/base/buf.h"

/* Length of the UTF-8 sequence at @s, 0 when it is not one that JSON may hold. */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} forms[] = {{0x80, 0, 0},
		     {0xe0, 0xc0, 0x80},
		     {0xf0, 0xe0, 0x800},
		     {0xf8, 0xf0, 0x10000}};

	for (size_t f = 0; f < 4; f++) {
		uint32_t c = s[0] & (unsigned char)~forms[f].mask;
		size_t k;

		if ((s[0] & forms[f].mask) != forms[f].lead)
			continue;
		for (k = 1; k <= f && (s[k] & 0xc0) == 0x80; k++)
			c = c << 6 | (s[k] & 0x3f);
		if (k <= f || c < forms[f].min || c > 0x10ffff ||
		    (c >= 0xd800 && c < 0xe000))
			return 0;
		return f + 1;
	}
	return 0;
}

json_t *json_text(const char *text)
{
	struct buf b = BUF_INIT;
	const unsigned char *s = (const unsigned char *)text;
	json_t *j = json_string(text);
	int r = 0;

	if (j)
		return j;
	while (*s && !r) {
		size_t len = utf8_len(s);

		r = len ? buf_append(&b, s, len, NULL)
			: buf_append(&b, "\xef\xbf\xbd", 3, NULL);
		s += len ? len : 1;
	}
	j = json_string(buf_str(&b));
	buf_release(&b);
	return j ? j : json_null();
}
