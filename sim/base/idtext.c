/* SPDX-License-Identifier: MIT */
#include "sim/base/idtext.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void hex_text(const void *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = 0;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_parse(const char *text, void *out, size_t len)
{
	uint8_t *p = out;

	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		p[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void uuid_text(const uint8_t uuid[static UUID_LEN], char out[static UUID_TEXT_MAX])
{
	const uint8_t *u = uuid;

	snprintf(out, UUID_TEXT_MAX,
		 "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
		 u[12], u[13], u[14], u[15]);
}

bool uuid_parse(const char *text, uint8_t out[static UUID_LEN])
{
	/* Where a group of digits begins, and how many bytes it has. */
	static const struct {
		unsigned at, bytes;
	} groups[] = {{0, 4}, {9, 2}, {14, 2}, {19, 2}, {24, 6}};
	char digits[13];

	if (strlen(text) != UUID_TEXT_MAX - 1)
		return false;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		unsigned at = groups[i].at, n = groups[i].bytes;

		if (at && text[at - 1] != '-')
			return false;
		memcpy(digits, text + at, 2 * n);
		digits[2 * n] = '\0';
		if (!hex_parse(digits, out, n))
			return false;
		out += n;
	}
	return true;
}

int uuid_new_text(char out[static UUID_TEXT_MAX], struct err *e)
{
	uint8_t u[UUID_LEN];

	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		return err_sys(e, "random bytes");
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	uuid_text(u, out);
	return 0;
}

int sha256_text(const void *data, size_t len, char out[static SHA256_TEXT_MAX],
		struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];

	if (EVP_Digest(data, len, md, NULL, EVP_sha256(), NULL) != 1)
		return err_set(e, E_INFRA, "OpenSSL has no SHA-256");
	hex_text(md, SHA256_TEXT_MAX / 2, out);
	return 0;
}
