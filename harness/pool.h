/* SPDX-License-Identifier: MIT */
/*
 * Jobs in processes of their own, several at a time. What a job prints is held back until
 * it has ended, so that no two mix.
 */
#ifndef HARNESS_POOL_H
#define HARNESS_POOL_H

#include <stdbool.h>

#include "sim/base/buf.h"

/* What a job left, borrowed. */
struct pool_done {
	size_t job;
	struct buf out, err; /* what it wrote to standard output and error */
	struct buf said;     /* what work() gave */
};

struct pool {
	size_t n_jobs;
	size_t at_once; /* at least 1 */
	void *ctx;
	/* In the job's process. */
	int (*work)(void *ctx, size_t job, struct buf *said, struct err *e);
	/* In the caller's, as each job ends. */
	int (*done)(void *ctx, const struct pool_done *d, struct err *e);
	/* A job begins. */
	void (*begins)(void *ctx, size_t job);
	/* Begin no more jobs? */
	bool (*stopped)(void *ctx);
};

/*
 * Run all jobs, in order of their numbers. After an error of work() or done(), or of a
 * job that a signal ended (E_INFRA), no more are begun; those that run are waited for,
 * and the first error is returned. A job's process dies with the caller's.
 */
int pool_run(const struct pool *p, struct err *e) MUST_CHECK;

#endif
