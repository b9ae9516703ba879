/* SPDX-License-Identifier: MIT */
/* Waiting for the Mac. */
#include <stdio.h>
#include <string.h>

#include "harness/engine_impl.h"
#include "harness/match.h"
#include "harness/step_run.h"
#include "sim/base/clock.h"

/* How often a file or the console is looked at; programs of ours wait for events. */
#define POLL_MS 50u

static int timed_out(const char *what, struct err *e)
{
	return err_set(e, E_TIMEOUT, "waiting for %s", what);
}

/* kextwait asks kextd itself (harness/guest/kextwait.c). */
static int wait_caches(struct engine *en, const struct step *s, struct err *e)
{
	unsigned timeout_ms = engine_timeout_ms(en, s);
	char ms[16];
	const char *const args[] = {ms, NULL};

	snprintf(ms, sizeof(ms), "%u", timeout_ms);
	return engine_lab_program(en, "wait.kext-caches", "kextwait", args,
				  timeout_ms + 5000, e);
}

static int wait_file(struct engine *en, const struct step *s, const char *path,
		     bool there, struct err *e)
{
	int64_t end = clock_ns() + (int64_t)engine_timeout_ms(en, s) * 1000000;
	struct macfs_stat st;
	struct macfs *fs;
	int r = engine_text(en, path, &path, e);

	while (!r) {
		r = engine_files(en, &fs, e);
		if (r)
			return r;
		r = macfs_stat(fs, path, &st, e);
		if (r && r != -E_NOTFOUND)
			return r;
		if (!r == there)
			return engine_check(en, there ? "wait.path" : "wait.gone", true,
					    path, e, "%s", path);
		if (clock_ns() > end)
			return timed_out(path, e);
		err_clear(e);
		r = en->machine->ops->idle(en->machine->m, POLL_MS, e);
	}
	return r;
}

static int wait_console(struct engine *en, const struct step *s, const char *like,
			struct err *e)
{
	int64_t end = clock_ns() + (int64_t)engine_timeout_ms(en, s) * 1000000;
	size_t seen = 0;
	int r = engine_text(en, like, &like, e);

	while (!r) {
		size_t n;
		const char *const *lines = evidence_lines(en->ev, SINCE_BOOT, &n);

		for (; seen < n; seen++)
			if (match_like(like, lines[seen]))
				return engine_check(en, "wait.console", true, like, e,
						    "%s", lines[seen]);
		if (clock_ns() > end)
			return timed_out(like, e);
		r = en->machine->ops->idle(en->machine->m, POLL_MS, e);
	}
	return r;
}

/* logwait is told by the Mac's kernel when the file grows (harness/guest/logwait.c). */
static int wait_log(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_wait *x = s->args;
	unsigned timeout_ms = engine_timeout_ms(en, s);
	char ms[16];
	const char *args[] = {ms, NULL, NULL};
	int r = engine_text(en, x->log, &args[1], e);

	snprintf(ms, sizeof(ms), "%u", timeout_ms);
	return r ? r
		 : engine_lab_program(en, "wait.log", "logwait", args, timeout_ms + 5000, e);
}

int step_run_wait(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_wait *x = s->args;

	if (x->what)
		return wait_caches(en, s, e);
	if (x->path)
		return wait_file(en, s, x->path, true, e);
	if (x->gone)
		return wait_file(en, s, x->gone, false, e);
	if (x->console)
		return wait_console(en, s, x->console, e);
	if (x->log)
		return wait_log(en, s, e);
	return en->machine->ops->idle(
		en->machine->m, (unsigned)(x->seconds * en->plan->s.time_factor * 1000),
		e);
}
