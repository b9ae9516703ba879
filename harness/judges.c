/* SPDX-License-Identifier: MIT */
/*
 * Judges that nobody here wrote: programs that look at the container after a run. GPL
 * programs are run, never linked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/engine_impl.h"
#include "sim/base/fsio.h"

#define OUTPUT_MAX 65536u

const struct judge default_judges[] = {
	{"apfsck", {"apfsck", "-cuw", "@", NULL}},
	{"7zz", {"7zz", "t", "-bso0", "-bsp0", "@", NULL}},
	{NULL},
};

static bool is_installed(const char *program)
{
	static const char fallback[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *path = fallback;
	char full[4096];

	if (program[0] == '/')
		return !access(program, X_OK);
	for (; *path; path += *path == ':') {
		size_t len = strcspn(path, ":");

		snprintf(full, sizeof(full), "%.*s/%s", (int)len, path, program);
		if (!access(full, X_OK))
			return true;
		path += len;
	}
	return false;
}

static _Noreturn void child(const struct judge *j, const char *file, int out)
{
	const char *argv[16];
	size_t n = 0;

	for (; j->argv[n] && n < 15; n++)
		argv[n] = strcmp(j->argv[n], "@") ? j->argv[n] : file;
	argv[n] = NULL;
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	/* sbin is not on every user's path. */
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	/* execvp does not change its arguments, whatever its type says. */
	execvp(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

/* Run @j on @file; *ret_status as from wait(2), output appended to @out. */
static int run_judge(const struct judge *j, const char *file, struct buf *out,
		     int *ret_status, struct err *e)
{
	char part[4096];
	int fds[2], r = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, "%s: pipe", j->name);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_sys(e, "%s: fork", j->name);
	}
	if (!pid)
		child(j, file, fds[1]);
	close(fds[1]);
	while ((n = read(fds[0], part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && out->len < OUTPUT_MAX && !r)
			r = buf_append(out, part, (size_t)n, e);
	close(fds[0]);
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "%s: wait", j->name);
	return r;
}

static int ask_judge(struct engine *en, const struct judge *j, const char *file,
		     struct err *e)
{
	char name[64];
	struct buf out = BUF_INIT;
	int status = 0, r;

	snprintf(name, sizeof(name), "judges.%s", j->name);
	if (!is_installed(j->argv[0]))
		return result_skip(en->res, en->cur, name, "not installed", e);
	r = run_judge(j, file, &out, &status, e);
	if (!r)
		r = engine_check(en, name, WIFEXITED(status) && !WEXITSTATUS(status), "clean",
				 e, "%s", out.len ? buf_str(&out) : "clean");
	buf_release(&out);
	return r;
}

static bool wants(const struct expect *x, const char *name)
{
	if (!x)
		return true;
	return !strcmp(name, "7zz") ? x->judges.sevenzip == JUDGE_CLEAN
				    : x->judges.apfsck == JUDGE_CLEAN;
}

int engine_judges(struct engine *en, const struct expect *x, const struct expect *x2,
		  struct err *e)
{
	const struct judge *judges = en->cfg->judges ? en->cfg->judges : default_judges;
	char path[4096];
	int r = fsio_join(path, sizeof(path), en->cfg->scratch_dir, "container.apfs", e);

	if (r)
		return r;
	r = en->machine->ops->export_container(en->machine->m, path, e);
	for (; judges->name && !r; judges++)
		if (wants(x, judges->name) && wants(x2, judges->name))
			r = ask_judge(en, judges, path, e);
	unlink(path);
	return r;
}
