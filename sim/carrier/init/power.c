/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "sim/carrier/init/init.h"

void power_now(bool reset)
{
	reboot(reset ? RB_AUTOBOOT : RB_POWER_OFF);
	for (;;)
		pause();
}

void power_down(struct init *in, const char *how, const char *reason)
{
	in->state = ST_DOWN;
	console_drain(in);
	ctl_event(in, "down", json_pack("{s:s,s:s}", "how", how, "reason", reason));
	ctl_flush(in);
	power_now(false);
}
