/* SPDX-License-Identifier: MIT */
/*
 * QEMU: its version, the machine we ask it for, and one running instance with its
 * channels. struct vm (vm.h) puts the carrier's meaning on top.
 */
#ifndef SIM_VM_QEMU_H
#define SIM_VM_QEMU_H

#include <limits.h>

#include "sim/vm/process.h"
#include "sim/vm/recorder.h"
#include "sim/vm/rpc.h"
#include "sim/vm/vm.h"

#define QEMU_PROGRAM    "qemu-system-x86_64"
#define QEMU_MEM_MIB    512
#define QEMU_VERSION_MAX 256
#define QEMU_IDENTITY_MAX 4352

/* What the machine consists of; two equal ones have interchangeable states. */
struct qemu_machine {
	const char *program;
	const char *accel; /* "kvm" or "tcg" */
	const char *kernel, *initramfs;
	unsigned mem_mib;
	unsigned n_cpus; /* 0: 1; the carrier starts with the first of them */
	struct vm_disk disks[VM_DISKS_MAX]; /* path NULL: an empty one, for templates */
	size_t n_disks;
	int incoming; /* descriptor with the state to start from; -1: power on */
};

/* Descriptors of QEMU's ends of the channels. */
enum qemu_channel { QEMU_CONSOLE, QEMU_LOG, QEMU_CONTROL, QEMU_QMP, QEMU_CHANNELS };

/*
 * The command line, NULL-terminated, in memory to be freed with qemu_args_free. @fds:
 * the numbers under which QEMU finds the channels.
 */
int qemu_args(const struct qemu_machine *m, const int fds[QEMU_CHANNELS], char ***ret,
	      struct err *e) MUST_CHECK;
void qemu_args_free(char **args);

/*
 * First line of `qemu --version` into @out. E_NOTFOUND when there is no QEMU, E_INFRA
 * when it does not run.
 */
int qemu_version(const char *program, char out[static QEMU_VERSION_MAX], struct err *e)
	MUST_CHECK;

/*
 * The program's path, size and time of change into @out: tells versions apart in a key
 * of a cache without starting it. E_NOTFOUND when there is no QEMU.
 */
int qemu_identity(const char *program, char out[static QEMU_IDENTITY_MAX], struct err *e)
	MUST_CHECK;

/* Where files of one instance go; any may be NULL except @messages. */
struct qemu_logs {
	const char *console, *carrier, *messages;
};

struct qemu {
	struct process process;
	struct recorder console, log;
	struct rpc control, qmp;
	struct pump pump;
	struct err fault; /* QEMU said that the host's disk failed */
	char messages[PATH_MAX]; /* file of what it says */
};

/*
 * Start an instance. @q must not move until it is released, and is to be released in any
 * case. Set on_line and on_event of the channels after this and before the first pump.
 */
int qemu_start(struct qemu *q, const struct qemu_machine *m, const struct qemu_logs *l,
	       int64_t zero_ns, int stop_fd, struct err *e) MUST_CHECK;
void qemu_release(struct qemu *q);

/*
 * How often a machine is started whose clock comes out wrong. TCG's time stamp counter is
 * the host's, and on a busy host the carrier's kernel may measure how fast it counts
 * wrongly, by a factor of ten and more; it trusts it nevertheless, also when it is
 * restored from a template.
 */
#define QEMU_CLOCK_TRIES 3

/* Did a carrier that has been up for @up_ns by its own clock, and for @host_ns at most by
 * the host's, measure that clock wrongly? E_CORRUPT. */
int qemu_check_clock(int64_t up_ns, int64_t host_ns, struct err *e) MUST_CHECK;

/*
 * Wait until the carrier says `ready` on the control channel, right after its start.
 * E_CORRUPT: its clock is wrong.
 */
int qemu_wait_ready(struct qemu *q, int64_t deadline, struct err *e) MUST_CHECK;

/* Wait until a restored carrier answers; its `ready` was said before it was saved. */
int qemu_wait_answer(struct qemu *q, int64_t deadline, struct err *e) MUST_CHECK;

/*
 * Say why the carrier ended without a word: QEMU's exit status, its last message, the
 * last line of the carrier's log. Returns -E_INFRA.
 */
int qemu_explain_end(struct qemu *q, struct err *e);

/* Kill it, then take in what is left in the channels. */
void qemu_kill(struct qemu *q);

/* Serve the channels until @done, the deadline, or a fault of QEMU's. */
int qemu_pump(struct qemu *q, int64_t deadline, bool (*done)(void *), void *arg,
	      struct err *e) MUST_CHECK;

/*
 * A QMP command; @args may be NULL, is released. @send_fd goes with it, -1: none. *@ret
 * may be NULL. E_INFRA with QEMU's words when it refuses.
 */
int qemu_command(struct qemu *q, const char *name, json_t *args, int send_fd,
		 unsigned timeout_ms, json_t **ret, struct err *e) MUST_CHECK;

/* Write the state of the running, idle machine to @fd. It is stopped then. */
int qemu_save(struct qemu *q, int fd, unsigned timeout_ms, struct err *e) MUST_CHECK;

#endif
