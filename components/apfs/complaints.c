/* SPDX-License-Identifier: MIT */
#include "components/apfs/complaints.h"

#include <stdbool.h>
#include <stdio.h>

#include "sim/base/err.h"

#define LINE_MAX_BYTES (ERR_MSG_MAX + 64)

/* FNV-1a. Who makes two keys collide on purpose has one line less in the log. */
static uint64_t hash_of(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3;
	return h ? h : 1;
}

/* Remember @h; false when it was there. There is always a free slot. */
static bool add(struct complaints *c, uint64_t h)
{
	size_t i = h % COMPLAINTS_SLOTS;

	while (c->seen[i] && c->seen[i] != h)
		i = (i + 1) % COMPLAINTS_SLOTS;
	if (c->seen[i])
		return false;
	c->seen[i] = h;
	c->n++;
	return true;
}
_Static_assert(COMPLAINTS_MAX + 1 < COMPLAINTS_SLOTS, "a search ends at a free slot");

void complain(struct complaints *c, const char *key, const char *text)
{
	char line[LINE_MAX_BYTES];

	if (!c->log || c->n > COMPLAINTS_MAX || !add(c, hash_of(key)))
		return;
	snprintf(line, sizeof(line), "%s %s", c->device,
		 c->n > COMPLAINTS_MAX ? "too many errors, no more are logged" : text);
	c->log(c->ctx, line);
}
