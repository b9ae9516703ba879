/* SPDX-License-Identifier: MIT */
/* Jobs in processes of their own. */
#define _GNU_SOURCE
#include "sim/base/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/pool.h"

#define JOBS 7

struct world {
	int fails, dies; /* the job that does; -1: none */
	size_t stop_after;
	size_t begun, running, most, ended;
	bool seen[JOBS];
};

static int work(void *ctx, size_t job, struct buf *said, struct err *e)
{
	struct world *w = ctx;

	printf("out %zu\n", job);
	fprintf(stderr, "err %zu\n", job);
	if (w->dies == (int)job)
		raise(SIGKILL);
	if (w->fails == (int)job)
		return err_set(e, E_INVAL, "job %zu makes no sense", job);
	return buf_printf(said, e, "said %zu by %ld", job, (long)getpid());
}

static void begins(void *ctx, size_t job)
{
	struct world *w = ctx;

	CU_ASSERT_EQUAL(job, w->begun);
	w->begun++;
	w->running++;
	if (w->running > w->most)
		w->most = w->running;
}

static int done(void *ctx, const struct pool_done *d, struct err *e)
{
	struct world *w = ctx;
	char want[64];

	(void)e;
	w->running--;
	w->ended++;
	CU_ASSERT_FATAL(d->job < JOBS);
	w->seen[d->job] = true;
	snprintf(want, sizeof(want), "err %zu\n", d->job);
	CU_ASSERT_EQUAL(d->err.len, strlen(want));
	CU_ASSERT(d->err.len && !memcmp(d->err.data, want, d->err.len));
	if (w->dies == (int)d->job || w->fails == (int)d->job) {
		CU_ASSERT_EQUAL(d->said.len, 0);
		return 0;
	}
	snprintf(want, sizeof(want), "said %zu by ", d->job);
	CU_ASSERT(d->said.len > strlen(want) &&
		  !memcmp(d->said.data, want, strlen(want)));
	snprintf(want, sizeof(want), "%ld", (long)getpid());
	CU_ASSERT_PTR_NULL(memmem(d->said.data, d->said.len, want, strlen(want)));
	return 0;
}

static bool stopped(void *ctx)
{
	const struct world *w = ctx;

	return w->stop_after && w->ended >= w->stop_after;
}

static int run(struct world *w, size_t at_once, struct err *e)
{
	const struct pool p = {
		.n_jobs = JOBS,
		.at_once = at_once,
		.ctx = w,
		.work = work,
		.done = done,
		.begins = begins,
		.stopped = stopped,
	};

	return pool_run(&p, e);
}

static void all_run_so_many_at_a_time(void)
{
	static const size_t widths[] = {1, 2, JOBS, 3 * JOBS};

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct world w = {.fails = -1, .dies = -1};
		struct err e = ERR_INIT;

		ASSERT_OK(run(&w, widths[i], &e), &e);
		for (size_t k = 0; k < JOBS; k++)
			CU_ASSERT_TRUE(w.seen[k]);
		CU_ASSERT_EQUAL(w.most, widths[i] < JOBS ? widths[i] : JOBS);
	}
}

static void an_error_ends_it(void)
{
	struct world w = {.fails = 3, .dies = -1};
	struct err e = ERR_INIT;

	CU_ASSERT_EQUAL(run(&w, 2, &e), -(int)E_INVAL);
	CU_ASSERT_STRING_EQUAL(e.msg, "job 3 makes no sense");
	CU_ASSERT_EQUAL(w.running, 0);
	CU_ASSERT_TRUE(w.begun >= 4 && w.begun <= 5);
}

static void a_killed_job_is_told(void)
{
	struct world w = {.fails = -1, .dies = 0};
	struct err e = ERR_INIT;

	CU_ASSERT_EQUAL(run(&w, 2, &e), -(int)E_INFRA);
	CU_ASSERT_STRING_EQUAL(e.msg, "a run was ended by signal 9");
	CU_ASSERT_EQUAL(w.running, 0);
}

static void a_stop_lets_the_running_end(void)
{
	struct world w = {.fails = -1, .dies = -1, .stop_after = 2};
	struct err e = ERR_INIT;

	ASSERT_OK(run(&w, 2, &e), &e);
	CU_ASSERT_EQUAL(w.running, 0);
	CU_ASSERT_TRUE(w.ended >= 2 && w.ended <= 3);
}

TEST_MAIN("pool", {"so many at a time", all_run_so_many_at_a_time},
	  {"an error ends it", an_error_ends_it},
	  {"a killed job is told", a_killed_job_is_told},
	  {"a stop lets the running end", a_stop_lets_the_running_end})
