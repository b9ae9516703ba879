/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/clock.h"
#include "sim/carrier/control.h"
#include "sim/carrier/init/init.h"

#define READ_SIZE          65536
#define DEFAULT_TIMEOUT_MS 60000
#define GID_WHEEL          0
#define GID_STAFF          20
#define PF_EXITING         0x4 /* Linux, include/linux/sched.h */

/* A login's environment on a Mac. */
static const char *const default_env[] = {
	"PATH=/usr/bin:/bin:/usr/sbin:/sbin",
	"HOME=/var/root",
	"SHELL=/bin/sh",
	"LANG=C",
	NULL,
};

struct exec {
	struct exec *next;
	struct init *in;
	json_t *id;
	pid_t pid;
	struct watch input, outputs[2];
	struct buf in_bytes, out_bytes[2];
	size_t in_pos;
	bool truncated, timed_out;
	int64_t deadline;
};

/* What the request says, checked. */
struct order {
	char **argv, **env;
	uid_t uid;
};

static void exec_free(struct exec *x)
{
	loop_drop(x->in, &x->input);
	for (int i = 0; i < 2; i++) {
		loop_drop(x->in, &x->outputs[i]);
		buf_release(&x->out_bytes[i]);
	}
	buf_release(&x->in_bytes);
	json_decref(x->id);
	free(x);
}

static void on_input(struct init *in, void *arg)
{
	struct exec *x = arg;
	ssize_t n = write(x->input.fd, x->in_bytes.data + x->in_pos,
			  x->in_bytes.len - x->in_pos);

	if (n > 0)
		x->in_pos += (size_t)n;
	/* It need not read all; EPIPE is no error of ours. */
	if ((n < 0 && errno != EAGAIN) || x->in_pos == x->in_bytes.len)
		loop_drop(in, &x->input);
}

/* Read once. False when nothing is there now, or nothing will come any more. */
static bool take_output(struct exec *x, int i)
{
	static uint8_t chunk[READ_SIZE];
	struct buf *b = &x->out_bytes[i];
	ssize_t n;
	size_t room;

	if (x->outputs[i].fd < 0)
		return false;
	n = read(x->outputs[i].fd, chunk, sizeof(chunk));
	if (n == 0)
		loop_drop(x->in, &x->outputs[i]);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	room = CONTROL_OUTPUT_MAX - b->len;
	if ((size_t)n > room)
		x->truncated = true;
	if (buf_append(b, chunk, (size_t)n < room ? (size_t)n : room, NULL))
		x->truncated = true;
	return true;
}

static void on_stdout(struct init *in, void *arg)
{
	(void)in;
	take_output(arg, 0);
}

static void on_stderr(struct init *in, void *arg)
{
	(void)in;
	take_output(arg, 1);
}

/* Runs in the child, in the Mac's PID namespace already; never returns. */
static void child(struct init *in, const struct order *o, const int fds[3], int failed)
{
	gid_t gid = o->uid ? GID_STAFF : GID_WHEEL;
	int n;

	child_reset();
	if (launch_enter(in) == 0 && dup2(fds[0], 0) >= 0 && dup2(fds[1], 1) >= 0 &&
	    dup2(fds[2], 2) >= 0 && chdir("/") == 0 && setgroups(1, &gid) == 0 &&
	    setresgid(gid, gid, gid) == 0 && setresuid(o->uid, o->uid, o->uid) == 0)
		execve(o->argv[0], o->argv, o->env);
	n = errno;
	if (write(failed, &n, sizeof(n)) < 0)
		_exit(126);
	_exit(127);
}

/* Start it; 0, or the errno that it could not be executed for. */
static int spawn(struct exec *x, const struct order *o)
{
	int p[3][2], failed[2], theirs[3], n = 0;

	for (int i = 0; i < 3; i++)
		if (pipe2(p[i], O_CLOEXEC) < 0)
			return errno;
	if (pipe2(failed, O_CLOEXEC) < 0)
		return errno;
	theirs[0] = p[0][0];
	theirs[1] = p[1][1];
	theirs[2] = p[2][1];
	x->pid = launch_fork(x->in);
	if (x->pid == 0)
		child(x->in, o, theirs, failed[1]);
	for (int i = 0; i < 3; i++)
		close(theirs[i]);
	close(failed[1]);
	x->input.fd = p[0][1];
	x->outputs[0].fd = p[1][0];
	x->outputs[1].fd = p[2][0];
	if (x->pid < 0)
		n = EAGAIN;
	else if (read(failed[0], &n, sizeof(n)) != sizeof(n))
		n = 0;
	close(failed[0]);
	return n;
}

static void watch_pipes(struct exec *x)
{
	x->input.ready = on_input;
	x->outputs[0].ready = on_stdout;
	x->outputs[1].ready = on_stderr;
	x->input.arg = x->outputs[0].arg = x->outputs[1].arg = x;
	fcntl(x->input.fd, F_SETFL, O_NONBLOCK);
	loop_add(x->in, &x->input, EPOLLOUT);
	for (int i = 0; i < 2; i++) {
		fcntl(x->outputs[i].fd, F_SETFL, O_NONBLOCK);
		loop_add(x->in, &x->outputs[i], EPOLLIN);
	}
	if (!x->in_bytes.len)
		loop_drop(x->in, &x->input);
}

static const char *read_order(const json_t *req, struct exec *x, struct order *o)
{
	const json_t *env = json_object_get(req, "env");
	const json_t *in = json_object_get(req, "stdin");
	const json_t *ms = json_object_get(req, "timeout_ms");
	int64_t timeout = ms ? json_integer_value(ms) : DEFAULT_TIMEOUT_MS;

	o->argv = launch_vector(json_object_get(req, "argv"));
	if (!o->argv || !o->argv[0])
		return "exec: argv is not a list of strings";
	if (env) {
		o->env = launch_vector(env);
		if (!o->env)
			return "exec: env is not a list of strings";
	}
	if (in && (!json_is_string(in) ||
		   control_b64_decode(json_string_value(in), json_string_length(in),
				      &x->in_bytes, NULL) ||
		   x->in_bytes.len > CONTROL_STDIN_MAX))
		return "exec: stdin is not base64, or too long";
	if (timeout <= 0 || timeout > INT32_MAX)
		return "exec: bad timeout_ms";
	o->uid = (uid_t)json_integer_value(json_object_get(req, "uid"));
	x->deadline = clock_ns() + timeout * 1000000;
	return NULL;
}

static void run(struct exec *x, const struct order *o)
{
	char text[256];
	int n = spawn(x, o);

	if (n) {
		snprintf(text, sizeof(text), "%.200s: %s", o->argv[0], strerror(n));
		ctl_refuse(x->in, x->id, "not-started", text);
		exec_free(x);
		return;
	}
	watch_pipes(x);
	x->next = x->in->execs;
	x->in->execs = x;
}

void exec_start(struct init *in, const json_t *req)
{
	json_t *id = json_object_get(req, "id");
	struct exec *x = calloc(1, sizeof(*x));
	struct order o = {NULL, NULL, 0};
	const char *wrong;

	if (in->mac.launchd <= 0 || in->state == ST_BOOTING || !x) {
		ctl_refuse(in, id, "down", "the Mac does not run");
		free(x);
		return;
	}
	x->in = in;
	x->id = json_incref(id);
	x->input.fd = x->outputs[0].fd = x->outputs[1].fd = -1;
	wrong = read_order(req, x, &o);
	if (wrong) {
		ctl_refuse(in, id, "request", wrong);
		exec_free(x);
	} else {
		struct order effective = o;

		if (!o.env)
			effective.env = (char **)(uintptr_t)default_env;
		run(x, &effective);
	}
	free(o.argv);
	free(o.env);
}

/*
 * Is process 1 of the Mac on its way out? Then the kernel kills every process of the Mac,
 * and waits for us to reap ours before we can reap process 1 itself.
 */
static bool going_down(const struct init *in)
{
	char path[64], text[512], *p;
	unsigned flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)in->mac.launchd);
	f = fopen(path, "re");
	if (!f)
		return true;
	p = fgets(text, sizeof(text), f);
	fclose(f);
	/* The name in parentheses may hold blanks; the flags are 7 words behind it. */
	p = p ? strrchr(text, ')') : NULL;
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		return true;
	return flags & PF_EXITING;
}

static int set_bytes(json_t *msg, const char *key, const struct buf *bytes)
{
	struct buf text = BUF_INIT;
	int r = control_b64_encode(bytes->data, bytes->len, &text, NULL);

	if (!r)
		r = json_object_set_new(msg, key,
					json_stringn((const char *)text.data, text.len));
	buf_release(&text);
	return r;
}

static void finish(struct exec *x, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	json_t *msg = json_pack("{s:O,s:b,s:i,s:i,s:b}", "id", x->id, "ok", 1, "status",
				WIFEXITED(status) ? WEXITSTATUS(status) : 0, "signal",
				WIFSIGNALED(status) ? WTERMSIG(status) : 0, "truncated",
				(int)x->truncated);
	const char *why = NULL;

	if (x->timed_out)
		why = "timeout";
	else if (killed && going_down(x->in))
		why = "down";
	if (why) {
		json_object_set_new(msg, "ok", json_false());
		json_object_set_new(msg, "why", json_string(why));
		json_object_set_new(msg, "error",
				    json_string(x->timed_out ? "timed out and was killed"
							     : "the Mac went down"));
	}
	if (set_bytes(msg, "stdout", &x->out_bytes[0]) ||
	    set_bytes(msg, "stderr", &x->out_bytes[1]))
		note("exec: out of memory for the output");
	ctl_send(x->in, msg);
}

bool exec_reaped(struct init *in, pid_t pid, int status)
{
	for (struct exec **p = &in->execs; *p; p = &(*p)->next) {
		struct exec *x = *p;

		if (x->pid != pid)
			continue;
		*p = x->next;
		/* What it wrote is in the pipes; its children are not waited for. */
		for (int i = 0; i < 2; i++)
			while (take_output(x, i))
				;
		finish(x, status);
		exec_free(x);
		return true;
	}
	return false;
}

int64_t exec_deadlines(struct init *in, int64_t now)
{
	int64_t next = INT64_MAX;

	for (struct exec *x = in->execs; x; x = x->next) {
		if (!x->timed_out && x->deadline <= now) {
			x->timed_out = true;
			/* It leads a session and a process group of its own. */
			kill(-x->pid, SIGKILL);
			kill(x->pid, SIGKILL);
		}
		if (!x->timed_out && x->deadline < next)
			next = x->deadline;
	}
	return next;
}
