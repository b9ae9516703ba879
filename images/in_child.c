/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "images/in_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define POLL_MS 50

static _Noreturn void child(int (*work)(void *arg, struct err *e), void *arg, int out,
			    pid_t parent)
{
	static const int reset[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct err e = ERR_INIT;

	/* A group of its own, so that all of it can be stopped at once. */
	setpgid(0, 0);
	for (size_t i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		signal(reset[i], SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent)
		_exit(1);
	if (work(arg, &e) && fsio_write_all(out, &e, sizeof(e), "pipe", NULL))
		_exit(1);
	_exit(0);
}

/* Until the pipe ends; what came through it goes to @said. */
static int follow(const struct image_env *env, int in, struct err *said, struct err *e)
{
	size_t got = 0;

	for (;;) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		ssize_t n;

		if (env->stopped && env->stopped(env->progress_ctx))
			return err_set(e, E_CANCELED, "stopped");
		if (poll(&p, 1, POLL_MS) <= 0)
			continue;
		n = read(in, (char *)said + got, sizeof(*said) - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		got += (size_t)n;
	}
}

static int conclude(pid_t pid, const struct err *said, struct err *e)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (said->code)
		return err_set(e, said->code, "%.*s", ERR_MSG_MAX - 1, said->msg);
	if (WIFSIGNALED(status))
		return err_set(e, E_INFRA, "killed by signal %d", WTERMSIG(status));
	return status ? err_set(e, E_INFRA, "ended with status %d", WEXITSTATUS(status))
		      : 0;
}

int in_child(const struct image_env *env, int (*work)(void *arg, struct err *e),
	     void *arg, struct err *e)
{
	struct err said = ERR_INIT, why = ERR_INIT;
	pid_t pid, parent = getpid();
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, "pipe");
	fflush(NULL); /* else the child would print what waits here once more */
	pid = fork();
	if (pid == 0)
		child(work, arg, fds[1], parent);
	close(fds[1]);
	if (pid < 0) {
		r = err_sys(e, "fork");
		close(fds[0]);
		return r;
	}
	r = follow(env, fds[0], &said, &why);
	if (r) {
		kill(-pid, SIGTERM);
		kill(pid, SIGTERM); /* it may not have its group yet */
	}
	close(fds[0]);
	if (conclude(pid, &said, e) && !r)
		return -(int)e->code;
	return r ? err_set(e, why.code, "%s", why.msg) : 0;
}
