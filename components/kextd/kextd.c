/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextd/kextd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/kextd/mounts.h"
#include "sim/base/clock.h"

int kextd_poll(struct kextd *k, int fd, struct err *e)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &ev))
		return err_sys(e, "watching a descriptor");
	return 0;
}

/* --- volumes ---------------------------------------------------------------------- */

static bool is_known(const struct kextd *k, const char *root)
{
	for (size_t i = 0; i < k->n_volumes; i++)
		if (!strcmp(k->volume[i]->root, root))
			return true;
	return false;
}

static void take_volume(struct kextd *k, const char *root)
{
	struct kextd_volume *v;
	struct err e = ERR_INIT;

	if (k->n_volumes == KEXTD_VOLUMES_MAX)
		return;
	switch (-kextd_volume_new(root, k->o->installer_pid_file, &v, &e)) {
	case E_OK:
		break;
	case E_NOTFOUND: /* no bootcaches.plist: a volume like most */
		return;
	default:
		clog_say(k->o->log, CLOG_ERROR, "%s", e.msg);
		return;
	}
	if (kextd_poll(k, v->watch.fd, &e)) {
		clog_say(k->o->log, CLOG_ERROR, "%s", e.msg);
		kextd_volume_free(v);
		return;
	}
	k->volume[k->n_volumes++] = v;
}

static void drop_volume(struct kextd *k, size_t i)
{
	struct kextd_volume *v = k->volume[i];

	k->n_volumes--;
	memmove(&k->volume[i], &k->volume[i + 1],
		(k->n_volumes - i) * sizeof(k->volume[0]));
	kextd_volume_gone(k, v);
	kextd_volume_free(v);
}

/* Read the list of volumes again; drop those that went, take those that came. */
static void rescan_volumes(struct kextd *k)
{
	struct mounts m;
	struct err e = ERR_INIT;

	if (mounts_read(&m, k->o->volumes, &e)) {
		/* What cannot be read says nothing of what is mounted. */
		clog_say(k->o->log, CLOG_ERROR, "%s", e.msg);
		mounts_release(&m);
		return;
	}
	for (size_t i = 0; i < k->n_volumes;) {
		if (mounts_has(&m, k->volume[i]->root))
			i++;
		else
			drop_volume(k, i);
	}
	for (size_t i = 0; i < m.n; i++)
		if (mounts_qualifies(&m, i) && !is_known(k, m.at[i].path))
			take_volume(k, m.at[i].path);
	mounts_release(&m);
}

/* Take notice of everything that changed on disk until now. */
static void look(struct kextd *k)
{
	if (watch_drain(&k->mounts))
		rescan_volumes(k);
	for (size_t i = 0; i < k->n_volumes; i++)
		if (watch_drain(&k->volume[i]->watch))
			kextd_schedule(k, k->volume[i]);
}

/* --- the loop --------------------------------------------------------------------- */

static int open_signals(struct kextd *k, struct err *e)
{
	static const int which[] = {SIGCHLD, SIGHUP, SIGTERM};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		sigaddset(&set, which[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return err_sys(e, "blocking signals");
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signals < 0)
		return err_sys(e, "signalfd");
	return kextd_poll(k, k->signals, e);
}

static int open_mounts(struct kextd *k, struct err *e)
{
	int r = watch_open(&k->mounts, e);

	if (!r)
		r = watch_add(&k->mounts, k->o->volumes, e);
	return r ? r : kextd_poll(k, k->mounts.fd, e);
}

static int open_all(struct kextd *k, struct err *e)
{
	int r;

	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0)
		return err_sys(e, "epoll");
	r = open_signals(k, e);
	if (r)
		return r;
	k->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (k->timer < 0)
		return err_sys(e, "timerfd");
	r = kextd_poll(k, k->timer, e);
	if (!r)
		r = open_mounts(k, e);
	if (r)
		return r;
	k->listener = k->o->listener;
	if (fcntl(k->listener, F_SETFD, FD_CLOEXEC))
		return err_sys(e, "the port of the service, which launchd gives");
	return kextd_poll(k, k->listener, e);
}

static void close_all(struct kextd *k)
{
	int *const fds[] = {&k->listener, &k->timer, &k->signals, &k->epoll};

	for (size_t i = 0; i < KEXTD_PEERS_MAX; i++)
		if (k->peer[i].fd >= 0)
			close(k->peer[i].fd);
	for (size_t i = 0; i < k->n_volumes; i++)
		kextd_volume_free(k->volume[i]);
	watch_close(&k->mounts);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
}

static struct kextd_peer *find_peer(struct kextd *k, int fd)
{
	for (size_t i = 0; i < KEXTD_PEERS_MAX; i++)
		if (k->peer[i].fd == fd)
			return &k->peer[i];
	return NULL;
}

static void accept_peer(struct kextd *k)
{
	struct kextd_peer *c = find_peer(k, -1);
	struct err e = ERR_INIT;
	int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!c || kextd_poll(k, fd, &e)) {
		close(fd);
		return;
	}
	*c = (struct kextd_peer){
	    .fd = fd,
	    .pid = packet_peer_pid(fd),
	    .uid = packet_peer_uid(fd),
	};
}

/* False when it is time to end. */
static bool take_signals(struct kextd *k)
{
	struct signalfd_siginfo si;

	while (read(k->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGTERM)
			return false;
		if (si.ssi_signo == SIGHUP) {
			clog_say(k->o->log, CLOG_BASIC, "Rescanning kernel extensions.");
			rescan_volumes(k);
		}
	}
	kextd_reap(k);
	return true;
}

static void set_timer(struct kextd *k, int64_t next)
{
	struct itimerspec its = {
	    .it_value = {.tv_sec = next / NS_PER_S, .tv_nsec = next % NS_PER_S},
	};

	timerfd_settime(k->timer, TFD_TIMER_ABSTIME, &its, NULL);
}

/* False when it is time to end. */
static bool take_event(struct kextd *k, int fd)
{
	struct kextd_peer *c = find_peer(k, fd);

	if (c)
		kextd_serve(k, c);
	else if (fd == k->signals)
		return take_signals(k);
	else if (fd == k->listener)
		accept_peer(k);
	return true;
}

/*
 * What changed on disk is looked at before requests are served, so that nobody is
 * told that all is well who has just changed something. Those who wait are looked at
 * when all events have been taken, and nowhere else, so that no grant interrupts another.
 * The timer is set anew in each round, which also makes it unreadable again.
 */
static int serve(struct kextd *k, struct err *e)
{
	struct epoll_event ev[32];

	for (;;) {
		int n;

		set_timer(k, kextd_run_due(k));
		n = epoll_wait(k->epoll, ev, sizeof(ev) / sizeof(ev[0]), -1);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "epoll");
		look(k);
		for (int i = 0; i < n; i++)
			if (!take_event(k, ev[i].data.fd))
				return 0;
		kextd_retry_waiters(k);
	}
}

int kextd_run(const struct kextd_options *o, struct err *e)
{
	struct kextd k = {
	    .o = o,
	    .mounts = WATCH_INIT,
	    .epoll = -1,
	    .signals = -1,
	    .timer = -1,
	    .listener = -1,
	};
	int r;

	for (size_t i = 0; i < KEXTD_PEERS_MAX; i++)
		k.peer[i].fd = -1;
	k.ready_at_ns =
	    clock_ns() + waits_ns(&o->waits, WAIT_KEXTD_AUTO_UPDATE_DELAY);
	r = open_all(&k, e);
	if (!r) {
		clog_say(o->log, CLOG_BASIC, "Loading latest KextExcludeList.");
		clog_say(o->log, CLOG_BASIC, "Reading extensions.");
		rescan_volumes(&k);
		r = serve(&k, e);
	}
	close_all(&k);
	return r;
}
