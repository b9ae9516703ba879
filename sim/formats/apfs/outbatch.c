/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* CPU_COUNT */

#include "sim/formats/apfs/outbatch.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/raw.h"

/* ---- One batch ---- */

static bool is_zero(const uint8_t *block)
{
	/* A block equal to itself moved by one byte has one value throughout. */
	return block[0] == 0 && memcmp(block, block + 1, APFS_BLOCK_SIZE - 1) == 0;
}

int apfs_pool_write(struct apfs_pool *p, uint64_t block, const void *data, size_t len,
		    struct err *e)
{
	if (p->serial)
		pthread_mutex_lock(&p->write_lock);
	int rc = p->write(p->ctx, block, data, len, e);

	if (p->serial)
		pthread_mutex_unlock(&p->write_lock);
	return rc;
}

/* Neighbours on the disk are written at once. */
static int write_batch(struct apfs_pool *p, const struct apfs_batch *b, struct err *e)
{
	int rc = 0;

	for (size_t i = 0, run; i < b->n && rc == 0; i += run) {
		run = 0;
		while (i + run < b->n && b->addr[i + run] == b->addr[i] + run &&
		       !(p->skip_zeros && is_zero(b->mem + (i + run) * APFS_BLOCK_SIZE)))
			run++;
		if (run > 0)
			rc = apfs_pool_write(p, b->addr[i], b->mem + i * APFS_BLOCK_SIZE,
					     run * APFS_BLOCK_SIZE, e);
		else
			run = 1;
	}
	return rc;
}

/* Hash piece @i, with the next one if that is as long. How many it were. */
static size_t hash_pieces(struct sha256 *sha, const struct apfs_batch *b, size_t i,
			  int *ret_rc, struct err *e)
{
	const struct apfs_batch_hash *h = &b->hash[i];
	const uint8_t *mem = b->mem + h[0].first * APFS_BLOCK_SIZE;
	const size_t len = h[0].count * APFS_BLOCK_SIZE;

	if (!sha->pairs || i + 1 == b->n_hashes || h[1].count != h[0].count) {
		*ret_rc = sha256_of(sha, mem, len, h[0].out, e);
		return 1;
	}
	*ret_rc = sha256_of_pair(sha, mem, b->mem + h[1].first * APFS_BLOCK_SIZE, len,
				 h[0].out, h[1].out, e);
	return 2;
}

static int finish_batch(struct apfs_pool *p, struct sha256 *sha,
			const struct apfs_batch *b, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < b->n_hashes && rc == 0;)
		i += hash_pieces(sha, b, i, &rc, e);
	return rc != 0 ? rc : write_batch(p, b, e);
}

/* ---- The queue; the lock is held ---- */

/* Take the oldest batch and finish it. The lock is given up meanwhile. */
static void work_once(struct apfs_pool *p, struct sha256 *sha)
{
	struct apfs_batch *b = p->todo;
	struct err e = ERR_INIT;
	bool failed = p->failed.code != E_OK;
	int rc = 0;

	p->todo = b->next;
	if (!p->todo)
		p->todo_end = &p->todo;
	p->busy++;
	pthread_mutex_unlock(&p->lock);
	if (!failed)
		rc = finish_batch(p, sha, b, &e);
	pthread_mutex_lock(&p->lock);
	p->busy--;
	if (rc != 0 && p->failed.code == E_OK)
		p->failed = e;
	b->next = p->free_list;
	p->free_list = b;
	pthread_cond_signal(&p->free_more);
}

static int failure(const struct apfs_pool *p, struct err *e)
{
	if (p->failed.code != E_OK && e)
		*e = p->failed;
	return -(int)p->failed.code;
}

static void *worker(void *arg)
{
	struct apfs_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	struct sha256 *sha = &p->sha[++p->started];

	for (;;) {
		while (!p->todo && !p->stop)
			pthread_cond_wait(&p->todo_more, &p->lock);
		if (p->stop)
			break;
		work_once(p, sha);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- For the filling thread ---- */

int apfs_pool_get(struct apfs_pool *p, struct apfs_batch **ret, struct err *e)
{
	pthread_mutex_lock(&p->lock);
	while (!p->free_list) {
		if (p->todo)
			work_once(p, &p->sha[0]);
		else
			pthread_cond_wait(&p->free_more, &p->lock);
	}
	int rc = failure(p, e);

	if (rc == 0) {
		*ret = p->free_list;
		p->free_list = (*ret)->next;
		(*ret)->next = NULL;
		(*ret)->n = (*ret)->n_hashes = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void apfs_pool_submit(struct apfs_pool *p, struct apfs_batch *b)
{
	pthread_mutex_lock(&p->lock);
	b->next = NULL;
	*p->todo_end = b;
	p->todo_end = &b->next;
	pthread_cond_signal(&p->todo_more);
	pthread_mutex_unlock(&p->lock);
}

int apfs_pool_drain(struct apfs_pool *p, struct err *e)
{
	pthread_mutex_lock(&p->lock);
	while (p->todo || p->busy > 0) {
		if (p->todo)
			work_once(p, &p->sha[0]);
		else
			pthread_cond_wait(&p->free_more, &p->lock);
	}
	int rc = failure(p, e);

	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* ---- Begin and end ---- */

/* Other processors that this process may use. */
static unsigned other_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	if (n > (int)APFS_BATCH_THREADS)
		return APFS_BATCH_THREADS;
	return n > 1 ? (unsigned)n - 1 : 0;
}

/* One is filled and each thread has one; two more so that nobody waits for another. */
static int make_batches(struct apfs_pool *p, struct err *e)
{
	p->n_batches = p->n_threads + 3;
	p->batches = calloc(p->n_batches, sizeof(*p->batches));
	if (!p->batches)
		return err_set(e, E_NOMEM, "out of memory for write buffers");
	for (size_t i = 0; i < p->n_batches; i++) {
		struct apfs_batch *b = &p->batches[i];

		b->mem = malloc(APFS_BATCH_BLOCKS * APFS_BLOCK_SIZE);
		if (!b->mem)
			return err_set(e, E_NOMEM, "out of memory for write buffers");
		b->next = p->free_list;
		p->free_list = b;
	}
	return 0;
}

int apfs_pool_init(struct apfs_pool *p, struct err *e)
{
	unsigned want = other_cpus();

	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->write_lock, NULL);
	pthread_cond_init(&p->todo_more, NULL);
	pthread_cond_init(&p->free_more, NULL);
	p->todo_end = &p->todo;
	for (unsigned i = 0; i <= want; i++) {
		int rc = sha256_init(&p->sha[i], e);

		if (rc != 0)
			return rc;
	}
	/* With fewer threads than wanted the work is done as well. */
	while (p->n_threads < want &&
	       pthread_create(&p->thread[p->n_threads], NULL, worker, p) == 0)
		p->n_threads++;
	return make_batches(p, e);
}

void apfs_pool_release(struct apfs_pool *p)
{
	if (!p->todo_end) /* never initialised */
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->todo_more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->thread[i], NULL);
	for (size_t i = 0; i < p->n_batches && p->batches; i++)
		free(p->batches[i].mem);
	free(p->batches);
	for (unsigned i = 0; i <= APFS_BATCH_THREADS; i++)
		sha256_release(&p->sha[i]);
	pthread_cond_destroy(&p->free_more);
	pthread_cond_destroy(&p->todo_more);
	pthread_mutex_destroy(&p->write_lock);
	pthread_mutex_destroy(&p->lock);
	*p = (struct apfs_pool){.ctx = NULL};
}
