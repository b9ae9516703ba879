/* SPDX-License-Identifier: MIT */
/* Data streams that were written: where their blocks lie and what they hash to. */
#ifndef SIM_FORMATS_APFS_STREAMS_H
#define SIM_FORMATS_APFS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

/* Blocks of one data stream that lie behind each other. */
struct apfs_run {
	uint64_t block, count;
	uint64_t owner;  /* id of the stream */
	uint64_t offset; /* blocks: where in the stream */
};

/* A file is hashed in pieces of this many blocks (16 KiB), the last one may be shorter. */
#define APFS_HASHED_BLOCKS 4u

/* The hashes of a stream. */
struct apfs_stream_hashes {
	uint64_t owner, n_blocks; /* n_blocks is not 0 */
	uint8_t *hash;            /* owned; SHA256_SIZE bytes for each piece */
};

struct apfs_streams {
	bool hashed; /* or hashes stays empty */
	struct apfs_run *runs; /* owned */
	size_t n_runs, cap_runs;
	struct apfs_stream_hashes *hashes; /* owned */
	size_t n_hashes, cap_hashes;
	uint64_t n_blocks; /* of all runs */
};

void apfs_streams_release(struct apfs_streams *s);

/* Add a run; one that continues the last run in every way makes that longer. E_NOMEM. */
int apfs_streams_add_run(struct apfs_streams *s, const struct apfs_run *run,
			 struct err *e) MUST_CHECK;

/*
 * Room for the hashes of the stream @owner of @n_blocks (not 0) into *@ret, which stays
 * where it is until the release. E_NOMEM.
 */
int apfs_streams_add_hashes(struct apfs_streams *s, uint64_t owner, uint64_t n_blocks,
			    uint8_t **ret, struct err *e) MUST_CHECK;

/* In the order of addresses; in the order of streams and offsets. */
void apfs_streams_sort_by_block(struct apfs_streams *s);
void apfs_streams_sort_by_owner(struct apfs_streams *s);

static inline uint64_t apfs_blocks_of(uint64_t bytes)
{
	return bytes / 4096 + (bytes % 4096 != 0);
}

static inline uint64_t apfs_pieces_of(uint64_t n_blocks)
{
	return n_blocks / APFS_HASHED_BLOCKS + (n_blocks % APFS_HASHED_BLOCKS != 0);
}

#endif
