/* SPDX-License-Identifier: MIT */
/* The whole of /sbin/launchd but its main: jobs, socket, shutdown. */
#ifndef COMPONENTS_LAUNCHD_LAUNCHD_H
#define COMPONENTS_LAUNCHD_LAUNCHD_H

#include "components/launchd/teardown.h"
#include "sim/base/err.h"
#include "sim/platform/waits.h"

struct launchd_options {
	int console;		     /* descriptor of the console */
	const char *const *job_dirs; /* NULL at the end */
	const char *socket;	     /* XNU_BOOTSTRAP_SOCKET */
	const char *port_dir;	     /* XNU_DIR: where the ports of services are made */
	struct teardown_system system;
	struct waits waits;
};

/*
 * Start the jobs and serve until somebody asks for a shutdown; then bring the system
 * down. Does not return on a Mac. E_IO when something that launchd can not do without
 * is missing.
 */
int launchd_run(const struct launchd_options *o, struct err *e) MUST_CHECK;

#endif
