/* SPDX-License-Identifier: MIT */
/* A job: what a LaunchDaemons property list says (launchd.plist(5)), and its process. */
#ifndef COMPONENTS_LAUNCHD_JOB_H
#define COMPONENTS_LAUNCHD_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/base/err.h"

/* One condition of a KeepAlive dictionary. */
enum job_condition { CONDITION_NONE, CONDITION_FALSE, CONDITION_TRUE };

enum job_keep_alive {
	KEEP_ALIVE_NEVER,
	KEEP_ALIVE_ALWAYS,
	KEEP_ALIVE_CONDITIONS, /* restart when any condition holds */
};

struct job {
	char *label;
	char *program; /* the executable: Program, else the first argument */
	char **argv;   /* NULL at the end */
	char **env; /* "NAME=value", NULL at the end; what is added to the standard ones
		     */
	char *out_path, *err_path; /* NULL: nowhere */
	char *mach_service;	   /* the one it offers; NULL: none */
	bool run_at_load;
	enum job_keep_alive keep_alive;
	enum job_condition crashed, successful_exit;
	double exit_timeout_s; /* SIGTERM to SIGKILL; not scaled */
	double throttle_s;     /* start to next start; not scaled */

	int port;	     /* of mach_service, while the job is loaded; 0: none */
	pid_t pid;	     /* 0: not running */
	int last_status;     /* as waitpid has it */
	int64_t started_ns;  /* CLOCK_MONOTONIC; of the last start, 0 if none */
	int64_t start_at_ns; /* when it is to be started again; 0: not scheduled */
	bool leaving;	     /* taken off: forget it when its process ended */
};

#define JOB_PLIST_MAX (1u << 20) /* bytes */
#define JOB_ARGS_MAX  256
#define JOB_ENV_MAX   256

/*
 * Read a property list; *@ret is owned by the caller (job_free). Unknown keys are
 * ignored, as launchd does. E_CORRUPT for one without a label or a program, or with a
 * value of the wrong type; E_PERM when others than launchd's user could have written
 * it: "Path had bad ownership/permissions".
 */
int job_load(const char *path, struct job **ret, struct err *e) MUST_CHECK;
/* The same from memory; @what names the bytes. */
int job_parse(const void *data, size_t len, const char *what, struct job **ret,
	      struct err *e) MUST_CHECK;
void job_free(struct job *j);

/* Is a job that ended with @status (waitpid's) to be started again? */
bool job_wants_restart(const struct job *j, int status);

#endif
