/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/streams.h"

#include <stdlib.h>

#include "sim/base/sha256.h"

void apfs_streams_release(struct apfs_streams *s)
{
	for (size_t i = 0; i < s->n_hashes; i++)
		free(s->hashes[i].hash);
	free(s->hashes);
	free(s->runs);
	*s = (struct apfs_streams){.runs = NULL};
}

int apfs_streams_add_run(struct apfs_streams *s, const struct apfs_run *run,
			 struct err *e)
{
	struct apfs_run *last = s->n_runs > 0 ? &s->runs[s->n_runs - 1] : NULL;

	s->n_blocks += run->count;
	if (last && last->owner == run->owner &&
	    last->block + last->count == run->block &&
	    last->offset + last->count == run->offset) {
		last->count += run->count;
		return 0;
	}
	if (s->n_runs == s->cap_runs) {
		size_t cap = s->cap_runs ? s->cap_runs * 2 : 256;
		struct apfs_run *v = reallocarray(s->runs, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for extents");
		s->runs = v;
		s->cap_runs = cap;
	}
	s->runs[s->n_runs++] = *run;
	return 0;
}

int apfs_streams_add_hashes(struct apfs_streams *s, uint64_t owner, uint64_t n_blocks,
			    uint8_t **ret, struct err *e)
{
	if (s->n_hashes == s->cap_hashes) {
		size_t cap = s->cap_hashes ? s->cap_hashes * 2 : 256;
		struct apfs_stream_hashes *v = reallocarray(s->hashes, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for hashes");
		s->hashes = v;
		s->cap_hashes = cap;
	}
	*ret = calloc(apfs_pieces_of(n_blocks), SHA256_SIZE);
	if (!*ret)
		return err_set(e, E_NOMEM, "out of memory for hashes");
	s->hashes[s->n_hashes++] = (struct apfs_stream_hashes){owner, n_blocks, *ret};
	return 0;
}

static int by_block(const void *pa, const void *pb)
{
	const struct apfs_run *a = pa, *b = pb;

	return a->block < b->block ? -1 : a->block > b->block;
}

static int by_owner(const void *pa, const void *pb)
{
	const struct apfs_run *a = pa, *b = pb;

	if (a->owner != b->owner)
		return a->owner < b->owner ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int hashes_by_owner(const void *pa, const void *pb)
{
	const struct apfs_stream_hashes *a = pa, *b = pb;

	return a->owner < b->owner ? -1 : a->owner > b->owner;
}

void apfs_streams_sort_by_block(struct apfs_streams *s)
{
	if (s->n_runs > 1)
		qsort(s->runs, s->n_runs, sizeof(*s->runs), by_block);
}

void apfs_streams_sort_by_owner(struct apfs_streams *s)
{
	if (s->n_runs > 1)
		qsort(s->runs, s->n_runs, sizeof(*s->runs), by_owner);
	if (s->n_hashes > 1)
		qsort(s->hashes, s->n_hashes, sizeof(*s->hashes), hashes_by_owner);
}
