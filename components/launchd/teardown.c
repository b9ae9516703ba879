/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/launchd/teardown.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "components/common/kernel_call.h"
#include "components/launchd/hooks.h"
#include "components/common/spawn.h"
#include "sim/base/clock.h"

/* Not every process is a child, so its end need not send SIGCHLD: look this often. */
#define LOOK_NS (20 * NS_PER_MS)
/* An answer of the kernel that does not come is not waited for any longer. */
#define KERNEL_ANSWER_MS 2000

struct teardown_limits teardown_default_limits(const struct waits *w)
{
	return (struct teardown_limits){
		.least = 2 * NS_PER_S,
		.term = waits_ns(w, WAIT_LAUNCHD_EXIT_TIMEOUT),
		.kill = 5 * NS_PER_S,
		.hook = 180 * NS_PER_S,
	};
}

static int64_t at_least(const struct teardown *t, int64_t ns)
{
	return ns > t->limits.least ? ns : t->limits.least;
}

static void reap(struct teardown *t)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == t->hook_pid) {
			t->hook_pid = 0;
			t->hook_status = status;
		}
		supervisor_child_ended(t->supervisor, pid, status, false);
	}
}

/* Reap until @done says so, or the time @end. Returns what @done said last. */
static bool reap_until(struct teardown *t, bool (*done)(struct teardown *), int64_t end)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		int64_t rest;
		struct timespec ts;

		reap(t);
		if (done(t))
			return true;
		rest = end - clock_ns();
		if (rest <= 0)
			return false;
		if (rest > LOOK_NS)
			rest = LOOK_NS;
		ts = (struct timespec){.tv_sec = 0, .tv_nsec = rest};
		sigtimedwait(&chld, NULL, &ts);
	}
}

/* --- steps ------------------------------------------------------------------- */

static void ask_kernel(struct teardown *t, const char *op)
{
	struct err e = ERR_INIT;

	if (kernel_call_within(t->system->kernel_socket, json_pack("{s:s}", "op", op),
			       KERNEL_ANSWER_MS, NULL, &e))
		launchd_say(t->supervisor->log, NULL, LAUNCHD_ERROR,
			    "telling the kernel of the shutdown failed: %s", e.msg);
}

/* From here on the kernel lets only the shutdown's own programs be executed, and no kext
 * be loaded. */
static void tell_kernel(struct teardown *t)
{
	ask_kernel(t, "shutdown_begin");
}

static void tell_kernel_of_userspace(struct teardown *t)
{
	ask_kernel(t, "userspace_reboot");
}

/* Volumes that were unlocked take their place now that nobody uses the old ones. */
static void reset_kernel(struct teardown *t)
{
	ask_kernel(t, "userspace_reset");
}

static bool jobs_are_gone(struct teardown *t)
{
	for (size_t i = 0; i < t->supervisor->n_jobs; i++)
		if (t->supervisor->job[i]->pid)
			return false;
	return true;
}

static int64_t exit_timeout(const struct teardown *t, const struct job *j)
{
	return at_least(t, waits_scale_ns(&t->supervisor->waits, j->exit_timeout_s));
}

/* SIGKILL to the jobs whose time is over; returns when the next one's is, or 0. */
static int64_t kill_late_jobs(struct teardown *t, int64_t since)
{
	int64_t now = clock_ns(), next = 0;

	for (size_t i = 0; i < t->supervisor->n_jobs; i++) {
		const struct job *j = t->supervisor->job[i];
		int64_t end = since + exit_timeout(t, j);

		if (!j->pid)
			continue;
		if (end > now) {
			next = !next || end < next ? end : next;
			continue;
		}
		launchd_say(t->supervisor->log, j->label, LAUNCHD_NOTICE,
			    "Exit timeout elapsed (%.0f seconds). Killing",
			    j->exit_timeout_s);
		kill(j->pid, SIGKILL);
	}
	return next;
}

static void stop_jobs(struct teardown *t)
{
	int64_t since = clock_ns(), next;

	for (size_t i = 0; i < t->supervisor->n_jobs; i++)
		if (t->supervisor->job[i]->pid)
			kill(t->supervisor->job[i]->pid, SIGTERM);
	do {
		next = kill_late_jobs(t, since);
	} while (next && !reap_until(t, jobs_are_gone, next));
	reap_until(t, jobs_are_gone, clock_ns() + t->limits.kill);
}

static bool all_are_gone(struct teardown *t)
{
	return t->system->kill_all(t->system->arg, 0) && errno == ESRCH;
}

static void kill_others(struct teardown *t)
{
	if (t->system->kill_all(t->system->arg, SIGTERM) == 0 &&
	    reap_until(t, all_are_gone, clock_ns() + at_least(t, t->limits.term)))
		return;
	t->system->kill_all(t->system->arg, SIGKILL);
	if (!reap_until(t, all_are_gone, clock_ns() + t->limits.kill))
		launchd_say(t->supervisor->log, NULL, LAUNCHD_ERROR,
			    "some processes would not die");
}

/* What a hook left behind must not keep the volumes busy. */
static void kill_leftovers(struct teardown *t)
{
	t->system->kill_all(t->system->arg, SIGKILL);
	reap_until(t, all_are_gone, clock_ns() + t->limits.kill);
}

static void settle_disks(struct teardown *t)
{
	sync();
	if (t->made_writable && t->system->remount_root(t->system->arg, false))
		launchd_say(t->supervisor->log, NULL, LAUNCHD_ERROR,
			    "mounting root as read-only failed: %d - %s", errno,
			    strerror(errno));
}

static void report(struct teardown *t)
{
	launchd_say(t->supervisor->log, "com.apple.xpc.launchd.domain.system",
		    LAUNCHD_NOTICE, "Userspace teardown took %d ms",
		    (int)((clock_ns() - t->started_ns) / NS_PER_MS));
	launchd_log_drain(t->supervisor->log);
}

/*
 * The order is the state machine: each state has one successor, whatever happened. Hooks
 * are for the end of the kernel: what they copy is loaded by the next one.
 */
static void (*const to_the_end[])(struct teardown *) = {
	tell_kernel,	stop_jobs,    kill_others, hooks_run,
	kill_leftovers, settle_disks, report,	   NULL,
};

static void (*const to_new_userspace[])(struct teardown *) = {
	tell_kernel_of_userspace, stop_jobs, kill_others, reset_kernel, report, NULL,
};

int teardown_run(struct teardown *t, struct err *e)
{
	bool kernel_stays = t->how == TEARDOWN_USERSPACE;
	void (*const *step)(struct teardown *) =
		kernel_stays ? to_new_userspace : to_the_end;

	t->started_ns = clock_ns();
	t->hook_pid = 0;
	t->made_writable = false;
	for (; *step; step++)
		(*step)(t);
	if (!kernel_stays && t->system->power(t->system->arg, t->how))
		return err_sys(e, "reboot");
	return 0;
}

/* --- children of the shutdown -------------------------------------------------- */

static bool hook_is_gone(struct teardown *t)
{
	return !t->hook_pid;
}

int teardown_run_child(struct teardown *t, const struct spawn_request *rq, struct err *e)
{
	pid_t pid;
	int r;

	launchd_log_drain(t->supervisor->log);
	r = spawn_process(rq, &pid, e);
	if (r)
		return r;
	t->hook_pid = pid;
	if (reap_until(t, hook_is_gone, clock_ns() + t->limits.hook))
		return 0;
	kill(-pid, SIGKILL); /* its session, of which it is the leader */
	reap_until(t, hook_is_gone, clock_ns() + t->limits.kill);
	t->hook_pid = 0;
	return err_set(e, E_TIMEOUT, "killed after %lld seconds",
		       (long long)(t->limits.hook / NS_PER_S));
}
