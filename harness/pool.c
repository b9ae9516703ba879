/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"

enum { OUT, ERR, SAID, N_FILES };

/* A job's process and the files that it writes to; pid 0: free. */
struct seat {
	pid_t pid;
	size_t job;
	int fd[N_FILES];
};

static int open_files(struct seat *s, struct err *e)
{
	for (int i = 0; i < N_FILES; i++)
		s->fd[i] = -1;
	for (int i = 0; i < N_FILES; i++) {
		s->fd[i] = memfd_create("job", MFD_CLOEXEC);
		if (s->fd[i] < 0)
			return err_sys(e, "memfd_create");
	}
	return 0;
}

static void close_files(struct seat *s)
{
	for (int i = 0; i < N_FILES; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
}

/* What work() said is written behind its error, which is none when it went well. */
static _Noreturn void child(const struct pool *p, const struct seat *s, pid_t parent)
{
	struct buf said = BUF_INIT;
	struct err e = ERR_INIT;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
	    dup2(s->fd[OUT], STDOUT_FILENO) < 0 || dup2(s->fd[ERR], STDERR_FILENO) < 0)
		_exit(1);
	if (p->work(p->ctx, s->job, &said, &e))
		buf_clear(&said);
	fflush(NULL);
	if (fsio_write_all(s->fd[SAID], &e, sizeof(e), "job", NULL) ||
	    fsio_write_all(s->fd[SAID], said.data, said.len, "job", NULL))
		_exit(1);
	_exit(0);
}

static int begin(const struct pool *p, struct seat *s, size_t job, struct err *e)
{
	pid_t parent = getpid();
	int r = open_files(s, e);

	s->job = job;
	if (!r) {
		fflush(NULL); /* else the child would print what waits here once more */
		s->pid = fork();
		if (s->pid == 0)
			child(p, s, parent);
		if (s->pid < 0)
			r = err_sys(e, "fork");
	}
	if (r) {
		close_files(s);
		s->pid = 0;
		return r;
	}
	p->begins(p->ctx, job);
	return 0;
}

static int read_whole(int fd, off_t from, struct buf *out, struct err *e)
{
	struct stat st;
	size_t len;
	int r;

	if (fstat(fd, &st))
		return err_sys(e, "fstat");
	len = st.st_size > from ? (size_t)(st.st_size - from) : 0;
	r = buf_reserve(out, len, e);
	if (!r && len)
		r = fsio_pread_all(fd, out->data, len, (uint64_t)from, "job", e);
	if (!r)
		out->len = len;
	return r;
}

static int how_it_ended(const struct seat *s, int status, struct err *e)
{
	struct err said = ERR_INIT;

	if (WIFSIGNALED(status))
		return err_set(e, E_INFRA, "a run was ended by signal %d",
			       WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(e, E_INFRA, "a run ended with status %d",
			       WEXITSTATUS(status));
	if (fsio_pread_all(s->fd[SAID], &said, sizeof(said), 0, "job", e))
		return -(int)e->code;
	return said.code ? err_set(e, said.code, "%.*s", ERR_MSG_MAX - 1, said.msg) : 0;
}

static int take(const struct pool *p, struct seat *s, int status, struct err *e)
{
	struct pool_done d = {.job = s->job};
	struct err why = ERR_INIT;
	int ended = how_it_ended(s, status, &why);
	int r = read_whole(s->fd[OUT], 0, &d.out, e);

	if (!r)
		r = read_whole(s->fd[ERR], 0, &d.err, e);
	if (!r && !ended)
		r = read_whole(s->fd[SAID], sizeof(struct err), &d.said, e);
	if (!r)
		r = p->done(p->ctx, &d, e);
	if (!r && ended)
		r = err_set(e, why.code, "%s", why.msg);
	buf_release(&d.out);
	buf_release(&d.err);
	buf_release(&d.said);
	close_files(s);
	s->pid = 0;
	return r;
}

/* Wait for any of the jobs. */
static int wait_one(const struct pool *p, struct seat *seats, struct err *e)
{
	int status = 0;
	pid_t pid;

	do
		pid = wait(&status);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return err_sys(e, "wait");
	for (size_t i = 0; i < p->at_once; i++)
		if (seats[i].pid == pid)
			return take(p, &seats[i], status, e);
	return 0;
}

static struct seat *find_free(const struct pool *p, struct seat *seats)
{
	for (size_t i = 0; i < p->at_once; i++)
		if (!seats[i].pid)
			return &seats[i];
	return NULL;
}

static bool any_taken(const struct pool *p, const struct seat *seats)
{
	for (size_t i = 0; i < p->at_once; i++)
		if (seats[i].pid)
			return true;
	return false;
}

int pool_run(const struct pool *p, struct err *e)
{
	struct seat *seats = calloc(p->at_once, sizeof(*seats));
	size_t next = 0;
	int r = seats ? 0 : err_set(e, E_NOMEM, "out of memory");

	while (!r && next < p->n_jobs && !p->stopped(p->ctx)) {
		struct seat *s = find_free(p, seats);

		r = s ? begin(p, s, next++, e) : wait_one(p, seats, e);
	}
	while (seats && any_taken(p, seats)) {
		struct err why = ERR_INIT;

		if (wait_one(p, seats, &why))
			err_keep_first(&r, e, &why);
	}
	free(seats);
	return r;
}
