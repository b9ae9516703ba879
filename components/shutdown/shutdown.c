/* SPDX-License-Identifier: MIT */
#include "components/shutdown/shutdown.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "components/shutdown/countdown.h"
#include "components/shutdown/going_down.h"

/* kIOReturnUnsupported: the simulated machine has no sleep. */
#define NO_SLEEP 0xe00002c7u

static void launchd_refused(const struct shutdown_world *w, const struct err *e)
{
	clog_say(w->system_log, CLOG_ERROR, "shutdown: launchd reboot failed.");
	clog_say(w->log, CLOG_ERROR, "%s: launchd reboot failed: %s", w->program, e->msg);
}

static void time_has_come(const struct shutdown_world *w,
			  const struct shutdown_options *o)
{
	static const char *const names[] = {
	    [SHUTDOWN_HALT] = "halt",
	    [SHUTDOWN_RESTART] = "reboot",
	    [SHUTDOWN_SLEEP] = "sleep",
	    [SHUTDOWN_PRETEND] = "shutdown",
	};
	struct err e = ERR_INIT;

	clog_say(w->system_log, CLOG_EXPLICIT, "%s%s by %s: %.*s", names[o->action],
		 o->ups ? " with UPS delay" : "", w->user, (int)strcspn(o->message, "\n"),
		 o->message);
	clog_say(w->log, CLOG_EXPLICIT, "\r\nSystem shutdown time has arrived\a\a\r");
	if (o->action == SHUTDOWN_PRETEND)
		clog_say(w->log, CLOG_EXPLICIT, "\rbut you'll have to do it yourself\r");
	else if (o->action == SHUTDOWN_SLEEP)
		clog_say(w->log, CLOG_ERROR, "shutdown: sleep failed (0x%08x)", NO_SLEEP);
	else if (launchd_reboot(w, o->action == SHUTDOWN_HALT, &e))
		launchd_refused(w, &e);
}

int shutdown_run(const struct shutdown_world *w, const struct shutdown_options *o)
{
	struct kextd_client kextd = KEXTD_CLIENT_INIT;
	int verdict;

	countdown_run(w, o);
	verdict = reserve_reboot(w, &kextd);
	if (verdict)
		clog_say(w->log, CLOG_ERROR, "%s: couldn't lock for reboot: %s",
			 w->program, strerror(verdict));
	else
		time_has_come(w, o);
	if (verdict || o->action != SHUTDOWN_PRETEND)
		unlink(w->nologin);
	kextd_disconnect(&kextd);
	return EXIT_SUCCESS;
}

int reboot_run(const struct shutdown_world *w, const struct reboot_options *o)
{
	struct kextd_client kextd = KEXTD_CLIENT_INIT;
	struct err e = ERR_INIT;
	int r, verdict = 0;

	if (!o->quick && !o->no_log)
		verdict = reserve_reboot(w, &kextd);
	if (verdict) {
		clog_say(w->log, CLOG_ERROR, "%s: couldn't lock for reboot: %s",
			 w->program, strerror(verdict));
		kextd_disconnect(&kextd);
		return EXIT_FAILURE;
	}
	if (!o->quick && !o->no_log)
		clog_say(w->system_log, CLOG_EXPLICIT, "%s by %s",
			 o->halt ? "halted" : "rebooted", w->user);
	r = launchd_reboot(w, o->halt, &e);
	if (r)
		launchd_refused(w, &e);
	kextd_disconnect(&kextd);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
