/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/carrier/init/init.h"
#include "sim/carrier/layout.h"
#include "sim/carrier/sip/event_text.h"
#include "sim/carrier/sip/events.h"

/* As much as a pipe may hold: writers of the console should not wait for the port. */
#define PIPE_SIZE (1 << 20)
/* Bytes without an event are printed after this time (sim/carrier/sip/events.h). */
#define IDLE_NS   (20 * INT64_C(1000000))

static size_t next_packet(void *arg, void *buf, size_t size)
{
	struct console *c = arg;
	ssize_t n;

	do
		n = c->pipe.fd < 0 ? 0 : read(c->pipe.fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

static void print(void *arg, const void *data, size_t len)
{
	struct console *c = arg;
	struct err e = ERR_INIT;

	if (fsio_write_all(c->tty, data, len, "the console", &e))
		note("%s", e.msg);
}

void console_print(struct init *in, const char *text)
{
	print(&in->console, text, strlen(text));
}

int console_open(struct init *in, struct err *e)
{
	struct console *c = &in->console;
	struct termios t;

	c->tty = open(CARRIER_TTY_CONSOLE, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->tty < 0 || tcgetattr(c->tty, &t) < 0)
		return err_sys(e, "opening " CARRIER_TTY_CONSOLE);
	/* The bytes as they are: line ends are the reader's business. */
	cfmakeraw(&t);
	if (tcsetattr(c->tty, TCSANOW, &t) < 0)
		return err_sys(e, "setting up " CARRIER_TTY_CONSOLE);
	c->order = (struct console_order){.next = next_packet, .print = print, .arg = c};
	return 0;
}

static bool pipe_readable(const struct console *c)
{
	struct pollfd p = {.fd = c->pipe.fd, .events = POLLIN};

	return c->pipe.fd >= 0 && poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void tell_denied(struct init *in, const struct sip_event *ev)
{
	char path[SIP_NAMES_MAX * (SIP_NAME_MAX + 1) + 8], comm[sizeof(ev->comm) + 1];

	sip_event_path(ev, path, sizeof(path));
	/* The kernel's name of a task is bytes; JSON wants UTF-8. */
	snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(ev->comm), ev->comm);
	ctl_event(in, "sip.denied",
		  json_pack("{s:s,s:o*,s:o*,s:i}", "op", sip_op_name(ev->op), "path",
			    json_string(path), "comm", json_string(comm), "errno",
			    (int)ev->error));
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct init *in = ctx;
	const struct sip_event *ev = data;

	/* Records of console writes are but the head of the struct. */
	if (size < SIP_EVENT_HEAD_SIZE ||
	    (ev->kind != SIP_EVENT_CONSOLE && size < sizeof(*ev)))
		return 0;
	switch (ev->kind) {
	case SIP_EVENT_CONSOLE:
		console_order_write(&in->console.order, ev->len);
		break;
	case SIP_EVENT_KERNEL_LINE:
		console_order_line(&in->console.order, ev->text);
		break;
	case SIP_EVENT_DENIED:
		tell_denied(in, ev);
		break;
	}
	return 0;
}

/* Print what is in order now; what is left in the pipe waits for its event. */
static void take_records(struct init *in)
{
	struct console *c = &in->console;

	if (c->rb)
		ring_buffer__consume(c->rb);
	else
		while (console_order_unannounced(&c->order))
			;
	c->idle_since = pipe_readable(c) ? clock_ns() : 0;
}

static void on_ready(struct init *in, void *arg)
{
	(void)arg;
	take_records(in);
}

int console_pipe(struct init *in, int *ret_fd, struct err *e)
{
	struct console *c = &in->console;
	int p[2];

	if (pipe2(p, O_DIRECT | O_CLOEXEC) < 0)
		return err_sys(e, "the console's pipe");
	/* The reader must never wait; the writers may. */
	fcntl(p[0], F_SETFL, O_NONBLOCK | O_DIRECT);
	fcntl(p[0], F_SETPIPE_SZ, PIPE_SIZE);
	c->pipe = (struct watch){.fd = p[0], .ready = on_ready};
	/* Edge-triggered: bytes may stay there until their event comes. */
	loop_add(in, &c->pipe, EPOLLIN | EPOLLET);
	*ret_fd = p[1];
	return 0;
}

int console_ring(struct init *in, int map_fd, struct err *e)
{
	struct console *c = &in->console;

	c->rb = ring_buffer__new(map_fd, on_record, in, NULL);
	if (!c->rb)
		return err_sys(e, "the policy's ring buffer");
	c->ring = (struct watch){.fd = ring_buffer__epoll_fd(c->rb), .ready = on_ready};
	loop_add(in, &c->ring, EPOLLIN);
	return 0;
}

int64_t console_deadline(struct init *in, int64_t now)
{
	struct console *c = &in->console;

	if (!c->idle_since)
		return INT64_MAX;
	if (c->idle_since + IDLE_NS <= now) {
		take_records(in);
		if (c->idle_since && console_order_unannounced(&c->order))
			take_records(in);
	}
	return c->idle_since ? c->idle_since + IDLE_NS : INT64_MAX;
}

void console_drain(struct init *in)
{
	struct console *c = &in->console;

	do
		take_records(in);
	while (console_order_unannounced(&c->order));
	tcdrain(c->tty);
}
