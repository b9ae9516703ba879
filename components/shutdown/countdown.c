/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/shutdown/countdown.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/clock.h"
#include "sim/base/fsio.h"

#define MINUTE	    60
#define HOUR	    (60 * MINUTE)
#define NO_LOGIN_AT (5 * MINUTE)

/* A warning is due at so many seconds before the time; then wait so long. */
static const struct step {
	int left, wait;
} steps[] = {
    {10 * HOUR, 5 * HOUR},
    {5 * HOUR, 3 * HOUR},
    {2 * HOUR, 1 * HOUR},
    {1 * HOUR, 30 * MINUTE},
    {30 * MINUTE, 10 * MINUTE},
    {20 * MINUTE, 10 * MINUTE},
    {10 * MINUTE, 5 * MINUTE},
    {5 * MINUTE, 3 * MINUTE},
    {2 * MINUTE, 1 * MINUTE},
    {1 * MINUTE, 30},
    {30, 30},
    {0, 0},
};

static void wait_seconds(const struct waits *w, int64_t seconds)
{
	int64_t ns = waits_scale_ns(w, (double)seconds);
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	ns += end.tv_nsec;
	end.tv_sec += ns / NS_PER_S;
	end.tv_nsec = ns % NS_PER_S;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		continue;
}

static void clock_text(time_t t, char out[6])
{
	struct tm tm;

	out[0] = '\0';
	if (localtime_r(&t, &tm))
		strftime(out, 6, "%H:%M", &tm);
}

/* A Mac sends it through wall(1) to all terminals; here the only user is who asked. */
static void warn_users(const struct shutdown_world *w, const struct shutdown_options *o,
		       int64_t left)
{
	char when[64], at[6];

	clock_text(o->at, at);
	if (left > 10 * MINUTE)
		snprintf(when, sizeof(when), "at %s", at);
	else if (left >= MINUTE)
		snprintf(when, sizeof(when), "in %d minute%s", (int)(left / MINUTE),
			 left > MINUTE ? "s" : "");
	else
		snprintf(when, sizeof(when), "%s",
			 left ? "in 30 seconds" : "IMMEDIATELY");
	clog_say(
	    w->log, CLOG_EXPLICIT,
	    "\a*** %sSystem shutdown message from %s@%s ***\a\nSystem going down %s\n"
	    "%s%.*s",
	    left ? "" : "FINAL ", w->user, w->host, when, o->message[0] ? "\n" : "",
	    (int)strcspn(o->message, "\n"), o->message);
}

/* Where it cannot be written, users can still log in. */
static void forbid_logins(const struct shutdown_world *w,
			  const struct shutdown_options *o)
{
	struct err e = ERR_INIT;
	char text[SHUTDOWN_MESSAGE_MAX + 64], at[6];
	int fd;

	clock_text(o->at, at);
	snprintf(text, sizeof(text), "\n\nNO LOGINS: System going down at %s\n\n%s", at,
		 o->message);
	unlink(w->nologin); /* it may be a link to another file */
	fd = open(w->nologin, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0664);
	if (fd < 0)
		return;
	if (fsio_write_all(fd, text, strlen(text), w->nologin, &e))
		clog_say(w->system_log, CLOG_WARNING, "%s", e.msg);
	close(fd);
}

/* The first step that lies ahead, having waited for it. */
static const struct step *approach(const struct shutdown_world *w,
				   const struct shutdown_options *o)
{
	const struct step *s = steps;
	int64_t rest;

	while (s->left && o->offset < s->left)
		s++;
	rest = o->offset - s->left;
	/* Warn at once if the next warning is far. */
	if (s != steps && rest > s->wait / 5)
		warn_users(w, o, o->offset);
	wait_seconds(&w->waits, rest);
	return s;
}

void countdown_run(const struct shutdown_world *w, const struct shutdown_options *o)
{
	bool forbidden = o->offset <= NO_LOGIN_AT;
	const struct step *s;

	if (forbidden)
		forbid_logins(w, o);
	for (s = approach(w, o);; s++) {
		warn_users(w, o, s->left);
		if (!forbidden && s->left <= NO_LOGIN_AT) {
			forbid_logins(w, o);
			forbidden = true;
		}
		if (!s->left)
			break;
		wait_seconds(&w->waits, s->wait);
	}
}
