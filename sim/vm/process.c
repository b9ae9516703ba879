/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/vm/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap(struct process *p, int options)
{
	struct rusage ru;
	pid_t got;

	do
		got = wait4(p->pid, &p->status, options, &ru);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return;
	if (got > 0)
		p->max_rss_kib = ru.ru_maxrss;
	p->pid = 0;
	p->ended = true;
	if (p->source.fd >= 0)
		close(p->source.fd);
	p->source.fd = -1;
}

static void on_end(void *arg, short revents)
{
	(void)revents;
	reap(arg, WNOHANG);
}

/* In the child; returns only with errno set. */
static void execute(const char *const *argv, const int *keep, size_t n, int log,
		    pid_t parent)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	/* The parent may have died before the line above. */
	if (getppid() != parent)
		_exit(0);
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		fcntl(keep[i], F_SETFD, 0);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
}

static int wait_for_exec(struct process *p, int failed, const char *name, struct err *e)
{
	int n = 0;
	ssize_t got;

	do
		got = read(failed, &n, sizeof(n));
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(n))
		return 0;
	reap(p, 0);
	errno = n;
	return err_sys(e, "starting %s", name);
}

int process_start(struct process *p, const char *const *argv, const int *keep, size_t n,
		  const char *log, struct err *e)
{
	pid_t parent = getpid();
	int failed[2], fd, r;

	*p = (struct process){
		.source = {.fd = -1, .events = POLLIN, .ready = on_end, .arg = p},
	};
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "opening %s", log);
	if (pipe2(failed, O_CLOEXEC) < 0) {
		close(fd);
		return err_sys(e, "pipe");
	}
	p->pid = fork();
	if (p->pid == 0) {
		execute(argv, keep, n, fd, parent);
		r = errno;
		if (write(failed[1], &r, sizeof(r)) < 0)
			_exit(126);
		_exit(127);
	}
	close(fd);
	close(failed[1]);
	if (p->pid < 0) {
		p->pid = 0;
		r = err_sys(e, "fork");
	} else {
		p->source.fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
		r = wait_for_exec(p, failed[0], argv[0], e);
	}
	close(failed[0]);
	return r;
}

void process_kill(struct process *p)
{
	if (!p->pid)
		return;
	/* Its group first: it may be a script that started the real program. */
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
	reap(p, 0);
}

void process_how(const struct process *p, char *out, size_t size)
{
	if (WIFSIGNALED(p->status))
		snprintf(out, size, "was killed by signal %d", WTERMSIG(p->status));
	else
		snprintf(out, size, "exited with status %d", WEXITSTATUS(p->status));
}
