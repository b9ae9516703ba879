/* SPDX-License-Identifier: MIT */
#include "components/kextcache/kextd_client.h"

#include <stdio.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/kextd/protocol.h"

int kextd_connect(struct kextd_client *c, const char *path, struct err *e)
{
	return packet_connect(path, &c->fd, e);
}

void kextd_disconnect(struct kextd_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Send @request, which is given away; *reply is the caller's. */
static int call(const struct kextd_client *c, json_t *request, json_t **reply,
		struct err *e)
{
	int r;

	if (!request)
		return err_set(e, E_NOMEM, "out of memory");
	r = packet_call(c->fd, request, PACKET_FOREVER, reply, e);
	json_decref(request);
	return r;
}

static int call_errno(const struct kextd_client *c, json_t *request, int *ret_errno,
		      struct err *e)
{
	json_t *reply = NULL;
	int r = call(c, request, &reply, e);

	if (r)
		return r;
	*ret_errno = packet_errno(reply);
	json_decref(reply);
	return 0;
}

int kextd_lock_volume(struct kextd_client *c, const char *volume, bool wait,
		      int *ret_errno, struct err *e)
{
	return call_errno(c,
			  json_pack("{s:s, s:s, s:b}", "op", KEXTD_OP_LOCK_VOLUME,
				    "volume", volume, "wait", wait),
			  ret_errno, e);
}

int kextd_unlock_volume(struct kextd_client *c, const char *volume, int status,
			int *ret_errno, struct err *e)
{
	return call_errno(c, json_pack("{s:s, s:s, s:i}", "op", KEXTD_OP_UNLOCK_VOLUME,
				       "volume", volume, "status", status),
			  ret_errno, e);
}

int kextd_lock_reboot(struct kextd_client *c, bool wait, int *ret_errno, char *busy,
		      size_t busy_size, struct err *e)
{
	const char *volume;
	json_t *reply = NULL;
	int r = call(c, json_pack("{s:s, s:b}", "op", KEXTD_OP_LOCK_REBOOT, "wait", wait),
		     &reply, e);

	if (r)
		return r;
	*ret_errno = packet_errno(reply);
	volume = json_string_value(json_object_get(reply, "volume"));
	if (busy && busy_size)
		snprintf(busy, busy_size, "%s", volume ? volume : "");
	json_decref(reply);
	return 0;
}
