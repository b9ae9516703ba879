/* SPDX-License-Identifier: MIT */
/*
 * Batches of blocks that are filled by one thread and finished by several: whoever takes
 * a full batch hashes what is asked for and writes it. Where a block goes and
 * where a hash goes was decided before, so that the result does not depend on who is
 * quicker. The filling thread works too when it would have to wait; with no other thread
 * it does everything.
 */
#ifndef SIM_FORMATS_APFS_OUTBATCH_H
#define SIM_FORMATS_APFS_OUTBATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/base/sha256.h"

/* 1 MiB: large enough for the disk, small enough for the cache. */
#define APFS_BATCH_BLOCKS  256u
#define APFS_BATCH_THREADS 8u /* at most, beside the filling one */

struct apfs_batch_hash {
	size_t first, count; /* blocks of the batch */
	uint8_t *out;	     /* SHA256_SIZE bytes */
};

struct apfs_batch {
	struct apfs_batch *next;
	size_t n, n_hashes;
	uint64_t addr[APFS_BATCH_BLOCKS]; /* of each block */
	struct apfs_batch_hash hash[APFS_BATCH_BLOCKS];
	uint8_t *mem; /* owned; APFS_BATCH_BLOCKS blocks */
};

/* Write @len bytes of whole blocks to @block and behind. */
typedef int (*apfs_batch_write)(void *ctx, uint64_t block, const void *data, size_t len,
				struct err *e);

struct apfs_pool {
	apfs_batch_write write;
	void *ctx;
	bool serial;	 /* write must not be called by two threads at once */
	bool skip_zeros; /* blocks of zeros need no writing */
	/* private */
	pthread_mutex_t lock, write_lock;
	pthread_cond_t todo_more, free_more;
	struct apfs_batch *todo, **todo_end, *free_list;
	struct apfs_batch *batches; /* owned, all of them */
	size_t n_batches, busy;
	struct sha256 sha[APFS_BATCH_THREADS + 1]; /* [0]: the filling thread's */
	pthread_t thread[APFS_BATCH_THREADS];
	unsigned n_threads, started;
	bool stop;
	struct err failed; /* the first failure; after it nothing is written */
};

/*
 * Start. The caller has set write, ctx, serial and skip_zeros, all else is zero; the pool
 * must not be moved. E_NOMEM, E_INFRA; release it in any case.
 */
int apfs_pool_init(struct apfs_pool *p, struct err *e) MUST_CHECK;
/* Batches that were not drained may or may not have been written. */
void apfs_pool_release(struct apfs_pool *p);

/* An empty batch. The failure of a write before is reported here. */
int apfs_pool_get(struct apfs_pool *p, struct apfs_batch **ret, struct err *e) MUST_CHECK;
void apfs_pool_submit(struct apfs_pool *p, struct apfs_batch *b);
/* Write at once, past the batches. */
int apfs_pool_write(struct apfs_pool *p, uint64_t block, const void *data, size_t len,
		    struct err *e) MUST_CHECK;
/* Wait until all that was submitted is hashed and written, also when that fails. */
int apfs_pool_drain(struct apfs_pool *p, struct err *e) MUST_CHECK;

#endif
