/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/launchd/launchd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/launchd/bootstrap.h"
#include "sim/base/clock.h"

struct launchd {
	struct launchd_log log;
	struct supervisor supervisor;
	struct bootstrap bootstrap;
	int epoll, signals, timer, listener; /* -1: closed */
};

static int watch(struct launchd *l, int fd, struct err *e)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev))
		return err_sys(e, "watching a descriptor");
	return 0;
}

/* SIGCHLD comes through a descriptor; the other signals are not for PID 1. */
static int open_signals(struct launchd *l, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return err_sys(e, "blocking signals");
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signals < 0)
		return err_sys(e, "signalfd");
	return watch(l, l->signals, e);
}

static int open_all(struct launchd *l, const char *socket_path, struct err *e)
{
	int r;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return err_sys(e, "epoll");
	r = open_signals(l, e);
	if (r)
		return r;
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->timer < 0)
		return err_sys(e, "timerfd");
	r = watch(l, l->timer, e);
	if (r)
		return r;
	r = packet_listen(socket_path, &l->listener, e);
	return r ? r : watch(l, l->listener, e);
}

static void close_all(struct launchd *l)
{
	int *const fds[] = {&l->listener, &l->timer, &l->signals, &l->epoll};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static void accept_client(struct launchd *l)
{
	struct err e = ERR_INIT;
	int fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && watch(l, fd, &e))
		close(fd);
}

/* One request and its reply. A client that is gone, or talks nonsense, is closed. */
static void serve_client(struct launchd *l, int fd)
{
	json_t *request = NULL, *reply = NULL;
	struct err e = ERR_INIT;
	int r;

	r = packet_recv(fd, 0, &request, &e);
	if (!r) {
		reply = bootstrap_handle(&l->bootstrap, request, packet_peer_uid(fd));
		r = reply ? packet_send(fd, reply, &e) : err_set(&e, E_NOMEM, "reply");
	}
	if (r)
		close(fd);
	json_decref(request);
	json_decref(reply);
}

static void reap(struct launchd *l)
{
	struct signalfd_siginfo si;

	while (read(l->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		continue;
	supervisor_reap(&l->supervisor);
}

/* Start what is due and set the timer to the next that will be. */
static void run_due(struct launchd *l)
{
	int64_t next = supervisor_run_due(&l->supervisor);
	struct itimerspec its = {
		.it_value = {.tv_sec = next / NS_PER_S, .tv_nsec = next % NS_PER_S},
	};

	timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &its, NULL);
}

static void expire(struct launchd *l)
{
	uint64_t n;

	/* Nothing to read means that the timer was set anew meanwhile. */
	if (read(l->timer, &n, sizeof(n)) < 0)
		return;
}

static int serve(struct launchd *l, struct err *e)
{
	struct epoll_event ev[16];

	while (!l->bootstrap.shutdown) {
		int n;

		run_due(l);
		launchd_log_drain(&l->log);
		n = epoll_wait(l->epoll, ev, sizeof(ev) / sizeof(ev[0]), -1);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "epoll");
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;

			if (fd == l->signals)
				reap(l);
			else if (fd == l->timer)
				expire(l);
			else if (fd == l->listener)
				accept_client(l);
			else
				serve_client(l, fd);
		}
	}
	return 0;
}

static int bring_down(struct launchd *l, const struct launchd_options *o, struct err *e)
{
	struct teardown t = {
		.system = &o->system,
		.supervisor = &l->supervisor,
		.limits = teardown_default_limits(&o->waits),
		.how = l->bootstrap.how,
	};

	return teardown_run(&t, e);
}

/* From the first job to the last process. */
static int session(struct launchd *l, const struct launchd_options *o, struct err *e)
{
	int r;

	supervisor_init(&l->supervisor, &l->log, o->waits, o->port_dir);
	l->bootstrap.shutdown = false;
	for (const char *const *d = o->job_dirs; *d; d++)
		supervisor_load_dir(&l->supervisor, *d);
	supervisor_start_all(&l->supervisor);
	r = serve(l, e);
	if (!r)
		r = bring_down(l, o, e);
	supervisor_release(&l->supervisor);
	return r;
}

int launchd_run(const struct launchd_options *o, struct err *e)
{
	struct launchd l = {.epoll = -1, .signals = -1, .timer = -1, .listener = -1};
	int r;

	launchd_log_init(&l.log, o->console);
	l.bootstrap.supervisor = &l.supervisor;
	r = open_all(&l, o->socket, e);
	if (!r) {
		do
			r = session(&l, o, e);
		while (!r && l.bootstrap.how == TEARDOWN_USERSPACE);
	}
	close_all(&l);
	launchd_log_release(&l.log);
	return r;
}
