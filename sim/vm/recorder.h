/* SPDX-License-Identifier: MIT */
/*
 * The recorder of a serial port: cuts what comes into lines, stamps each with the host's
 * time, appends it to a file at once (so that no crash of ours loses it), and keeps the
 * newest in memory.
 */
#ifndef SIM_VM_RECORDER_H
#define SIM_VM_RECORDER_H

#include "sim/base/buf.h"
#include "sim/vm/pump.h"

#define RECORDER_LINES    4096 /* kept in memory */
#define RECORDER_LINE_MAX 8192 /* a longer line is cut into several */

struct recorder {
	struct pump_source source; /* fd is -1 after the end of the stream */
	int64_t zero_ns;           /* CLOCK_MONOTONIC of stamp 0 */
	void (*on_line)(void *arg, double t, const char *line); /* may be NULL */
	void *arg;

	int file; /* -1: none */
	struct buf partial;
	int64_t partial_ns; /* when its first byte came */
	char *ring[RECORDER_LINES];
	size_t n;        /* lines that ever came; line i is ring[i % RECORDER_LINES] */
	struct err lost; /* the file could not be written */
};

/*
 * Record what comes from @fd (taken over), appending to @path, NULL for no file.
 * Release in any case.
 */
int recorder_init(struct recorder *r, int fd, const char *path, int64_t zero_ns,
		  struct err *e) MUST_CHECK;
/* A last line without its newline is recorded too. */
void recorder_release(struct recorder *r);

/* Line number @i, NULL when it is not kept any more, or not there yet. */
const char *recorder_line(const struct recorder *r, size_t i);

#endif
