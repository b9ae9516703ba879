/* SPDX-License-Identifier: MIT */
#include "components/shutdown/going_down.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "components/common/packet.h"

#define LAUNCHD_ANSWER_MS 10000

static int ask_kextd(const struct shutdown_world *w, struct kextd_client *c, int *verdict,
		     struct err *e)
{
	char busy[PATH_MAX];
	int r = kextd_lock_reboot(c, false, verdict, busy, sizeof(busy), e);

	if (r || *verdict != EBUSY)
		return r;
	clog_say(w->log, CLOG_WARNING, "%s: %s is busy updating; waiting for lock",
		 w->program, busy);
	return kextd_lock_reboot(c, true, verdict, NULL, 0, e);
}

int reserve_reboot(const struct shutdown_world *w, struct kextd_client *c)
{
	struct err e = ERR_INIT;
	int verdict = 0, r = kextd_connect(c, w->kextd, &e);

	if (r == -E_NOTFOUND)
		return 0;
	if (!r)
		r = ask_kextd(w, c, &verdict, &e);
	if (r) {
		clog_say(w->log, CLOG_WARNING,
			 "%s: WARNING: couldn't lock kext manager for reboot: %s",
			 w->program, e.msg);
		verdict = 0;
	}
	return verdict == EALREADY ? 0 : verdict;
}

int launchd_reboot(const struct shutdown_world *w, bool halt, struct err *e)
{
	json_t *request =
	    json_pack("{s:s,s:s}", "op", "reboot", "how", halt ? "halt" : "restart");
	json_t *reply = NULL;
	int fd = -1, r;

	r = request ? packet_connect(w->launchd, &fd, e)
		    : err_set(e, E_NOMEM, "out of memory");
	if (!r)
		r = packet_call(fd, request, LAUNCHD_ANSWER_MS, &reply, e);
	if (!r && packet_errno(reply))
		r = err_set(e, E_IO, "%s", strerror(packet_errno(reply)));
	json_decref(request);
	json_decref(reply);
	if (fd >= 0)
		close(fd);
	return r;
}
