/* SPDX-License-Identifier: MIT */
/* Starting processes. Nothing runs between fork and exec: posix_spawn does it all. */
#ifndef COMPONENTS_COMMON_SPAWN_H
#define COMPONENTS_COMMON_SPAWN_H

#include <sys/types.h>

#include "sim/base/err.h"

/* Where the output of a child goes: a file that it adds to, an open descriptor, or
 * (path NULL and fd -1) nowhere. */
struct spawn_output {
	const char *path;
	int fd;
};

struct spawn_request {
	const char *program;
	char *const *argv;
	char *const *env;    /* added to PATH and the rest of the standard environment */
	const char *service; /* XPC_SERVICE_NAME; may be NULL */
	struct spawn_output out, err;
	int service_port; /* becomes SPAWN_SERVICE_PORT of the child; 0: none */
};

/* The descriptor on which a job finds the port that launchd made for its service. */
#define SPAWN_SERVICE_PORT 3

/*
 * Start it as the leader of a session of its own, with default signals and an empty
 * standard input. The error has the errno of what failed, the execution included.
 */
int spawn_process(const struct spawn_request *rq, pid_t *ret, struct err *e) MUST_CHECK;

#endif
