/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/seal_pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS_PER_THREAD 3

/* ---- queues ---- */

static void queue_init(struct seal_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct seal_queue *q, struct seal_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct seal_job *queue_take(struct seal_queue *q)
{
	struct seal_job *job = q->first;

	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->last = &q->first;
	return job;
}

/* ---- hashing ---- */

/* The hashes of pieces @i and, when it is as long, @i + 1; returns how many. */
static size_t hash_pieces(struct sha256 *sha, struct seal_job *job, size_t i,
			  const uint8_t *at, uint8_t hash[2][APFS_SEAL_HASH_LEN])
{
	const struct seal_piece *p = &job->pieces[i];

	if (i + 1 == job->n || p[1].chunk.len != p->chunk.len) {
		job->error = sha256_of(sha, at, p->chunk.len, hash[0], &job->why);
		return 1;
	}
	job->error = sha256_of_pair(sha, at, at + p->chunk.len, p->chunk.len, hash[0],
				    hash[1], &job->why);
	return 2;
}

static void hash_job(struct sha256 *sha, struct seal_job *job)
{
	uint8_t hash[2][APFS_SEAL_HASH_LEN];
	const uint8_t *at = job->data;

	job->error = 0;
	for (size_t i = 0; i < job->n && !job->error;) {
		size_t n = hash_pieces(sha, job, i, at, hash);

		for (size_t k = 0; k < n; k++, i++) {
			struct seal_piece *p = &job->pieces[i];

			p->bad = memcmp(hash[k], p->chunk.hash, sizeof(hash[k])) != 0;
			at += p->chunk.len;
		}
	}
}

static void *worker(void *arg)
{
	struct seal_pool *p = arg;
	struct sha256 sha = {0};
	struct err why = ERR_INIT;
	int bad = sha256_init(&sha, &why);

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct seal_job *job = queue_take(&p->to_hash);

		if (!job) {
			pthread_cond_wait(&p->work, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		if (!bad)
			hash_job(&sha, job);
		else
			*job = (struct seal_job){
				.error = bad, .why = why, .data = job->data};
		pthread_mutex_lock(&p->lock);
		queue_put(&p->ready, job);
		pthread_cond_signal(&p->idle);
	}
	pthread_mutex_unlock(&p->lock);
	sha256_release(&sha);
	return NULL;
}

/* ---- the first thread ---- */

/* Locked. Wait for a job that is ready, hashing one meanwhile if there is one to hash. */
static struct seal_job *next_ready(struct seal_pool *p)
{
	struct seal_job *job;

	while (!(job = queue_take(&p->ready))) {
		job = queue_take(&p->to_hash);
		if (job) {
			pthread_mutex_unlock(&p->lock);
			hash_job(&p->sha, job);
			pthread_mutex_lock(&p->lock);
			break;
		}
		pthread_cond_wait(&p->idle, &p->lock);
	}
	return job;
}

struct seal_job *seal_pool_take(struct seal_pool *p)
{
	struct seal_job *job;

	pthread_mutex_lock(&p->lock);
	job = next_ready(p);
	pthread_mutex_unlock(&p->lock);
	return job;
}

void seal_pool_give(struct seal_pool *p, struct seal_job *job)
{
	pthread_mutex_lock(&p->lock);
	queue_put(&p->to_hash, job);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

struct seal_job *seal_pool_drain(struct seal_pool *p)
{
	struct seal_job *job = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->n_drained < p->n_jobs) {
		job = next_ready(p);
		p->n_drained++;
	}
	pthread_mutex_unlock(&p->lock);
	return job;
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

static int new_jobs(struct seal_pool *p, size_t n, struct err *e)
{
	p->jobs = calloc(n, sizeof(*p->jobs));
	if (!p->jobs)
		return err_set(e, E_NOMEM, "seal: out of memory");
	for (; p->n_jobs < n; p->n_jobs++) {
		struct seal_job *job = &p->jobs[p->n_jobs];

		job->data = aligned_alloc(APFS_BLOCK_SIZE, SEAL_JOB_SIZE);
		if (!job->data)
			return err_set(e, E_NOMEM, "seal: out of memory");
		queue_put(&p->ready, job);
	}
	return 0;
}

int seal_pool_init(struct seal_pool *p, unsigned threads, struct err *e)
{
	int r;

	*p = (struct seal_pool){0};
	if (!threads)
		threads = processors();
	if (threads > APFS_SEAL_THREADS_MAX)
		threads = APFS_SEAL_THREADS_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->idle, NULL);
	queue_init(&p->to_hash);
	queue_init(&p->ready);
	r = sha256_init(&p->sha, e);
	if (!r)
		r = new_jobs(p, threads * JOBS_PER_THREAD, e);
	/* With fewer threads it takes longer, that is all. */
	while (!r && p->n_threads + 1 < threads &&
	       !pthread_create(&p->threads[p->n_threads], NULL, worker, p))
		p->n_threads++;
	if (r)
		seal_pool_release(p);
	return r;
}

void seal_pool_release(struct seal_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	for (size_t i = 0; i < p->n_jobs; i++)
		free(p->jobs[i].data);
	free(p->jobs);
	sha256_release(&p->sha);
	pthread_cond_destroy(&p->idle);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
}
