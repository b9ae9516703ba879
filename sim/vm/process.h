/* SPDX-License-Identifier: MIT */
/* QEMU as a child that cannot outlive us. */
#ifndef SIM_VM_PROCESS_H
#define SIM_VM_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "sim/base/err.h"
#include "sim/vm/pump.h"

struct process {
	struct pump_source source; /* a pidfd, readable at the end */
	pid_t pid;                 /* 0: none, or reaped */
	bool ended;
	int status; /* of waitpid(2), when ended */
	long max_rss_kib;
};

/*
 * Start @argv (argv[0] is looked up in PATH) in a process group of its own, so that a
 * Ctrl-C on the terminal is ours to handle, and with SIGKILL to come when this thread
 * dies in whatever way. Standard input is /dev/null, output and error are appended to
 * @log. The @n descriptors of @keep are inherited under the same numbers.
 * E_NOTFOUND when there is no such program.
 */
int process_start(struct process *p, const char *const *argv, const int *keep, size_t n,
		  const char *log, struct err *e) MUST_CHECK;

/* Kill it, if it runs, and wait until it is gone. Twice is fine. */
void process_kill(struct process *p);

/* "exited with status 1", "was killed by signal 9" into @out. */
void process_how(const struct process *p, char *out, size_t size);

#endif
