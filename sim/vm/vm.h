/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine that runs the carrier, and in it the simulated Mac.
 *
 * One struct vm is one boot: one QEMU process, from power-on to power-off. Nothing here
 * runs in the background: console, events and QEMU's own messages are taken in while one
 * of the waiting functions runs, and each of these has a deadline.
 *
 * Errors: E_TIMEOUT a deadline passed; E_CANCELED the stop descriptor became readable;
 * E_INFRA QEMU or the carrier failed; E_NOSPC the host's disk is full. What the Mac does
 * wrong is never an error here but an answer, an event, or a console line.
 */
#ifndef SIM_VM_VM_H
#define SIM_VM_VM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/carrier/initramfs.h"

struct vm; /* opaque */

#define VM_DISKS_MAX 4

struct vm_disk {
	const char *path;
	const char *format; /* "qcow2" or "raw" */
	bool read_only;
};

/* Strings are borrowed until vm_start returns. Zero means the default everywhere. */
struct vm_config {
	const struct carrier *carrier;
	const char *cache_dir; /* build/cache: accelerator verdict, templates */
	const char *run_dir;   /* exists; console.log, carrier.log, qemu.log go there */
	const char *qemu;      /* NULL: qemu-system-x86_64 from PATH */
	struct vm_disk disks[VM_DISKS_MAX]; /* vda, vdb, ... */
	size_t n_disks;
	unsigned mem_mib;      /* 0: 512 */
	/* Of the Mac, 0: 1. The VM has fewer when the host has too few; see vm_times. */
	unsigned n_cpus;
	const char *accel;     /* "kvm", "tcg"; NULL: what the probe found */
	bool cold;             /* never use a template */
	bool use_stop_fd;      /* stop_fd is valid: give up when it becomes readable */
	int stop_fd;
	int64_t zero_ns;       /* CLOCK_MONOTONIC of console stamp 0; 0: now */

	/* Called from the waiting functions. Any may be NULL. */
	void *arg;
	void (*on_console)(void *arg, double t, const char *line); /* t: seconds */
	void (*on_event)(void *arg, double t, const json_t *event);
	void (*on_note)(void *arg, const char *text); /* what goes on, for people */
};

/*
 * How many of @wanted CPUs this host allows: VM_CPUS_PER_HOST_CPU for each of its own that
 * we may use. As many cost the Mac's programs nothing under TCG on two cores, where a CPU
 * takes 0.1 s to start; with twice as many it is 0.3 s, and programs take half as long
 * again.
 */
#define VM_CPUS_PER_HOST_CPU 5
unsigned vm_cpus_allowed(unsigned wanted);

/* Start QEMU and bring the carrier to the state `ready`, from a template or cold. */
int vm_start(const struct vm_config *cfg, struct vm **ret, struct err *e) MUST_CHECK;

struct vm_boot {
	int64_t time_ns;     /* the Mac's clock, since 1970 */
	double time_factor;  /* waits are multiplied by it */
	const char *machine; /* struct machine_model's name; NULL: intel */
	const char *button;  /* of power: "press", "hold", "double"; NULL: press */
	/* Where boot stops and waits for the power cut: "sep-11"; NULL: nowhere. */
	const char *hold;
	unsigned timeout_ms; /* 0: 120 s */
};

enum vm_down {
	VM_RUNNING = 0,
	VM_RESTART, /* the Mac asked for a restart */
	VM_HALT,    /* ... for power-off or halt */
	VM_PANIC,   /* its kernel, or launchd, died */
	VM_REFUSED, /* boot refused to start it */
	VM_CUT,     /* power was cut: vm_cut_power, or QEMU told to quit */
};

/*
 * Start the Mac. 0 when launchd runs. When boot refused, 0 too, with *refused (never
 * NULL) set to the reason, to be freed; the machine then goes down with VM_REFUSED.
 */
int vm_boot(struct vm *vm, const struct vm_boot *b, char **refused, struct err *e)
	MUST_CHECK;

struct vm_exec {
	const char *const *argv; /* NULL-terminated; argv[0] is an absolute path */
	const char *const *env;  /* NULL-terminated "A=b", or NULL for a login's */
	const void *in;          /* standard input */
	size_t in_len;
	unsigned timeout_ms;     /* 0: 60 s */
	unsigned uid;
};

/* Zero-initialise; release with vm_result_release. */
struct vm_result {
	int status; /* exit status, when signal is 0 */
	int signal; /* that ended it, or 0 */
	bool truncated;
	struct buf out, err;
};
void vm_result_release(struct vm_result *r);

/*
 * Run a program in the Mac, wait for its end. An answer that it could not be executed is
 * E_NOTFOUND with the reason; that it took too long (it was killed) is E_TIMEOUT; that
 * the machine went down meanwhile is E_BUSY.
 */
int vm_exec(struct vm *vm, const struct vm_exec *x, struct vm_result *r, struct err *e)
	MUST_CHECK;

/*
 * One request of the control channel; @req gets its "id" here. *@ret is the reply, to be
 * released. A reply with "ok":false is 0 as well.
 */
int vm_request(struct vm *vm, json_t *req, unsigned timeout_ms, json_t **ret,
	       struct err *e) MUST_CHECK;

/*
 * Take in console and events until @done says so (may be NULL) or the machine has ended:
 * 0 for both; E_TIMEOUT after @timeout_ms.
 */
int vm_wait(struct vm *vm, unsigned timeout_ms, bool (*done)(void *arg), void *arg,
	    struct err *e) MUST_CHECK;

/*
 * Wait for a console line that matches @regex (POSIX extended). Lines that were there
 * before count from number *@from on, which is set to one behind the match. The line is
 * copied to @out (may be NULL).
 */
int vm_wait_console(struct vm *vm, const char *regex, size_t *from, unsigned timeout_ms,
		    struct buf *out, struct err *e) MUST_CHECK;

/* Wait until the machine is down, its last console line taken in and QEMU gone. */
int vm_wait_down(struct vm *vm, unsigned timeout_ms, enum vm_down *how, struct err *e)
	MUST_CHECK;

/* Pull the plug: QEMU is killed, nothing is flushed that the guest had not flushed. */
void vm_cut_power(struct vm *vm);

/* End QEMU if it still runs. Safe at any time, also twice. */
void vm_stop(struct vm *vm);
/* vm_stop and release. NULL is fine. */
void vm_free(struct vm *vm);

bool vm_is_down(const struct vm *vm, enum vm_down *how);
/* Why, when the guest said it: "launchd exited". "" when it did not. */
const char *vm_down_reason(const struct vm *vm);
/* The newest console lines, oldest first, at most @max. Borrowed until the next call. */
size_t vm_last_lines(const struct vm *vm, const char **lines, size_t max);

/* How it was started and how long things took, in seconds. */
struct vm_times {
	bool from_template;
	char accel[8];
	unsigned n_cpus;
	double start;     /* vm_start: until ready */
	double make_template; /* part of start: making one first */
	double boot;      /* vm_boot */
	double shutdown;  /* from the last answer to the event down */
	double power_off; /* from there to the end of QEMU */
	long max_rss_kib; /* of QEMU, when it has ended */
};
const struct vm_times *vm_times(const struct vm *vm);

#endif
