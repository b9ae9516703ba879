/* SPDX-License-Identifier: MIT */
#include "components/common/unified_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "sim/base/clock.h"
#include "sim/base/json_text.h"

#define ANSWER_MS 5000 /* the kernel mounts meanwhile, at worst */

void unified_log_init(struct unified_log *l, const char *socket, const char *process)
{
	*l = (struct unified_log){.socket = socket, .process = process, .fd = -1};
}

void unified_log_release(struct unified_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static json_t *make_request(const struct unified_log *l, const char *sender,
			    const char *message, int64_t mono_ns)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:I}", "op", "log", "process", l->process,
			 "sender", sender ? sender : "", "message", json_text(message),
			 "mono_ns", (json_int_t)mono_ns);
}

/* The reply is waited for: it says that the record has its place. */
static int submit(struct unified_log *l, const json_t *request, struct err *e)
{
	json_t *reply = NULL;
	int r = 0;

	if (l->fd < 0)
		r = packet_connect(l->socket, &l->fd, e);
	if (!r)
		r = packet_call(l->fd, request, ANSWER_MS, &reply, e);
	json_decref(reply);
	if (r)
		unified_log_release(l);
	return r;
}

void unified_log_say(struct unified_log *l, const char *sender, const char *form, ...)
{
	int64_t now = clock_ns();
	char message[UNIFIED_LOG_MESSAGE_MAX];
	struct err e = ERR_INIT;
	json_t *request;
	va_list ap;

	va_start(ap, form);
	vsnprintf(message, sizeof(message), form, ap);
	va_end(ap);
	request = make_request(l, sender, message, now);
	if (request && submit(l, request, &e))
		err_clear(&e);
	json_decref(request);
}
