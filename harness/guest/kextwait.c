/* SPDX-License-Identifier: MIT */
/*
 * kextwait MILLISECONDS: wait until kextd has nothing to do and the staged kernel is up
 * to date. Runs in the guest, for the step `wait: {for: kext-caches}`.
 *
 * Exit status: 0 so it is; 1 kextd is idle but the staged kernel is out of date (kextd
 * has given up, or ignored a change); 124 time is up; 3 anything else.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/kextcache/freshness.h"
#include "components/kextd/protocol.h"
#include "sim/base/clock.h"
#include "sim/platform/bootcaches.h"
#include "sim/platform/paths.h"

#define ROUND_NS 20000000 /* kextd has no message for "I am done" */

static int ask(bool *ret_idle, struct err *e)
{
	json_t *req = json_pack("{s:s}", "op", KEXTD_OP_STATUS), *reply = NULL;
	int fd = -1, r = packet_connect(XNU_KEXTD_SOCKET, &fd, e);

	if (r) {
		json_decref(req);
		return r;
	}
	r = packet_call(fd, req, 5000, &reply, e);
	if (!r)
		*ret_idle = json_is_true(json_object_get(reply, "idle")) &&
			    json_is_true(json_object_get(reply, "boot_complete"));
	json_decref(reply);
	json_decref(req);
	close(fd);
	return r;
}

static int fresh(bool *ret, struct err *e)
{
	struct bootcaches b;
	const char *why = NULL;
	int r = bootcaches_load("/", &b, e);

	if (r == -E_NOTFOUND) { /* Recovery's own root has nothing to keep up to date */
		*ret = true;
		err_clear(e);
		return 0;
	}
	if (r)
		return r;
	r = plk_up_to_date(&b, ret, &why, NULL, e);
	if (!r && !*ret)
		fprintf(stderr,
			"kextd is idle, but the staged kernel is out of date: %s\n",
			why ? why : "?");
	bootcaches_release(&b);
	return r;
}

int main(int argc, char **argv)
{
	static const struct timespec pause = {.tv_nsec = ROUND_NS};
	int64_t end = clock_ms() + (argc > 1 ? strtol(argv[1], NULL, 10) : 60000);
	struct err e = ERR_INIT;
	bool idle = false, ok = false;
	int r;

	for (;;) {
		/* Until kextd is up there is no socket yet. */
		r = ask(&idle, &e);
		if (!r && idle)
			break;
		if (clock_ms() > end) {
			fprintf(stderr, "kextd is not idle%s%s\n", r ? ": " : "",
				r ? e.msg : "");
			return 124;
		}
		err_clear(&e);
		nanosleep(&pause, NULL);
	}
	r = fresh(&ok, &e);
	if (r) {
		fprintf(stderr, "%s\n", e.msg);
		return 3;
	}
	return ok ? 0 : 1;
}
