/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/launchd/job.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/waits.h"

#define SECONDS_MAX 86400

static int copy_string(char **ret, const char *s, struct err *e)
{
	*ret = strdup(s);
	return *ret ? 0 : err_set(e, E_NOMEM, "job");
}

static int read_label(struct job *j, plist_t d, struct err *e)
{
	const char *s;
	int r = pl_string(d, "Label", &s, e);

	if (r)
		return r;
	if (!*s)
		return err_set(e, E_CORRUPT, "key 'Label': empty");
	return copy_string(&j->label, s, e);
}

/* ProgramArguments into argv; a job with Program alone gets that as its only one. */
static int read_arguments(struct job *j, plist_t d, struct err *e)
{
	const char *program = NULL;
	plist_t list = NULL;
	uint32_t n;

	if (pl_opt_string(d, "Program", &program, e) ||
	    pl_opt_array(d, "ProgramArguments", &list, e))
		return -(int)e->code;
	n = list ? plist_array_get_size(list) : 0;
	if (n > JOB_ARGS_MAX)
		return err_set(e, E_OVERFLOW, "%u program arguments", n);
	if (!program && !n)
		return err_set(e, E_CORRUPT, "neither Program nor ProgramArguments");
	j->argv = calloc((size_t)n + 2, sizeof(*j->argv));
	if (!j->argv)
		return err_set(e, E_NOMEM, "job");
	for (uint32_t i = 0; i < n; i++) {
		const char *s;

		if (pl_array_string(list, i, &s, e))
			return err_ctx(e, "key 'ProgramArguments'");
		if (copy_string(&j->argv[i], s, e))
			return -(int)e->code;
	}
	if (!n && copy_string(&j->argv[0], program, e))
		return -(int)e->code;
	return copy_string(&j->program, program ? program : j->argv[0], e);
}

static int read_environment(struct job *j, plist_t d, struct err *e)
{
	plist_t dict = NULL;
	struct pl_iter it;
	size_t n = 0;

	if (pl_opt_dict(d, "EnvironmentVariables", &dict, e))
		return -(int)e->code;
	if (dict && plist_dict_get_size(dict) > JOB_ENV_MAX)
		return err_set(e, E_OVERFLOW, "too many environment variables");
	j->env = calloc(JOB_ENV_MAX + 1, sizeof(*j->env));
	if (!j->env)
		return err_set(e, E_NOMEM, "job");
	if (!dict)
		return 0;
	for (pl_each(&it, dict); pl_next(&it);) {
		const char *value = pl_str(it.value);

		if (!value || asprintf(&j->env[n], "%s=%s", it.key, value) < 0) {
			j->env[n] = NULL;
			err_set(e, value ? E_NOMEM : E_CORRUPT,
				"key 'EnvironmentVariables': '%s' is not a string",
				it.key);
			pl_iter_release(&it);
			return -(int)e->code;
		}
		n++;
	}
	return 0;
}

static int read_paths(struct job *j, plist_t d, struct err *e)
{
	const char *out = NULL, *err = NULL;

	if (pl_opt_string(d, "StandardOutPath", &out, e) ||
	    pl_opt_string(d, "StandardErrorPath", &err, e))
		return -(int)e->code;
	if (out && copy_string(&j->out_path, out, e))
		return -(int)e->code;
	return err ? copy_string(&j->err_path, err, e) : 0;
}

/* The name becomes that of a socket in /dev/xnu, so it must not lead out of there. */
static int read_mach_services(struct job *j, plist_t d, struct err *e)
{
	plist_t dict = NULL;
	struct pl_iter it;
	int r = pl_opt_dict(d, "MachServices", &dict, e);

	if (r || !dict)
		return r;
	if (plist_dict_get_size(dict) > 1)
		return err_set(e, E_UNSUPPORTED, "key 'MachServices': more than one");
	for (pl_each(&it, dict); pl_next(&it);) {
		if (strchr(it.key, '/') || it.key[0] == '.' || !it.key[0])
			r = err_set(e, E_CORRUPT, "key 'MachServices': bad name");
		else
			r = copy_string(&j->mach_service, it.key, e);
	}
	return r;
}

static int read_condition(plist_t d, const char *key, enum job_condition *ret,
			  struct err *e)
{
	bool v = false;

	*ret = CONDITION_NONE;
	if (!plist_dict_get_item(d, key))
		return 0;
	if (pl_bool(d, key, &v, e))
		return err_ctx(e, "key 'KeepAlive'");
	*ret = v ? CONDITION_TRUE : CONDITION_FALSE;
	return 0;
}

/* A boolean, or a dictionary of conditions; those that are not modelled never hold. */
static int read_keep_alive(struct job *j, plist_t d, struct err *e)
{
	plist_t v = plist_dict_get_item(d, "KeepAlive");
	bool always = false;

	if (!v)
		return 0;
	if (plist_get_node_type(v) != PLIST_DICT) {
		if (pl_opt_bool(d, "KeepAlive", &always, e))
			return -(int)e->code;
		j->keep_alive = always ? KEEP_ALIVE_ALWAYS : KEEP_ALIVE_NEVER;
		return 0;
	}
	j->keep_alive = KEEP_ALIVE_CONDITIONS;
	if (read_condition(v, "Crashed", &j->crashed, e))
		return -(int)e->code;
	return read_condition(v, "SuccessfulExit", &j->successful_exit, e);
}

static int read_seconds(plist_t d, const char *key, double *ret, struct err *e)
{
	uint64_t v;

	if (!plist_dict_get_item(d, key))
		return 0;
	if (pl_uint(d, key, &v, e))
		return -(int)e->code;
	if (v > SECONDS_MAX)
		return err_set(e, E_CORRUPT, "key '%s': more than a day", key);
	*ret = (double)v;
	return 0;
}

static int read_limits(struct job *j, plist_t d, struct err *e)
{
	j->exit_timeout_s = waits_seconds(WAIT_LAUNCHD_EXIT_TIMEOUT);
	j->throttle_s = waits_seconds(WAIT_LAUNCHD_THROTTLE);
	if (read_seconds(d, "ExitTimeOut", &j->exit_timeout_s, e))
		return -(int)e->code;
	return read_seconds(d, "ThrottleInterval", &j->throttle_s, e);
}

/* A condition on how it ended means that it has to run once (launchd.plist(5)). */
static int read_run_at_load(struct job *j, plist_t d, struct err *e)
{
	if (pl_opt_bool(d, "RunAtLoad", &j->run_at_load, e))
		return -(int)e->code;
	if (j->keep_alive == KEEP_ALIVE_ALWAYS || j->successful_exit != CONDITION_NONE)
		j->run_at_load = true;
	return 0;
}

static int (*const readers[])(struct job *, plist_t, struct err *) = {
	read_label,	    read_arguments,  read_environment, read_paths,
	read_mach_services, read_keep_alive, read_limits,      read_run_at_load,
};

int job_parse(const void *data, size_t len, const char *what, struct job **ret,
	      struct err *e)
{
	struct job *j;
	plist_t d;
	int r;

	r = pl_parse(data, len, what, &d, e);
	if (r)
		return r;
	j = calloc(1, sizeof(*j));
	if (!j)
		r = err_set(e, E_NOMEM, "job");
	else if (plist_get_node_type(d) != PLIST_DICT)
		r = err_set(e, E_CORRUPT, "not a dictionary");
	for (size_t i = 0; !r && i < sizeof(readers) / sizeof(readers[0]); i++)
		r = readers[i](j, d, e);
	plist_free(d);
	if (r) {
		job_free(j);
		return r == -E_NOTFOUND ? err_set(e, E_CORRUPT, "%s: no label", what)
					: err_ctx(e, "%s", what);
	}
	*ret = j;
	return 0;
}

int job_load(const char *path, struct job **ret, struct err *e)
{
	struct buf b = BUF_INIT;
	struct stat st;
	int r;

	if (stat(path, &st))
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(e, E_PERM, "%s: Path had bad ownership/permissions", path);
	r = fsio_read(path, JOB_PLIST_MAX, &b, e);
	if (!r)
		r = job_parse(b.data, b.len, path, ret, e);
	buf_release(&b);
	return r;
}

static void free_strings(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

void job_free(struct job *j)
{
	if (!j)
		return;
	free_strings(j->argv);
	free_strings(j->env);
	free(j->label);
	free(j->program);
	free(j->out_path);
	free(j->err_path);
	free(j->mach_service);
	if (j->port)
		close(j->port);
	free(j);
}

/* Signals "typically associated with a crash" (launchd.plist(5)). */
static bool is_crash(int status)
{
	static const int crash_signals[] = {SIGILL, SIGTRAP, SIGABRT, SIGFPE,
					    SIGBUS, SIGSEGV, SIGSYS};

	if (!WIFSIGNALED(status))
		return false;
	for (size_t i = 0; i < sizeof(crash_signals) / sizeof(crash_signals[0]); i++)
		if (WTERMSIG(status) == crash_signals[i])
			return true;
	return false;
}

static bool holds(enum job_condition c, bool fact)
{
	return c != CONDITION_NONE && (c == CONDITION_TRUE) == fact;
}

bool job_wants_restart(const struct job *j, int status)
{
	bool success = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	switch (j->keep_alive) {
	case KEEP_ALIVE_NEVER:
		return false;
	case KEEP_ALIVE_ALWAYS:
		return true;
	case KEEP_ALIVE_CONDITIONS:
		return holds(j->crashed, is_crash(status)) ||
		       holds(j->successful_exit, success);
	}
	return false;
}
