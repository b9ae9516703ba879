/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a container on their way to the disk. They are handed out run by run, in
 * a new container from the front to the back, and written, and hashed where that is asked
 * for, batch by batch (outbatch.h), by other threads as well.
 */
#ifndef SIM_FORMATS_APFS_BLOCKOUT_H
#define SIM_FORMATS_APFS_BLOCKOUT_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/outbatch.h"

/* A run of blocks; none when count is 0. */
struct apfs_range {
	uint64_t block, count;
};

/* Where free blocks are, and how they are written, in a container that is in use. */
struct apfs_out_space {
	/* The next free run into *@ret, in any order; count 0: there is no more. */
	int (*next_run)(void *ctx, struct apfs_range *ret, struct err *e);
	/*
	 * Write @len bytes, whole blocks, from @block on. Called by one thread at a time,
	 * though not always the same.
	 */
	int (*write)(void *ctx, uint64_t block, const void *data, size_t len,
		     struct err *e);
	void *ctx;
};

struct apfs_out {
	int fd;                /* borrowed; of a new container */
	uint64_t offset;       /* bytes: where the container starts in fd */
	struct apfs_out_space space; /* of a container in use; next_run is NULL in a new one */
	struct apfs_range run; /* what is left of the run in use */
	struct apfs_batch *batch;    /* being filled, or NULL */
	struct apfs_pool pool;
};

/*
 * Make the container's range of @fd a hole, extending a file that is too short. The first
 * block handed out will be @first; blocks of zeros are not written. @o must not be moved.
 * E_IO, E_NOSPC, E_NOMEM; release it in any case.
 */
int apfs_out_init(struct apfs_out *o, int fd, uint64_t offset, uint64_t n_blocks,
		  uint64_t first, struct err *e) MUST_CHECK;
/* The same for a container in use. @space is copied, its ctx borrowed. */
int apfs_out_init_space(struct apfs_out *o, const struct apfs_out_space *space,
			struct err *e) MUST_CHECK;
void apfs_out_release(struct apfs_out *o);

/*
 * How many blocks of @want (not 0) the next calls of apfs_out_take will put behind each
 * other in memory: at least @whole, or all; a multiple of @whole, or all. @whole: 1 to
 * APFS_BATCH_BLOCKS.
 */
int apfs_out_room(struct apfs_out *o, uint64_t want, size_t whole, size_t *ret,
		  struct err *e) MUST_CHECK;

/*
 * Hand out 1..@want blocks that lie behind each other, as many as there are: their memory
 * (of any content; valid until the memory of another is asked for) into *@ret_mem, their
 * number into *@ret_got, the first address into *@ret_block. E_NOSPC.
 */
int apfs_out_take(struct apfs_out *o, uint64_t want, uint8_t **ret_mem, size_t *ret_got,
		  uint64_t *ret_block, struct err *e) MUST_CHECK;

/* Hand out one zeroed block. */
int apfs_out_block(struct apfs_out *o, uint8_t **ret_mem, uint64_t *ret_block,
		   struct err *e) MUST_CHECK;

/*
 * Have @count blocks at @mem, which were handed out since the last apfs_out_room, hashed
 * to @out (SHA256_SIZE bytes), which is filled when apfs_out_flush has returned.
 */
void apfs_out_hash(struct apfs_out *o, const uint8_t *mem, size_t count, uint8_t *out);

/*
 * Write what was handed out and wait for it and its hashes. Also after a failure nobody
 * touches hashes any more when this has returned.
 */
int apfs_out_flush(struct apfs_out *o, struct err *e) MUST_CHECK;

/* Write one block outside the order, to an area that is not handed out. */
int apfs_out_put(struct apfs_out *o, uint64_t block, const void *data, struct err *e)
	MUST_CHECK;

#endif
