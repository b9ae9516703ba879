/* SPDX-License-Identifier: MIT */
#include "sim/vm/pump.h"

#include <errno.h>
#include <poll.h>

/* Milliseconds for poll(2), rounded up so that it does not spin before the deadline. */
static int poll_ms(int64_t deadline)
{
	int64_t left = deadline - clock_ns();

	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left > 3600000 ? 3600000 : (int)left;
}

static int round_of(struct pump *p, int64_t deadline, struct err *e)
{
	struct pollfd fds[PUMP_MAX + 1];
	int n;

	for (size_t i = 0; i < p->n; i++)
		fds[i] = (struct pollfd){
			.fd = p->sources[i]->fd,
			.events = p->sources[i]->events,
		};
	fds[p->n] = (struct pollfd){.fd = p->stop_fd, .events = POLLIN};
	n = poll(fds, p->n + 1, poll_ms(deadline));
	if (n < 0)
		return errno == EINTR ? 0 : err_sys(e, "poll");
	if (fds[p->n].revents)
		return err_set(e, E_CANCELED, "stopped");
	for (size_t i = 0; i < p->n; i++)
		/* An earlier handler may have closed this one. */
		if (fds[i].revents && p->sources[i]->fd == fds[i].fd)
			p->sources[i]->ready(p->sources[i]->arg, fds[i].revents);
	return 0;
}

int pump_until(struct pump *p, int64_t deadline, bool (*done)(void *arg), void *arg,
	       struct err *e)
{
	bool last = false;
	int r;

	for (;;) {
		if (done && done(arg))
			return 0;
		if (last)
			return err_set(e, E_TIMEOUT, "timed out");
		/* One more look at the descriptors after the deadline. */
		last = clock_ns() >= deadline;
		r = round_of(p, deadline, e);
		if (r)
			return r;
	}
}
