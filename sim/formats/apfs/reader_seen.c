/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/reader_seen.h"

#include <stdlib.h>

#define WAYS	 8u /* places in a set */
#define SETS_MIN (1u << 8)
#define SETS_MAX (1u << 17) /* 32 MiB, for 8 GiB of content */

int apfs_seen_init(struct apfs_seen *s, uint64_t chunks, struct err *e)
{
	s->n_sets = SETS_MIN;
	while (s->n_sets < SETS_MAX && s->n_sets * WAYS / 2 < chunks)
		s->n_sets *= 2;
	s->chunks = calloc(s->n_sets * WAYS, sizeof(*s->chunks));
	return s->chunks ? 0 : err_set(e, E_NOMEM, "seal: out of memory");
}

void apfs_seen_release(struct apfs_seen *s)
{
	free(s->chunks);
	*s = (struct apfs_seen){.chunks = NULL};
}

static struct apfs_seen_chunk *set_of(const struct apfs_seen *s, uint64_t id,
				      uint64_t off)
{
	uint64_t h = (id * 0x9e3779b97f4a7c15ull ^ off) * 0xbf58476d1ce4e5b9ull;

	return &s->chunks[(h >> 40 & (s->n_sets - 1)) * WAYS];
}

/* The place of the chunk in its set; NULL. */
static struct apfs_seen_chunk *place_of(const struct apfs_seen *s, uint64_t id,
					uint64_t off)
{
	struct apfs_seen_chunk *c = set_of(s, id, off);

	for (unsigned i = 0; i < WAYS; i++, c++)
		if (c->len && c->id == id && c->off == off)
			return c;
	return NULL;
}

const struct apfs_seen_chunk *apfs_seen_find(const struct apfs_seen *s, uint64_t id,
					     uint64_t off)
{
	return place_of(s, id, off);
}

void apfs_seen_put(struct apfs_seen *s, const struct apfs_seen_chunk *c)
{
	struct apfs_seen_chunk *set = set_of(s, c->id, c->off);
	struct apfs_seen_chunk *to = place_of(s, c->id, c->off);

	for (unsigned i = 0; i < WAYS && !to; i++)
		if (!set[i].len)
			to = &set[i];
	*(to ? to : &set[s->turn++ % WAYS]) = *c;
}
