/* SPDX-License-Identifier: MIT */
/* Waiting on several descriptors at once, with a deadline and a way to be stopped. */
#ifndef SIM_VM_PUMP_H
#define SIM_VM_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/clock.h"
#include "sim/base/err.h"

#define PUMP_MAX 8

struct pump_source {
	int fd;       /* -1: nothing to wait for now */
	short events; /* of poll(2) */
	/* May change fd and events of any source. */
	void (*ready)(void *arg, short revents);
	void *arg;
};

struct pump {
	struct pump_source *sources[PUMP_MAX]; /* borrowed */
	size_t n;
	int stop_fd; /* readable: give up; -1: none */
};

/* The time @ms from now, by clock_ns. */
static inline int64_t pump_after_ms(unsigned ms)
{
	return clock_ns() + ms * NS_PER_MS;
}

/*
 * Serve the sources until @done(@arg) is true (asked first, and after each round), or
 * @deadline has passed: E_TIMEOUT, or stop_fd is readable: E_CANCELED. A NULL @done is
 * never true. Messages say nothing of what was waited for: add it with err_ctx.
 */
int pump_until(struct pump *p, int64_t deadline, bool (*done)(void *arg), void *arg,
	       struct err *e) MUST_CHECK;

#endif
