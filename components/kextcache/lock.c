/* SPDX-License-Identifier: MIT */
#include "components/kextcache/lock.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "components/kextcache/mount_point.h"

static void pause_ns(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* Ask until kextd is set up and the volume is free. */
static int ask(struct kc_lock *l, const struct kc_world *w, int *verdict, struct err *e)
{
	int r = kextd_lock_volume(&l->client, l->volume, false, verdict, e);

	while (!r && *verdict == EAGAIN) {
		clog_say(w->log, CLOG_WARNING,
			 "kextd wasn't ready; waiting 10 seconds and trying again.");
		pause_ns(waits_ns(&w->waits, WAIT_KEXTCACHE_LOCK_RETRY));
		r = kextd_lock_volume(&l->client, l->volume, false, verdict, e);
	}
	while (!r && *verdict == EBUSY) {
		clog_say(w->log, CLOG_WARNING, "%s locked; waiting for lock.", l->volume);
		r = kextd_lock_volume(&l->client, l->volume, true, verdict, e);
		if (!r && !*verdict)
			clog_say(w->log, CLOG_WARNING, "Lock acquired; proceeding.");
	}
	return r;
}

static int judge(struct kc_lock *l, struct kc_world *w, const char *path, int verdict)
{
	if (verdict == 0) {
		l->held = true;
		w->locks_held = true;
		return 0;
	}
	kextd_disconnect(&l->client);
	if (verdict == ENOENT) {
		clog_say(w->log, CLOG_PROGRESS,
			 "Note: kextd not watching %s; proceeding w/o lock", l->volume);
		return 0;
	}
	clog_say(w->log, CLOG_WARNING, "Couldn't lock %s: %s", path, strerror(verdict));
	return verdict;
}

static int unavailable(struct kc_lock *l, const struct kc_world *w)
{
	kextd_disconnect(&l->client);
	clog_say(w->log, CLOG_WARNING,
		 "Warning: kextd unavailable; proceeding w/o lock for %s",
		 l->volume[0] ? l->volume : "<unknown>");
	return 0;
}

int kc_lock_take(struct kc_lock *l, struct kc_world *w, const char *path)
{
	struct err e = ERR_INIT;
	int verdict = 0;

	if (w->locks_held)
		return 0;
	if (geteuid() != 0) {
		clog_say(w->log, CLOG_WARNING,
			 "Warning: non-root can't lock the volume for %s", path);
		return 0;
	}
	if (kextd_connect(&l->client, w->kextd_socket, &e))
		return unavailable(l, w);
	if (mount_point_of_path(path, l->volume, sizeof(l->volume), &e)) {
		kextd_disconnect(&l->client);
		clog_say(w->log, CLOG_WARNING, "Couldn't lock %s: %s", path, e.msg);
		return e.sys_errno ? e.sys_errno : EIO;
	}
	if (ask(l, w, &verdict, &e))
		return unavailable(l, w);
	return judge(l, w, path, verdict);
}

void kc_lock_put(struct kc_lock *l, struct kc_world *w, int status)
{
	struct err e = ERR_INIT;
	int verdict = 0;

	if (!l->held)
		return;
	if (kextd_unlock_volume(&l->client, l->volume, status, &verdict, &e))
		clog_say(w->log, CLOG_WARNING, "Couldn't unlock volume for %s: %s (%d).",
			 l->volume, e.msg, verdict);
	kextd_disconnect(&l->client);
	l->held = false;
	w->locks_held = false;
}
