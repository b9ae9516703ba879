/* SPDX-License-Identifier: MIT */
/* The log, and the beginnings and ends of userspace. */
#include "components/boot/channel.h"
#include "components/boot/mounts.h"
#include "components/boot/service_impl.h"
#include "components/boot/session.h"
#include "sim/base/clock.h"
#include "sim/carrier/boot_protocol.h"

static int op_log(struct boot *b, const struct request *q, struct err *e)
{
	const json_t *when = json_object_get(q->json, "mono_ns");

	if (!request_text(q, "message")[0])
		return err_set(e, E_INVAL, "a record without a message");
	klog_from(&b->log, request_text(q, "process"), request_text(q, "sender"),
		  request_text(q, "message"),
		  json_is_integer(when) ? json_integer_value(when) : clock_ns());
	return 0;
}

static int op_shutdown_begin(struct boot *b, const struct request *q, struct err *e)
{
	(void)q;
	service_kexts_disable(b);
	return sip_begin_shutdown(b->sip, e);
}

static void tell(const char *what)
{
	channel_event(BOOT_FD, "userspace", json_pack("{s:s}", "what", what));
}

static int op_userspace_reboot(struct boot *b, const struct request *q, struct err *e)
{
	(void)q;
	(void)e;
	service_kexts_disable(b);
	tell("reboot");
	return 0;
}

static int op_userspace_reset(struct boot *b, const struct request *q, struct err *e)
{
	int r;

	(void)q;
	service_kexts_enable(b);
	r = mounts_complete(b, e);
	if (!r)
		r = session_protect(b, e);
	if (!r)
		r = session_write_volumes(b, e);
	if (!r)
		tell("reset");
	return r;
}

const struct service_op service_session_ops[] = {
	{"log", op_log, ANYBODY},
	{"shutdown_begin", op_shutdown_begin, LAUNCHD},
	{"userspace_reboot", op_userspace_reboot, LAUNCHD},
	{"userspace_reset", op_userspace_reset, LAUNCHD},
	{NULL, NULL, ROOT},
};
