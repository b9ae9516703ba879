/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/clock.h"

#define OUTPUT_MAX 65536u

static bool find_in(const char *path, const char *program, char out[static PATH_MAX])
{
	for (; path && *path; path += *path == ':') {
		size_t len = strcspn(path, ":");

		snprintf(out, PATH_MAX, "%.*s/%s", (int)len, path, program);
		if (len && !access(out, X_OK))
			return true;
		path += len;
	}
	return false;
}

static bool find_program(const char *program, char out[static PATH_MAX])
{
	if (strchr(program, '/')) {
		snprintf(out, PATH_MAX, "%s", program);
		return !access(program, X_OK);
	}
	return find_in(getenv("PATH"), program, out) ||
	       find_in("/usr/local/sbin:/usr/sbin:/sbin", program, out);
}

bool subprocess_installed(const char *program)
{
	char path[PATH_MAX];

	return find_program(program, path);
}

static _Noreturn void child(const char *const *argv, int out)
{
	int null = open("/dev/null", O_RDONLY);
	char path[PATH_MAX];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	/* execv does not change its arguments, whatever its type says. */
	if (find_program(argv[0], path))
		execv(path, (char **)(uintptr_t)argv);
	_exit(127);
}

/* Until the end of its output; who closes that early is waited for all the same. */
static int collect(int fd, int64_t end, struct buf *out, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char part[4096];
	int r = 0;

	for (;;) {
		int64_t left = end - clock_ms();
		ssize_t n;

		if (left <= 0)
			return err_set(e, E_TIMEOUT, "took too long and was killed");
		if (poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX) <= 0)
			continue;
		n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return r;
		if (!r && out->len < OUTPUT_MAX)
			r = buf_append(out, part, (size_t)n, e);
	}
}

static int reap(pid_t pid, int *ret_status, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait");
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

int subprocess_run(const char *const *argv, unsigned timeout_ms, struct buf *out,
		   int *ret_status, struct err *e)
{
	int64_t end = clock_ms() + timeout_ms;
	int fds[2], r, r2;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, "%s: pipe", argv[0]);
	pid = fork();
	if (pid < 0) {
		r = err_sys(e, "%s: fork", argv[0]);
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (!pid)
		child(argv, fds[1]);
	close(fds[1]);
	r = collect(fds[0], end, out, e);
	close(fds[0]);
	if (r)
		kill(pid, SIGKILL);
	r2 = reap(pid, ret_status, r ? NULL : e);
	return r || r2 ? err_ctx(e, "%s", argv[0]) : 0;
}
