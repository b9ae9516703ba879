/* SPDX-License-Identifier: MIT */
/* The jobs of the system domain: started, reaped, started again, stopped. */
#ifndef COMPONENTS_LAUNCHD_SUPERVISOR_H
#define COMPONENTS_LAUNCHD_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "components/launchd/job.h"
#include "components/launchd/log.h"
#include "sim/base/err.h"
#include "sim/platform/waits.h"

#define SUPERVISOR_JOBS_MAX 512

struct supervisor {
	struct launchd_log *log; /* borrowed */
	struct waits waits;
	const char *port_dir; /* where services' ports are made: XNU_DIR; borrowed */
	struct job *job[SUPERVISOR_JOBS_MAX]; /* owned */
	size_t n_jobs;
};

void supervisor_init(struct supervisor *s, struct launchd_log *log, struct waits waits,
		     const char *port_dir);
/* Forgets the jobs; processes that run are left alone. */
void supervisor_release(struct supervisor *s);

/*
 * Load every *.plist of @dir, in order of their names. A file that is bad is logged and
 * left out; a folder that is not there holds none.
 */
void supervisor_load_dir(struct supervisor *s, const char *dir);
/* Load one file. E_EXISTS when its label is known; else as job_load. */
int supervisor_load(struct supervisor *s, const char *path, struct job **ret,
		    struct err *e) MUST_CHECK;
/* Start those that are to run at load. */
void supervisor_start_all(struct supervisor *s);

/* NULL when there is none. */
struct job *supervisor_find(struct supervisor *s, const char *label);
/* Start @j now; nothing when it runs. E_IO etc. when it could not be executed. */
int supervisor_start(struct supervisor *s, struct job *j, struct err *e) MUST_CHECK;
/* Ask @j to end, and forget it when it did. */
void supervisor_remove(struct supervisor *s, struct job *j);

/*
 * The child @pid, a job or not, ended with @status. With @restart a job that is to be
 * kept alive is scheduled, not sooner than its throttle allows.
 */
void supervisor_child_ended(struct supervisor *s, pid_t pid, int status, bool restart);
/* Reap every child that has ended, with restart. */
void supervisor_reap(struct supervisor *s);
/* Start what is due. Returns the time (CLOCK_MONOTONIC ns) of the next start, 0: none. */
int64_t supervisor_run_due(struct supervisor *s);

#endif
