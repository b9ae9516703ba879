/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/common/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STANDARD_PATH "PATH=/usr/bin:/bin:/usr/sbin:/sbin"

/* POSIX's functions return the error number. */
static int add_output(posix_spawn_file_actions_t *fa, const struct spawn_output *o,
		      int fd)
{
	if (!o->path && o->fd >= 0)
		return posix_spawn_file_actions_adddup2(fa, o->fd, fd);
	return posix_spawn_file_actions_addopen(fa, fd, o->path ? o->path : "/dev/null",
						O_WRONLY | O_CREAT | O_APPEND, 0644);
}

static int set_up_files(posix_spawn_file_actions_t *fa, const struct spawn_request *rq)
{
	int n = posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", O_RDONLY,
						 0);

	if (!n)
		n = add_output(fa, &rq->out, STDOUT_FILENO);
	if (!n)
		n = add_output(fa, &rq->err, STDERR_FILENO);
	if (!n && rq->service_port)
		n = posix_spawn_file_actions_adddup2(fa, rq->service_port,
						     SPAWN_SERVICE_PORT);
	return n;
}

static int set_up_attributes(posix_spawnattr_t *at)
{
	sigset_t none, all;
	int n;

	sigemptyset(&none);
	sigfillset(&all);
	n = posix_spawnattr_setsigmask(at, &none);
	if (!n)
		n = posix_spawnattr_setsigdefault(at, &all);
	if (!n)
		n = posix_spawnattr_setflags(at, POSIX_SPAWN_SETSID |
							 POSIX_SPAWN_SETSIGMASK |
							 POSIX_SPAWN_SETSIGDEF);
	return n;
}

/* The standard environment and then @rq's; the strings are borrowed. NULL: no memory. */
static char **make_environment(const struct spawn_request *rq, char *path, char *service)
{
	size_t n = 0;
	char **env;

	while (rq->env && rq->env[n])
		n++;
	env = calloc(n + 3, sizeof(*env));
	if (!env)
		return NULL;
	n = 0;
	env[n++] = path;
	if (service)
		env[n++] = service;
	for (char *const *p = rq->env; p && *p; p++)
		env[n++] = *p;
	return env;
}

static int spawn_with(const struct spawn_request *rq, char **env, pid_t *ret)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	int n;

	n = posix_spawn_file_actions_init(&fa);
	if (n)
		return n;
	n = posix_spawnattr_init(&at);
	if (n) {
		posix_spawn_file_actions_destroy(&fa);
		return n;
	}
	n = set_up_files(&fa, rq);
	if (!n)
		n = set_up_attributes(&at);
	if (!n)
		n = posix_spawn(ret, rq->program, &fa, &at, rq->argv, env);
	posix_spawnattr_destroy(&at);
	posix_spawn_file_actions_destroy(&fa);
	return n;
}

int spawn_process(const struct spawn_request *rq, pid_t *ret, struct err *e)
{
	char path[] = STANDARD_PATH, *service = NULL, **env;
	int n;

	if (rq->service && asprintf(&service, "XPC_SERVICE_NAME=%s", rq->service) < 0)
		return err_set(e, E_NOMEM, "starting %s", rq->program);
	env = make_environment(rq, path, service);
	n = env ? spawn_with(rq, env, ret) : ENOMEM;
	free(env);
	free(service);
	if (n) {
		errno = n;
		return err_sys(e, "starting %s", rq->program);
	}
	return 0;
}
