/* SPDX-License-Identifier: MIT */
/*
 * What a Mac may say on the control channel: lines of JSON, in which strings may be base64.
 * Half of the input comes first, so that lines are cut anywhere.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/vm/rpc.h"

#define LINE_MAX_HERE 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const char *text, size_t len)
{
	struct buf out = BUF_INIT, again = BUF_INIT;

	if (!control_b64_decode(text, len, &out, NULL) &&
	    (control_b64_encode(out.data, out.len, &again, NULL) || again.len != len ||
	     (len && memcmp(again.data, text, len) != 0)))
		abort();
	buf_release(&out);
	buf_release(&again);
}

static void on_event(void *arg, const json_t *event)
{
	const char *key;
	json_t *value;

	(void)arg;
	json_object_foreach ((json_t *)(uintptr_t)event, key, value)
		if (json_is_string(value))
			decode(json_string_value(value), json_string_length(value));
}

static void say(int fd, struct rpc *c, const uint8_t *data, size_t size)
{
	if (!size || rpc_ended(c))
		return;
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	c->source.ready(c->source.arg, POLLIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc c;
	int sv[2];

	if (size > 65536)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		abort();
	rpc_init(&c, sv[0]);
	c.name = "fuzz";
	c.line_max = LINE_MAX_HERE;
	c.on_event = on_event;
	c.waiting = 1;
	say(sv[1], &c, data, size / 2);
	say(sv[1], &c, data + size / 2, size - size / 2);
	if (c.in.len > LINE_MAX_HERE && !c.wrong.code)
		abort();
	close(sv[1]);
	if (!rpc_ended(&c))
		c.source.ready(c.source.arg, POLLIN);
	rpc_release(&c);
	return 0;
}
