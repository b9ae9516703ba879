/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/clock.h"
#include "sim/carrier/init/init.h"
#include "sim/carrier/layout.h"

void note(const char *fmt, ...)
{
	va_list ap;

	fputs("init: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void loop_add(struct init *in, struct watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (epoll_ctl(in->epoll, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		note("epoll: %s", strerror(errno));
}

void loop_drop(struct init *in, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(in->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

void child_reset(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
}

/* Signals come as reads; of them only the ends of children matter. */
static void on_signal(struct init *in, void *arg)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	(void)arg;
	while (read(in->signals.fd, &si, sizeof(si)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!exec_reaped(in, pid, status))
			mac_reaped(in, pid, status);
}

static int watch_signals(struct init *in, struct err *e)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	/* A program that does not read its standard input must not end us. */
	signal(SIGPIPE, SIG_IGN);
	in->signals = (struct watch){
		.fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = on_signal,
	};
	if (in->signals.fd < 0)
		return err_sys(e, "signalfd");
	loop_add(in, &in->signals, EPOLLIN);
	return 0;
}

static int mount_pseudo(struct err *e)
{
	static const struct {
		const char *type, *at;
	} rows[] = {
		{"devtmpfs", "/dev"},
		{"proc", "/proc"},
		{"sysfs", "/sys"},
		{"bpf", "/sys/fs/bpf"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (mount(rows[i].type, rows[i].at, rows[i].type, MS_NOSUID, NULL) < 0)
			return err_sys(e, "mounting %s", rows[i].at);
	return 0;
}

static int start(struct init *in, struct err *e)
{
	int r;

	in->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (in->epoll < 0)
		return err_sys(e, "epoll");
	r = mount_pseudo(e);
	if (!r)
		r = load_modules(CARRIER_MODULES_EARLY, e);
	if (!r)
		r = watch_signals(in, e);
	if (!r)
		r = console_open(in, e);
	if (!r)
		r = ctl_open(in, e);
	return r ? r : mac_spawn_boot(in, e);
}

/* Milliseconds until the first deadline, rounded up; -1 when there is none. */
static int until_deadline(struct init *in)
{
	int64_t now = clock_ns(), next = exec_deadlines(in, now), t;

	t = mac_deadline(in, now);
	next = t < next ? t : next;
	t = console_deadline(in, now);
	next = t < next ? t : next;
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now) / 1000000 + 1);
}

static void loop(struct init *in)
{
	for (;;) {
		struct epoll_event ev;
		/* One at a time: a handler may drop what the next one is about. */
		int n = epoll_wait(in->epoll, &ev, 1, until_deadline(in));

		if (n == 1) {
			struct watch *w = ev.data.ptr;

			w->ready(in, w->arg);
		}
	}
}

int main(void)
{
	static struct init in = {
		.mac = {
			.sock = {.fd = -1},
			.go = -1,
			.exec_error = -1,
			.pid_ns = -1,
			.mnt_ns = -1,
			.uts_ns = -1,
			.ipc_ns = -1,
		},
		.console = {.pipe = {.fd = -1}, .ring = {.fd = -1}},
	};
	struct err e = ERR_INIT;

	if (start(&in, &e)) {
		note("%s", e.msg);
		/* The kernel panics, QEMU ends, and the host shows this log. */
		return 1;
	}
	loop(&in);
}
