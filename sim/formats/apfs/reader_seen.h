/* SPDX-License-Identifier: MIT */
/*
 * Which chunks of content were right. A chunk is told by what it is and where it lies.
 * Both parts count: the extents are not sealed, and may send two files, or two reads of
 * one, to other places.
 *
 * The table is of bounded size, and forgets; what it forgot is checked again.
 */
#ifndef SIM_FORMATS_APFS_READER_SEEN_H
#define SIM_FORMATS_APFS_READER_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct apfs_seen_chunk {
	uint64_t id;	/* of the stream */
	uint64_t off;	/* bytes in it */
	uint32_t len;	/* bytes; 0: an empty place */
	uint64_t block; /* of the container, where it begins; 0: a hole */
};

/* Zero-initialise; release with apfs_seen_release. */
struct apfs_seen {
	struct apfs_seen_chunk *chunks; /* owned; in sets of places that one may be in */
	size_t n_sets;			/* a power of two */
	unsigned turn;			/* which of a full set is forgotten */
};

/* Room for twice @chunks, within limits. */
int apfs_seen_init(struct apfs_seen *s, uint64_t chunks, struct err *e) MUST_CHECK;
void apfs_seen_release(struct apfs_seen *s);

/* The chunk of @id that begins at @off; NULL when it is not known. */
const struct apfs_seen_chunk *apfs_seen_find(const struct apfs_seen *s, uint64_t id,
					     uint64_t off);
/* Remember @c, in the place of what was known of it before. */
void apfs_seen_put(struct apfs_seen *s, const struct apfs_seen_chunk *c);

#endif
