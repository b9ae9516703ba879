/* SPDX-License-Identifier: MIT */
/*
 * The end of a session of macOS: daemons are stopped, everything else is killed, the
 * three shutdown hooks of /private/var/install run, and the machine goes down.
 *
 * launchd is closed; the order, the hooks and the texts are those of a log of 10.15.0,
 * the limits of time are assumed. No step can hold up the shutdown for ever, and none
 * that fails keeps those after it from being tried.
 */
#ifndef COMPONENTS_LAUNCHD_TEARDOWN_H
#define COMPONENTS_LAUNCHD_TEARDOWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "components/launchd/supervisor.h"
#include "sim/base/err.h"

enum teardown_how {
	TEARDOWN_RESTART,
	TEARDOWN_HALT,
	TEARDOWN_POWER_OFF,
	TEARDOWN_USERSPACE, /* the kernel stays, all processes begin anew */
};

/* What a teardown does to the system. Functions return 0 or -1 with errno. */
struct teardown_system {
	/* Signal every process but this one; ESRCH when there is none. 0 only asks. */
	int (*kill_all)(void *arg, int sig);
	int (*remount_root)(void *arg, bool writable);
	bool (*root_is_writable)(void *arg);
	/* Returns only when it failed. */
	int (*power)(void *arg, enum teardown_how how);
	void *arg;
	const char *kernel_socket; /* XNU_KERNEL_SOCKET */
	const char *shell;	   /* "/bin/bash" */
	const char *install_dir;   /* PATH_INSTALL_DIR */
};

/* Limits of time, in nanoseconds. */
struct teardown_limits {
	int64_t least; /* a scaled wait is not shorter than this: work takes its time */
	int64_t term;  /* SIGTERM to SIGKILL for processes that are no jobs */
	int64_t kill;  /* SIGKILL to giving up */
	int64_t hook;  /* one hook's run */
};

struct teardown {
	const struct teardown_system *system; /* borrowed */
	struct supervisor *supervisor;	      /* borrowed */
	struct teardown_limits limits;
	enum teardown_how how;

	int64_t started_ns;
	pid_t hook_pid;	    /* 0: none is running */
	int hook_status;    /* as waitpid has it */
	bool made_writable; /* the system volume was read-only before */
};

/* The Mac's limits, scaled where the time is a wait and not work. */
struct teardown_limits teardown_default_limits(const struct waits *w);

/*
 * Run all steps. SIGCHLD must be blocked in this thread. On a Mac it does not return but
 * for TEARDOWN_USERSPACE, after which jobs can be started again; E_IO when the machine
 * could not be brought down.
 */
int teardown_run(struct teardown *t, struct err *e) MUST_CHECK;

/* For hooks.c: start @rq and wait for its end at most limits.hook. Drains the log
 * before. E_TIMEOUT when it had to be killed. */
struct spawn_request;
int teardown_run_child(struct teardown *t, const struct spawn_request *rq,
		       struct err *e) MUST_CHECK;

#endif
