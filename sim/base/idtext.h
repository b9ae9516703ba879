/* SPDX-License-Identifier: MIT */
/* Identifiers as text: bytes in hexadecimal, UUIDs as Apple prints them, SHA-256. */
#ifndef SIM_BASE_IDTEXT_H
#define SIM_BASE_IDTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define UUID_LEN        16
#define UUID_TEXT_MAX   37 /* with the NUL */
#define SHA256_TEXT_MAX 65 /* with the NUL */

/* Lower-case digits of @len bytes and a NUL into @out, which has room for 2 * @len + 1. */
void hex_text(const void *bytes, size_t len, char *out);

/* @len bytes from exactly 2 * @len digits, of either case. False: it is something else. */
bool hex_parse(const char *text, void *out, size_t len);

/* "8E3B9A4C-...": upper case, bytes in the order in which they stand (RFC 4122). */
void uuid_text(const uint8_t uuid[static UUID_LEN], char out[static UUID_TEXT_MAX]);

/* The bytes of such a text, with digits of either case. False: it is something else. */
bool uuid_parse(const char *text, uint8_t out[static UUID_LEN]);

/* A new UUID (RFC 4122, version 4) as text. E_IO: no random bytes. */
int uuid_new_text(char out[static UUID_TEXT_MAX], struct err *e) MUST_CHECK;

/* SHA-256 of @data, in lower-case hexadecimal. E_INFRA when OpenSSL has no SHA-256. */
int sha256_text(const void *data, size_t len, char out[static SHA256_TEXT_MAX],
		struct err *e) MUST_CHECK;

#endif
