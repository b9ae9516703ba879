/* SPDX-License-Identifier: MIT */
/* Names of four characters, as numbers: 'krnl' is 0x6b726e6c. */
#ifndef SIM_FORMATS_IMAGE4_FOURCC_H
#define SIM_FORMATS_IMAGE4_FOURCC_H

#include <stdbool.h>
#include <stdint.h>

#define FOURCC(a, b, c, d)                                                               \
	((uint32_t)(uint8_t)(a) << 24 | (uint32_t)(uint8_t)(b) << 16 |                   \
	 (uint32_t)(uint8_t)(c) << 8 | (uint32_t)(uint8_t)(d))

#define FOURCC_TEXT_MAX 5

/* The four characters and a NUL; '?' for those that cannot be printed. Returns @out. */
static inline const char *fourcc_text(uint32_t v, char out[static FOURCC_TEXT_MAX])
{
	for (int i = 0; i < 4; i++) {
		uint8_t c = (uint8_t)(v >> (24 - 8 * i));

		out[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[4] = '\0';
	return out;
}

/* Printable ASCII only: what we take as the name of an object or property. */
static inline bool fourcc_valid(uint32_t v)
{
	for (int i = 0; i < 4; i++, v >>= 8)
		if ((v & 0xff) < 0x20 || (v & 0xff) > 0x7e)
			return false;
	return true;
}

#endif
