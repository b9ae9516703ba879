/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/layout.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int sb_beside_path(const struct sb_row *row, const char *group,
		   const struct machine_model *m, char *out, size_t size, struct err *e)
{
	bool board = row->im4m == SB_BOARD_IM4M;
	int n = snprintf(out, size, "/%s/%s%s%s%s.im4m", group, row->path,
			 board ? "." : "", board ? m->board : "", board ? "ap" : "");

	return (size_t)n < size ? 0 : err_set(e, E_OVERFLOW, "a path of %d bytes", n);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sb_hex_parse(const char *hex, uint8_t *out, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		int high = digit(hex[2 * i]);
		int low = high < 0 ? -1 : digit(hex[2 * i + 1]);

		if (low < 0)
			return err_set(e, E_INVAL, "not a hexadecimal digit");
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* The first three components of a GPT's UUID are little-endian numbers. */
static void swap_components(uint8_t u[static UUID_LEN])
{
	static const uint8_t from[UUID_LEN] = {3, 2, 1,	 0,  5,	 4,  7,	 6,
					       8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t old[UUID_LEN];

	memcpy(old, u, sizeof(old));
	for (size_t i = 0; i < UUID_LEN; i++)
		u[i] = old[from[i]];
}

int sb_boot_volume_write(const uint8_t type[static UUID_LEN],
			 const uint8_t part[static UUID_LEN], const char *group,
			 char out[static SB_BOOT_VOLUME_MAX], struct err *e)
{
	char type_text[UUID_TEXT_MAX], part_text[UUID_TEXT_MAX];
	uint8_t swapped[UUID_LEN];

	memcpy(swapped, part, sizeof(swapped));
	swap_components(swapped);
	uuid_text(type, type_text);
	uuid_text(swapped, part_text);
	if (strlen(group) != UUID_TEXT_MAX - 1)
		return err_set(e, E_INVAL, "'%s' is not a volume group", group);
	snprintf(out, SB_BOOT_VOLUME_MAX, "%s:%s:%s", type_text, part_text, group);
	return 0;
}

int sb_boot_volume_parse(const char *text, size_t len, char group[static UUID_TEXT_MAX],
			 struct err *e)
{
	static const char uuid[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	const size_t each = sizeof(uuid); /* with the colon in place of the NUL */

	if (len && !text[len - 1])
		len--;
	if (len != 3 * each - 1)
		return err_set(e, E_INVAL, "boot-volume has %zu characters", len);
	for (size_t i = 0; i < len; i++) {
		char want = uuid[i % each] ? uuid[i % each] : ':';

		if (want == 'x' ? digit(text[i]) < 0 : text[i] != want)
			return err_set(e, E_INVAL, "boot-volume: '%c' at %zu", text[i],
				       i);
	}
	for (size_t i = 0; i < each - 1; i++)
		group[i] = (char)toupper((unsigned char)text[2 * each + i]);
	group[each - 1] = '\0';
	return 0;
}
