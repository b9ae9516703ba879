/* SPDX-License-Identifier: MIT */
/*
 * The other CPUs: until the kernel starts them, everything runs on CPU 0, the boot core.
 *
 * The VM has the machine's CPUs, and the carrier came up with one of them. cpus_start
 * plugs the others in (/sys/devices/system/cpu/cpuN/online), in the order of their
 * numbers and so cluster by cluster. What a core does when it comes up runs pinned to it.
 *
 * On Apple silicon that is the rule of xnu's cpu_start() (osfmk/arm64/cpu.c): the first
 * core of a cluster that comes up locks the registers that make the kernel's text
 * read-only (CTRR) for all of the cluster, and no other core of it is started before.
 * The boot core does so for its own cluster. The registers here are a page for each
 * cluster, which is write-protected by locking it.
 */
#ifndef COMPONENTS_BOOT_CPUS_H
#define COMPONENTS_BOOT_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/platform/machine.h"

enum cpu_event_kind {
	CPU_STARTS, /* the boot core lets it loose: "cpu_start() cpu: N" */
	CPU_UP,	    /* the first code ran on it */
	CPU_LOCKED, /* it locked its cluster's CTRR */
};

struct cpu_event {
	enum cpu_event_kind kind;
	unsigned cpu, cluster; /* index in the machine's row */
	char type;	       /* of the cluster: 'E', 'P', 0 */
	int64_t ns;	       /* CLOCK_MONOTONIC */
};

/* What CTRR protects: addresses of the Mac's kernel. */
struct ctrr {
	uint64_t lower, upper; /* first and last byte */
	unsigned locked_by;    /* CPU */
};

struct cpus_options {
	const struct machine_model *machine;
	bool lock_ctrr; /* LocalPolicy has no sip2; counts if the chip has CTRR */
	uint64_t text_lower, text_upper;
	/*
	 * Called as things happen, one call at a time, but on the thread of the core that
	 * it is about.
	 */
	void (*event)(void *ctx, const struct cpu_event *ev);
	/* Called on a core before it locks; tests. May be NULL. */
	void (*before_lock)(void *ctx, unsigned cpu);
	void *ctx;
};

struct cpus_report {
	unsigned wanted;  /* of the machine */
	unsigned started; /* running now, the boot core included */
	char why[160];	  /* they are fewer; else "" */
	/* By cluster; written by who locked it, and by nobody any more. NULL: not locked.
	 */
	const struct ctrr *ctrr[MACHINE_CLUSTERS_MAX];
};

/*
 * Start them all. That there are fewer than the machine has is no error but in the
 * report: the VM has fewer, or one did not come up. E_NOMEM; E_INFRA when the carrier
 * cannot be asked at all.
 */
int cpus_start(const struct cpus_options *o, struct cpus_report *ret,
	       struct err *e) MUST_CHECK;

#endif
