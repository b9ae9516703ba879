/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/launchd/hooks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "components/common/spawn.h"
#include "sim/base/fsio.h"

struct hook {
	const char *task;   /* in launchd's messages; the misspelling is Apple's */
	const char *script; /* its file */
	/* Do this first, and do neither when there is no script: then nothing is said. */
	void (*prepare)(struct teardown *t);
};

static void prepare_deferred_kcinstall(struct teardown *t)
{
	bool was_writable = t->system->root_is_writable(t->system->arg);

	if (!t->system->remount_root(t->system->arg, true)) {
		t->made_writable = !was_writable;
		return;
	}
	launchd_say(
		t->supervisor->log, NULL, LAUNCHD_ERROR,
		"prepare_deferred_kcinstall: mounting root as read-write failed: %d - %s",
		errno, strerror(errno));
}

static const struct hook hooks[] = {
	{"shutdown_installer_taksks", "shutdown_installer_tasks", NULL},
	{"deferred_install", "deferred_install", NULL},
	{"deferred_kcinstall", "shove_kernels", prepare_deferred_kcinstall},
};

static void say_status(struct teardown *t, const struct hook *h)
{
	int status = t->hook_status;

	if (WIFSIGNALED(status))
		launchd_say(t->supervisor->log, NULL, LAUNCHD_ERROR,
			    "%s: boot task was killed by signal %d", h->task,
			    WTERMSIG(status));
	else if (WEXITSTATUS(status))
		launchd_say(t->supervisor->log, NULL, LAUNCHD_ERROR,
			    "%s: boot task exited with status %d", h->task,
			    WEXITSTATUS(status));
}

static int start(struct teardown *t, const char *program, char *const *argv,
		 struct err *e)
{
	const struct spawn_request rq = {
		.program = program,
		.argv = argv,
		.out = {.fd = t->supervisor->log->fd},
		.err = {.fd = t->supervisor->log->fd},
	};

	return teardown_run_child(t, &rq, e);
}

/*
 * A script is executed itself, so that the kernel sees which it is. One that is not
 * there, or has no "#!", is given to bash, which in the first case complains on the
 * console.
 */
static void run_hook(struct teardown *t, const struct hook *h, const char *path)
{
	char name[] = "bash", arg[PATH_MAX];
	char *argv[] = {name, arg, NULL};
	bool missing = !fsio_exists(path);
	struct err e = ERR_INIT;
	int r;

	snprintf(arg, sizeof(arg), "%s", path);
	r = missing ? start(t, t->system->shell, argv, &e) : start(t, path, argv + 1, &e);
	if (r && e.sys_errno == ENOEXEC)
		r = start(t, t->system->shell, argv, &e);
	if (r)
		launchd_say(t->supervisor->log, NULL, LAUNCHD_ERROR, "%s: %s", h->task,
			    e.msg);
	else if (missing)
		launchd_say(t->supervisor->log, NULL, LAUNCHD_NOTICE,
			    "%s: optional boot task not present", h->task);
	else
		say_status(t, h);
}

void hooks_run(struct teardown *t)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		const struct hook *h = &hooks[i];
		char path[PATH_MAX];
		struct err e = ERR_INIT;

		if (fsio_join(path, sizeof(path), t->system->install_dir, h->script, &e))
			continue;
		if (h->prepare && !fsio_exists(path))
			continue;
		if (h->prepare)
			h->prepare(t);
		run_hook(t, h, path);
	}
}
