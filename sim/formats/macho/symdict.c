/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/symdict.h"

#include <stdlib.h>
#include <string.h>

void symdict_release(struct symdict *d)
{
	free(d->slot);
	memset(d, 0, sizeof(*d));
}

uint32_t symdict_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	while (*s)
		h = (h ^ (uint8_t)*s++) * 0x100000001b3;
	return (uint32_t)(h ^ h >> 32);
}

/* The place of @name, or the free one where it would go. Needs a free place. */
static struct symdict_entry *place(struct symdict_entry *slot, size_t cap,
				   const char *name, uint32_t hash)
{
	size_t i = hash & (cap - 1);

	while (slot[i].name && (slot[i].hash != hash || strcmp(slot[i].name, name) != 0))
		i = (i + 1) & (cap - 1);
	return &slot[i];
}

static int grow(struct symdict *d, struct err *e)
{
	size_t cap = d->cap ? 2 * d->cap : 64;
	struct symdict_entry *slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < d->cap; i++)
		if (d->slot[i].name)
			*place(slot, cap, d->slot[i].name, d->slot[i].hash) = d->slot[i];
	free(d->slot);
	d->slot = slot;
	d->cap = cap;
	return 0;
}

int symdict_set(struct symdict *d, const char *name, uint64_t value, uint32_t flags,
		struct err *e)
{
	const uint32_t hash = symdict_hash(name);
	struct symdict_entry *at;

	if (4 * (d->n + 1) > 3 * d->cap) {
		int r = grow(d, e);

		if (r)
			return r;
	}
	at = place(d->slot, d->cap, name, hash);
	if (!at->name)
		d->n++;
	*at = (struct symdict_entry){
		.name = name, .value = value, .flags = flags, .hash = hash};
	return 0;
}

struct symdict_entry *symdict_find(const struct symdict *d, const char *name,
				   uint32_t hash)
{
	struct symdict_entry *at;

	if (!d->cap)
		return NULL;
	at = place(d->slot, d->cap, name, hash);
	return at->name ? at : NULL;
}

struct symdict_entry *symdict_get(const struct symdict *d, const char *name)
{
	return symdict_find(d, name, symdict_hash(name));
}
