/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/launchd/supervisor.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "components/common/packet.h"
#include "components/common/spawn.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"

void supervisor_init(struct supervisor *s, struct launchd_log *log, struct waits waits,
		     const char *port_dir)
{
	memset(s, 0, sizeof(*s));
	s->log = log;
	s->waits = waits;
	s->port_dir = port_dir;
}

void supervisor_release(struct supervisor *s)
{
	for (size_t i = 0; i < s->n_jobs; i++)
		job_free(s->job[i]);
	s->n_jobs = 0;
}

struct job *supervisor_find(struct supervisor *s, const char *label)
{
	for (size_t i = 0; i < s->n_jobs; i++)
		if (!strcmp(s->job[i]->label, label))
			return s->job[i];
	return NULL;
}

static struct job *find_pid(struct supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->job[i]->pid == pid)
			return s->job[i];
	return NULL;
}

static void forget(struct supervisor *s, struct job *j)
{
	for (size_t i = 0; i < s->n_jobs; i++) {
		if (s->job[i] != j)
			continue;
		memmove(&s->job[i], &s->job[i + 1],
			(s->n_jobs - i - 1) * sizeof(s->job[0]));
		s->n_jobs--;
		break;
	}
	job_free(j);
}

/*
 * launchd holds the receive right from the time the job is loaded: who calls before the
 * daemon is up waits for it instead of finding nobody. A service whose port cannot be
 * made runs without.
 */
static void open_port(const struct supervisor *s, struct job *j)
{
	struct err e = ERR_INIT;
	char path[PATH_MAX];

	if (j->mach_service &&
	    (fsio_join(path, sizeof(path), s->port_dir, j->mach_service, &e) ||
	     packet_listen(path, &j->port, &e)))
		launchd_say(s->log, j->label, LAUNCHD_ERROR, "%s", e.msg);
}

int supervisor_load(struct supervisor *s, const char *path, struct job **ret,
		    struct err *e)
{
	struct job *j;
	int r;

	if (s->n_jobs == SUPERVISOR_JOBS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d jobs", SUPERVISOR_JOBS_MAX);
	r = job_load(path, &j, e);
	if (r)
		return r;
	if (supervisor_find(s, j->label)) {
		r = err_set(e, E_EXISTS, "%s: service already loaded: %s", path,
			    j->label);
		job_free(j);
		return r;
	}
	open_port(s, j);
	s->job[s->n_jobs++] = j;
	if (ret)
		*ret = j;
	return 0;
}

static int is_plist(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 6 && !strcmp(d->d_name + n - 6, ".plist");
}

void supervisor_load_dir(struct supervisor *s, const char *dir)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_plist, alphasort);

	for (int i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		char path[PATH_MAX];

		if (fsio_join(path, sizeof(path), dir, names[i]->d_name, &e) ||
		    supervisor_load(s, path, NULL, &e))
			launchd_say(s->log, NULL, LAUNCHD_ERROR, "%s", e.msg);
		free(names[i]);
	}
	free(names);
}

int supervisor_start(struct supervisor *s, struct job *j, struct err *e)
{
	struct spawn_request rq = {
		.program = j->program,
		.argv = j->argv,
		.env = j->env,
		.service = j->label,
		.out = {.path = j->out_path, .fd = -1},
		.err = {.path = j->err_path, .fd = -1},
		.service_port = j->port,
	};

	if (j->pid)
		return 0;
	j->start_at_ns = 0;
	j->started_ns = clock_ns();
	launchd_log_drain(s->log);
	if (!spawn_process(&rq, &j->pid, e))
		return 0;
	j->pid = 0;
	launchd_say(s->log, j->label, LAUNCHD_ERROR,
		    "Could not find and/or execute program specified by service: %s",
		    e->msg);
	return -(int)e->code;
}

static void start_logged(struct supervisor *s, struct job *j)
{
	struct err e = ERR_INIT;

	/* Said in the log by supervisor_start; nobody else is to be told. */
	if (supervisor_start(s, j, &e))
		err_clear(&e);
}

void supervisor_start_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->job[i]->run_at_load)
			start_logged(s, s->job[i]);
}

void supervisor_remove(struct supervisor *s, struct job *j)
{
	j->start_at_ns = 0;
	if (!j->pid) {
		forget(s, j);
		return;
	}
	j->leaving = true;
	kill(j->pid, SIGTERM);
}

static void say_how_it_ended(struct supervisor *s, const struct job *j, pid_t pid)
{
	char subject[256];

	snprintf(subject, sizeof(subject), "%s[%d]", j->label, (int)pid);
	if (WIFSIGNALED(j->last_status))
		launchd_say(s->log, subject, LAUNCHD_NOTICE, "Service exited due to %s",
			    sigabbrev_np(WTERMSIG(j->last_status))
				    ? sigabbrev_np(WTERMSIG(j->last_status))
				    : "an unknown signal");
	else if (WEXITSTATUS(j->last_status))
		launchd_say(s->log, subject, LAUNCHD_NOTICE,
			    "Service exited with abnormal code: %d",
			    WEXITSTATUS(j->last_status));
}

static void schedule(struct supervisor *s, struct job *j)
{
	int64_t now = clock_ns();
	int64_t due = j->started_ns + waits_scale_ns(&s->waits, j->throttle_s);

	j->start_at_ns = due > now ? due : now;
	if (due > now)
		launchd_say(s->log, j->label, LAUNCHD_NOTICE,
			    "Service only ran for %d seconds. Pushing respawn out by %d "
			    "seconds.",
			    (int)((now - j->started_ns) / NS_PER_S),
			    (int)((due - now + NS_PER_S - 1) / NS_PER_S));
}

static void job_ended(struct supervisor *s, struct job *j, int status, bool restart)
{
	pid_t pid = j->pid;

	j->pid = 0;
	j->last_status = status;
	if (j->leaving) {
		forget(s, j);
		return;
	}
	if (!restart)
		return;
	say_how_it_ended(s, j, pid);
	if (job_wants_restart(j, status))
		schedule(s, j);
}

void supervisor_child_ended(struct supervisor *s, pid_t pid, int status, bool restart)
{
	struct job *j = find_pid(s, pid);

	if (j)
		job_ended(s, j, status, restart);
}

void supervisor_reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		supervisor_child_ended(s, pid, status, true);
}

int64_t supervisor_run_due(struct supervisor *s)
{
	int64_t now = clock_ns(), next = 0;

	for (size_t i = 0; i < s->n_jobs; i++) {
		struct job *j = s->job[i];

		if (j->start_at_ns && j->start_at_ns <= now)
			start_logged(s, j);
		else if (j->start_at_ns && (!next || j->start_at_ns < next))
			next = j->start_at_ns;
	}
	return next;
}
