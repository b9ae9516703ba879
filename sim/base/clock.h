/* SPDX-License-Identifier: MIT */
/* The clock that deadlines are kept by: CLOCK_MONOTONIC, which nobody sets. */
#ifndef SIM_BASE_CLOCK_H
#define SIM_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* Now, in nanoseconds. */
static inline int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Now, in milliseconds. */
static inline int64_t clock_ms(void)
{
	return clock_ns() / NS_PER_MS;
}

#endif
