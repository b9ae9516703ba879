/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a container on their way to the file. Space is handed out from the front
 * to the back only and written in the same order through one large buffer. Blocks of
 * zeros are not written: the range was made a hole before.
 */
#ifndef SIM_FORMATS_APFS_BLOCKOUT_H
#define SIM_FORMATS_APFS_BLOCKOUT_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct apfs_out {
	int fd;            /* borrowed */
	uint64_t offset;   /* bytes: where the container starts in fd */
	uint64_t n_blocks; /* of the container */
	uint64_t next;     /* the first block that was not handed out */
	uint8_t *buf;      /* owned */
	size_t fill;       /* blocks in buf; they end at next */
};

/*
 * Make the container's range of @fd a hole, extending a file that is too short. The first
 * block handed out will be @first. E_IO, E_NOSPC, E_NOMEM.
 */
int apfs_out_init(struct apfs_out *o, int fd, uint64_t offset, uint64_t n_blocks,
		  uint64_t first, struct err *e) MUST_CHECK;
void apfs_out_release(struct apfs_out *o);

/*
 * Hand out 1..@want blocks, as many as fit into the buffer: their memory (of any content;
 * valid until the next call) into *@ret_mem, their number into *@ret_got, the first
 * address into *@ret_block. Calls in a row give neighbouring blocks. E_NOSPC.
 */
int apfs_out_take(struct apfs_out *o, uint64_t want, uint8_t **ret_mem, size_t *ret_got,
		  uint64_t *ret_block, struct err *e) MUST_CHECK;

/* Hand out one zeroed block. */
int apfs_out_block(struct apfs_out *o, uint8_t **ret_mem, uint64_t *ret_block,
		   struct err *e) MUST_CHECK;

/* Write what is still in the buffer. */
int apfs_out_flush(struct apfs_out *o, struct err *e) MUST_CHECK;

/* Write one block outside the order, to an area that is not handed out. */
int apfs_out_put(struct apfs_out *o, uint64_t block, const void *data, struct err *e)
	MUST_CHECK;

#endif
