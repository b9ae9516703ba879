/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/breadcrumbs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define START	0x3000fu
#define HASH	0x3000cu
#define ABSENT	0x40029u
#define VALID	0x3000du
#define DONE	0x30010u
#define GIVE_UP "30011 30007 <COMMIT>"

static void __attribute__((format(printf, 3, 4)))
add(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size - len)
		text[len] = '\0';
}

void breadcrumbs_step(char *text, size_t size, const struct sb_step *s)
{
	uint32_t name = s->row->object;

	if (!name || s->row->stage == SB_XNU)
		return;
	add(text, size, "%x(%x) ", START, name);
	if (s->absent)
		add(text, size, "%x ", ABSENT);
	else
		add(text, size, "%x(%x) ", HASH, name);
	if (!s->result)
		add(text, size, "%x ", VALID);
	if (!s->result)
		add(text, size, "%x ", DONE);
}

void breadcrumbs_end(char *text, size_t size, enum sb_end end)
{
	add(text, size, "%s", end == SB_GOES_ON ? "<COMMIT> <BOOT>" : GIVE_UP);
}
