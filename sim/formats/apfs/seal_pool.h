/* SPDX-License-Identifier: MIT */
/*
 * Hashing on several processors. One thread reads and fills jobs, the others hash what
 * is in them; when all jobs are taken, the first one hashes too instead of waiting. So
 * only one thread ever touches the disk and the container.
 */
#ifndef SIM_FORMATS_APFS_SEAL_POOL_H
#define SIM_FORMATS_APFS_SEAL_POOL_H

#include <pthread.h>

#include "sim/formats/apfs/reader_verify.h"

#define SEAL_JOB_SIZE	APFS_CHUNK_MAX /* bytes of data that a job has room for */
#define SEAL_JOB_PIECES (SEAL_JOB_SIZE / APFS_BLOCK_SIZE)

struct seal_piece {
	struct apfs_chunk chunk;
	uint64_t bno; /* where it lies; 0: a hole, or compressed */
	bool bad;     /* out: it has another hash */
};

struct seal_job {
	size_t n;   /* pieces, one behind the other in .data */
	size_t len; /* bytes of them */
	int error;  /* out: hashing failed; .why says how */
	struct err why;
	struct seal_job *next;
	struct seal_piece pieces[SEAL_JOB_PIECES];
	uint8_t *data;
};

struct seal_queue {
	struct seal_job *first, **last;
};

/* Release with seal_pool_release. */
struct seal_pool {
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct seal_queue to_hash, ready; /* ready: hashed, or never used */
	bool stop;
	size_t n_drained;
	struct sha256 sha;     /* of the first thread */
	struct seal_job *jobs; /* owned */
	size_t n_jobs;
	pthread_t threads[APFS_SEAL_THREADS_MAX];
	unsigned n_threads; /* beside the first one */
};

int seal_pool_init(struct seal_pool *p, unsigned threads, struct err *e) MUST_CHECK;
void seal_pool_release(struct seal_pool *p);

/*
 * A job that is done or fresh: look at its pieces, if it has any, before it is filled
 * again. There always is one.
 */
struct seal_job *seal_pool_take(struct seal_pool *p);
/* Let it be hashed. */
void seal_pool_give(struct seal_pool *p, struct seal_job *job);
/* The next one that is done; NULL when all are. For the end. */
struct seal_job *seal_pool_drain(struct seal_pool *p);

#endif
