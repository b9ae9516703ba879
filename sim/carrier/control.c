/* SPDX-License-Identifier: MIT */
#include "sim/carrier/control.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#define B64_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

int control_b64_encode(const void *data, size_t len, struct buf *out, struct err *e)
{
	int r;

	if (len > INT_MAX / 2)
		return err_set(e, E_OVERFLOW, "%zu bytes are too many for base64", len);
	/* One more than the text, for the NUL that OpenSSL adds. */
	r = buf_reserve(out, (len + 2) / 3 * 4 + 1, e);
	if (r)
		return r;
	out->len += (size_t)EVP_EncodeBlock(out->data + out->len, data, (int)len);
	return 0;
}

/* Bits of the last digit that no byte is made of have to be zero: one text for each. */
static bool ends_clean(char digit, size_t pad)
{
	size_t value = (size_t)(strchr(B64_DIGITS, digit) - B64_DIGITS);

	return !(value & ((1u << 2 * pad) - 1));
}

int control_b64_decode(const char *text, size_t len, struct buf *out, struct err *e)
{
	size_t pad = 0, digits;
	int got, r;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	/* OpenSSL forgives blanks at the ends and padding in the middle; we do not. */
	digits = strspn(text, B64_DIGITS);
	if (len % 4 || len > INT_MAX / 2 || digits != len - pad ||
	    (pad && !ends_clean(text[digits - 1], pad)))
		return err_set(e, E_CORRUPT, "not base64 (at character %zu of %zu)",
			       digits, len);
	r = buf_reserve(out, len / 4 * 3, e);
	if (r || !len)
		return r;
	got = EVP_DecodeBlock(out->data + out->len, (const uint8_t *)text, (int)len);
	if (got < 0)
		return err_set(e, E_CORRUPT, "not base64");
	out->len += (size_t)got - pad;
	return 0;
}

char *control_next_line(struct buf *in, struct control_cut *cut, size_t *ret_len)
{
	char *line = (char *)in->data + cut->pos, *end;

	/* Not from the beginning each time: a line may come in a thousand parts. */
	end = cut->seen < in->len
		      ? memchr(in->data + cut->seen, '\n', in->len - cut->seen)
		      : NULL;
	if (end) {
		*end = '\0';
		*ret_len = (size_t)(end - line);
		cut->seen = cut->pos += *ret_len + 1;
		return line;
	}
	/* Move the rest to the front once, when the lines before it were handed out. */
	if (cut->pos) {
		in->len -= cut->pos;
		memmove(in->data, in->data + cut->pos, in->len);
		cut->pos = 0;
	}
	cut->seen = in->len;
	return NULL;
}
