/* SPDX-License-Identifier: MIT */
/*
 * The unified log of the running Mac, from the kernel's side: every record of kernel and
 * programs gets its place in one order and a time of day here.
 *
 * The printed stamp is seconds since power-on by the Mac's own calendar clock. That clock
 * is ahead when the kernel starts, and set back once when userspace begins, so that
 * stamps can run backwards while the sequence number never does
 * (`=== system wallclock time adjusted`, secure boot of an M1 told by its log).
 *
 * Records wait in memory until klog_flush, as those of a kernel do before logd runs: the
 * time between two of them is that of the work between them, not that of a channel.
 */
#ifndef COMPONENTS_BOOT_KLOG_H
#define COMPONENTS_BOOT_KLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

#define KLOG_PENDING_MAX 512 /* records; more are flushed on the way */
#define KLOG_STAMP_MAX	 32  /* characters of a stamp, with the NUL */

struct klog_record {
	uint64_t seq;		    /* from 1, without gaps */
	int64_t mono_ns;	    /* CLOCK_MONOTONIC: when it happened */
	char stamp[KLOG_STAMP_MAX]; /* "14.827815" */
	const char *process;	    /* "kernel"; "" for the log's own marks */
	const char *sender;	    /* kext or library; "" for the process itself */
	const char *message; /* one or several lines, without a newline at the end */
};

struct klog {
	int64_t power_on_ns; /* CLOCK_MONOTONIC */
	int64_t ahead_ns;    /* of the calendar clock, until klog_clock_adjusted */
	void (*sink)(void *arg, const struct klog_record *r);
	void *arg;

	uint64_t last_seq;
	struct buf text; /* process, sender, message of each pending record, with NULs */
	struct {
		int64_t mono_ns, stamp_us;
		size_t process, sender, message; /* offsets into text */
	} pending[KLOG_PENDING_MAX];
	size_t n_pending;
};

/* Records go to @sink, in order, when they are flushed. */
void klog_init(struct klog *k, int64_t power_on_ns, int64_t ahead_ns,
	       void (*sink)(void *arg, const struct klog_record *r), void *arg);
/* Pending records are lost; flush before. */
void klog_release(struct klog *k);

/* A mark of the log itself, which nobody speaks. */
void klog_mark(struct klog *k, const char *form, ...) PRINTF_LIKE(2, 3);
/* The kernel speaks now; @kext is "" or the kext that does. */
void klog(struct klog *k, const char *kext, const char *form, ...) PRINTF_LIKE(3, 4);

/*
 * A record of a program, which happened at @mono_ns; times of the future become now. Out
 * of memory the record is lost, here as in klog.
 */
void klog_from(struct klog *k, const char *process, const char *sender,
	       const char *message, int64_t mono_ns);

/* The calendar clock is set right; says so in the log when it was wrong. */
void klog_clock_adjusted(struct klog *k);

void klog_flush(struct klog *k);

/*
 * The line that the console shows, with a newline: stamp, who speaks (the sender, else
 * the process; nobody when that is the kernel itself), message. Control characters other
 * than newline and tab are shown as '?'.
 */
int klog_line(const struct klog_record *r, struct buf *out, struct err *e) MUST_CHECK;

#endif
