/* SPDX-License-Identifier: MIT */
/*
 * The space manager of a container that is being changed (APFS Reference p. 159).
 *
 * What the newest checkpoint marks as free is handed out; what it has in its free queues
 * (blocks that only older checkpoints use) is released in the new checkpoint, and what
 * this transaction frees goes into the new queues. So blocks that a checkpoint frees can
 * be used two checkpoints later, when both that could still be gone back to are younger.
 */
#ifndef SIM_FORMATS_APFS_EDIT_SPACE_H
#define SIM_FORMATS_APFS_EDIT_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/edit_bits.h"
#include "sim/formats/apfs/raw_space.h"
#include "sim/formats/apfs/reader_impl.h"

struct edit_chunk {
	struct edit_bits bits; /* loaded when needed */
	uint64_t xid;
	uint64_t bitmap;       /* block; 0: all free */
	uint32_t blocks, free; /* before */
	uint32_t passed;       /* where the search for free blocks goes on */
};

struct edit_cib {
	uint64_t block;
	uint32_t first, n; /* chunks */
};

struct edit_space {
	struct apfs *c;		  /* borrowed */
	uint8_t *object;	  /* owned; the ephemeral space manager as it is before */
	size_t size;		  /* bytes */
	uint64_t block;		  /* where it lies, for messages */
	struct edit_chunk *chunk; /* owned */
	uint32_t n_chunks;
	struct edit_cib *cib; /* owned */
	uint32_t n_cibs;
	struct edit_bits pool; /* the internal pool */
	uint64_t pool_base;
	uint32_t search;       /* the chunk to look for free blocks in */
	uint64_t free_count;   /* of the container, before */
	int64_t reserve_delta; /* change of sm_fs_reserve_alloc_count */
};

static inline struct apfs_spaceman *edit_space_raw(const struct edit_space *s)
{
	return (struct apfs_spaceman *)s->object;
}

/*
 * Take over @object (@size bytes, from malloc, also on failure), the ephemeral space
 * manager that lies at @block of @c. E_CORRUPT, E_UNSUPPORTED, E_NOMEM; release @s in any
 * case.
 */
int edit_space_load(struct edit_space *s, struct apfs *c, uint8_t *object, size_t size,
		    uint64_t block, struct err *e) MUST_CHECK;
void edit_space_release(struct edit_space *s);

/* A run of @queue of the newest checkpoint: it is free in the next one. E_CORRUPT. */
int edit_space_release_run(struct edit_space *s, unsigned queue,
			   const struct apfs_range *run, struct err *e) MUST_CHECK;

/*
 * Free blocks for this transaction, at least one and at most @most; if possible no fewer
 * than @most in one piece. count 0: the container is full.
 */
int edit_space_alloc(struct edit_space *s, uint64_t most, struct apfs_range *ret,
		     struct err *e) MUST_CHECK;
/* Give back what was not written to. */
int edit_space_unalloc(struct edit_space *s, const struct apfs_range *run,
		       struct err *e) MUST_CHECK;

/* Free blocks that are in use. E_CORRUPT: they are not, or not in the data part. */
int edit_space_free(struct edit_space *s, uint64_t block, uint64_t count,
		    struct err *e) MUST_CHECK;

/* ---- for the commit ---- */

/* The bits of a chunk, from the disk if need be. */
int edit_space_chunk(struct edit_space *s, uint32_t i, struct edit_bits **ret,
		     struct err *e) MUST_CHECK;
/* One block of the internal pool. E_NOSPC. */
int edit_pool_alloc(struct edit_space *s, uint64_t *ret, struct err *e) MUST_CHECK;
int edit_pool_free(struct edit_space *s, uint64_t block, struct err *e) MUST_CHECK;

/*
 * Write what changed, through @write: bitmaps, chunk infos, the bitmap of the pool; all
 * to blocks that the checkpoint before does not use. The space manager's object is
 * brought up to date, but for the queues. Nothing can be taken or freed after that.
 */
struct edit_writer {
	int (*write)(void *ctx, uint64_t block, const void *data, struct err *e);
	void *ctx;
};
int edit_space_write(struct edit_space *s, uint64_t xid, const struct edit_writer *w,
		     struct err *e) MUST_CHECK;

/*
 * What queue @queue holds after this transaction: call @run for each piece, in the order
 * of addresses.
 */
int edit_space_queue(struct edit_space *s, unsigned queue,
		     int (*run)(void *ctx, const struct apfs_range *run, struct err *e),
		     void *ctx, struct err *e) MUST_CHECK;

#endif
