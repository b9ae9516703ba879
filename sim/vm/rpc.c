/* SPDX-License-Identifier: MIT */
#include "sim/vm/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/carrier/control.h"

#define READ_SIZE (256u << 10)

static void finish(struct rpc *c)
{
	if (c->source.fd >= 0)
		close(c->source.fd);
	c->source.fd = -1;
}

/* The peer cannot be talked to any more. */
static void give_up(struct rpc *c, enum err_code code, const char *why)
{
	if (!c->wrong.code)
		err_set(&c->wrong, code, "%s: %s", c->name, why);
	finish(c);
}

static void take_message(struct rpc *c, const char *line, size_t len)
{
	json_error_t je;
	json_t *msg = json_loadb(line, len, 0, &je);
	json_t *id = json_object_get(msg, "id");

	if (!json_is_object(msg)) {
		give_up(c, E_INFRA, "a line is not a JSON object");
	} else if (!id) {
		if (c->on_event)
			c->on_event(c->arg, msg);
	} else if (c->waiting && json_integer_value(id) == c->waiting) {
		c->waiting = 0;
		c->reply = json_incref(msg);
	}
	json_decref(msg);
}

static void read_some(struct rpc *c)
{
	size_t len;
	ssize_t n;
	char *line;

	if (buf_reserve(&c->in, READ_SIZE, &c->wrong)) {
		finish(c);
		return;
	}
	n = read(c->source.fd, c->in.data + c->in.len, READ_SIZE);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		finish(c);
		return;
	}
	c->in.len += (size_t)n;
	while (!c->wrong.code && (line = control_next_line(&c->in, &c->cut, &len)))
		take_message(c, line, len);
	if (c->in.len > c->line_max)
		give_up(c, E_INFRA, "a line is too long");
}

static void write_some(struct rpc *c)
{
	while (c->out_pos < c->out.len) {
		ssize_t n = send(c->source.fd, c->out.data + c->out_pos,
				 c->out.len - c->out_pos, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		/* What is wrong with it shows when reading, after its last words. */
		if (n < 0)
			break;
		c->out_pos += (size_t)n;
	}
	if (c->out_pos < c->out.len) {
		c->source.events = POLLIN | POLLOUT;
		return;
	}
	buf_clear(&c->out);
	c->out_pos = 0;
	c->source.events = POLLIN;
}

static void on_ready(void *arg, short revents)
{
	struct rpc *c = arg;

	if (revents & POLLOUT)
		write_some(c);
	if (revents & (POLLIN | POLLHUP | POLLERR))
		read_some(c);
}

void rpc_init(struct rpc *c, int fd)
{
	*c = (struct rpc){
		.source = {.fd = fd, .events = POLLIN, .ready = on_ready, .arg = c},
		.name = "rpc",
		.line_max = CONTROL_LINE_MAX,
	};
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

void rpc_release(struct rpc *c)
{
	finish(c);
	buf_release(&c->in);
	buf_release(&c->out);
	json_decref(c->reply);
	c->reply = NULL;
}

/*
 * A descriptor travels with a byte of the stream: here with a blank ahead of the request,
 * which means nothing in JSON.
 */
static int send_descriptor(struct rpc *c, int fd, struct err *e)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte = ' ';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *h;

	memset(&control, 0, sizeof(control));
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	if (sendmsg(c->source.fd, &m, MSG_NOSIGNAL) != 1)
		return err_sys(e, "%s: sending a descriptor", c->name);
	return 0;
}

/* Why nothing more comes. */
static int ended(const struct rpc *c, struct err *e)
{
	if (!c->wrong.code)
		return err_set(e, E_INFRA, "%s: closed", c->name);
	return err_set(e, c->wrong.code, "%s", c->wrong.msg);
}

static int send_request(struct rpc *c, json_t *req, int fd, struct err *e)
{
	char *text;
	int r;

	if (rpc_ended(c))
		return ended(c, e);
	json_object_set_new(req, "id", json_integer(++c->last_id));
	text = json_dumps(req, JSON_COMPACT);
	if (!text)
		return err_set(e, E_INVAL, "%s: a request that is not JSON", c->name);
	if (strlen(text) + 1 > c->line_max)
		r = err_set(e, E_OVERFLOW, "%s: the request is too long", c->name);
	else
		r = buf_append(&c->out, text, strlen(text), e);
	free(text);
	if (!r && fd >= 0)
		r = send_descriptor(c, fd, e);
	if (!r)
		r = buf_append(&c->out, "\n", 1, e);
	if (!r)
		write_some(c);
	return r;
}

int rpc_post(struct rpc *c, json_t *req, struct err *e)
{
	return send_request(c, req, -1, e);
}

static bool aborted(const struct rpc *c)
{
	return c->abort && c->abort->code;
}

static bool answered(void *arg)
{
	const struct rpc *c = arg;

	return c->reply || rpc_ended(c) || aborted(c);
}

int rpc_call(struct rpc *c, struct pump *p, json_t *req, int send_fd, int64_t deadline,
	     json_t **ret, struct err *e)
{
	int r = send_request(c, req, send_fd, e);

	if (r)
		return r;
	c->waiting = c->last_id;
	r = pump_until(p, deadline, answered, c, e);
	c->waiting = 0;
	if (r) {
		json_decref(c->reply);
		c->reply = NULL;
		return err_ctx(e, "%s", c->name);
	}
	if (!c->reply && aborted(c))
		return err_set(e, c->abort->code, "%s", c->abort->msg);
	if (!c->reply)
		return ended(c, e);
	*ret = c->reply;
	c->reply = NULL;
	return 0;
}
