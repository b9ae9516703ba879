/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/carrier/control.h"
#include "sim/carrier/init/init.h"

#define READ_SIZE       (1u << 20)
#define PORT_WAIT_MS    20000
#define PORT_POLL_MS    2
#define FLUSH_MS        10000
#define PORTS_DIR       "/sys/class/virtio-ports"

static const char *const state_names[ST_MAX] = {
	[ST_READY] = "ready",
	[ST_BOOTING] = "booting",
	[ST_UP] = "up",
	[ST_SHUTDOWN] = "shutdown",
	[ST_DOWN] = "down",
};

static void op_ping(struct init *in, const json_t *req)
{
	ctl_send(in, json_pack("{s:O,s:b,s:s}", "id", json_object_get(req, "id"), "ok", 1,
			       "state", state_names[in->state]));
}

static void op_power(struct init *in, const json_t *req)
{
	const char *how = json_string_value(json_object_get(req, "how"));

	if (how && !strcmp(how, "cut"))
		power_now(false);
	if (how && !strcmp(how, "reset"))
		power_now(true);
	ctl_refuse(in, json_object_get(req, "id"), NULL, "power: how is cut or reset");
}

static const struct {
	const char *op;
	void (*run)(struct init *in, const json_t *req);
} ops[] = {
	{"boot", mac_boot},
	{"exec", exec_start},
	{"ping", op_ping},
	{"power", op_power},
};

static void dispatch(struct init *in, const char *line, size_t len)
{
	json_error_t je;
	json_t *req = json_loadb(line, len, 0, &je);
	const char *op = json_string_value(json_object_get(req, "op"));
	const json_t *id = json_object_get(req, "id");

	if (!req) {
		ctl_refuse(in, NULL, NULL, je.text);
	} else if (!json_is_integer(id) || !op) {
		ctl_refuse(in, id, NULL, "a request has an integer id and an op");
	} else {
		size_t i = 0, n = sizeof(ops) / sizeof(*ops);

		while (i < n && strcmp(ops[i].op, op) != 0)
			i++;
		if (i < n)
			ops[i].run(in, req);
		else
			ctl_refuse(in, id, NULL, "unknown op");
	}
	json_decref(req);
}

/* Nonblocking: what the port does not take now goes when it can. */
static void write_out(struct init *in)
{
	struct ctl *c = &in->ctl;
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &c->watch};

	while (c->out_pos < c->out.len) {
		ssize_t n = write(c->watch.fd, c->out.data + c->out_pos,
				  c->out.len - c->out_pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		c->out_pos += (size_t)n;
	}
	if (c->out_pos == c->out.len) {
		buf_clear(&c->out);
		c->out_pos = 0;
	} else {
		ev.events |= EPOLLOUT;
	}
	epoll_ctl(in->epoll, EPOLL_CTL_MOD, c->watch.fd, &ev);
}

static void take_lines(struct init *in)
{
	struct ctl *c = &in->ctl;
	size_t len;
	char *line;

	while ((line = control_next_line(&c->in, &c->cut, &len))) {
		if (!c->skip)
			dispatch(in, line, len);
		c->skip = false;
	}
	if (c->in.len > CONTROL_LINE_MAX) {
		if (!c->skip)
			ctl_refuse(in, NULL, NULL, "line too long");
		c->skip = true;
		buf_clear(&c->in);
		c->cut = (struct control_cut){.pos = 0};
	}
}

static void on_port(struct init *in, void *arg)
{
	struct ctl *c = &in->ctl;
	ssize_t n;

	(void)arg;
	write_out(in);
	if (buf_reserve(&c->in, READ_SIZE, NULL)) {
		note("control: out of memory");
		power_now(false);
	}
	n = read(c->watch.fd, c->in.data + c->in.len, READ_SIZE);
	if (n > 0) {
		c->in.len += (size_t)n;
		take_lines(in);
	}
}

void ctl_send(struct init *in, json_t *msg)
{
	struct ctl *c = &in->ctl;
	char *text = msg ? json_dumps(msg, JSON_COMPACT) : NULL;

	/* Out of memory: the host learns it from its own deadline. */
	if (!text || buf_append(&c->out, text, strlen(text), NULL) ||
	    buf_append(&c->out, "\n", 1, NULL))
		note("control: a message could not be made");
	free(text);
	json_decref(msg);
	write_out(in);
}

void ctl_event(struct init *in, const char *name, json_t *more)
{
	json_t *msg = more ? more : json_object();
	int64_t t = in->boot_ns ? (clock_ns() - in->boot_ns) / 1000000 : 0;

	json_object_set_new(msg, "event", json_string(name));
	json_object_set_new(msg, "t_ms", json_integer(t));
	ctl_send(in, msg);
}

void ctl_refuse(struct init *in, const json_t *id, const char *why, const char *error)
{
	json_t *msg = json_pack("{s:b,s:s}", "ok", 0, "error", error);

	if (id)
		json_object_set_new(msg, "id", json_deep_copy(id));
	if (why)
		json_object_set_new(msg, "why", json_string(why));
	ctl_send(in, msg);
}

void ctl_flush(struct init *in)
{
	struct pollfd p = {.fd = in->ctl.watch.fd, .events = POLLOUT};

	while (in->ctl.out.len && poll(&p, 1, FLUSH_MS) == 1)
		write_out(in);
}

/* The device whose name, in sysfs, is that of our port. */
static bool find_port(char *dev, size_t size)
{
	DIR *d = opendir(PORTS_DIR);
	struct dirent *de;
	bool found = false;

	while (d && !found && (de = readdir(d))) {
		struct buf name = BUF_INIT;
		char path[512];

		snprintf(path, sizeof(path), PORTS_DIR "/%s/name", de->d_name);
		if (de->d_name[0] != '.' && !fsio_read(path, 4096, &name, NULL))
			found = !strcmp(buf_str(&name), CONTROL_PORT "\n");
		if (found)
			snprintf(dev, size, "/dev/%s", de->d_name);
		buf_release(&name);
	}
	if (d)
		closedir(d);
	return found;
}

int ctl_open(struct init *in, struct err *e)
{
	char dev[512];

	/* The host announces its ports some time after the driver is loaded. */
	for (int ms = 0; !find_port(dev, sizeof(dev)); ms += PORT_POLL_MS) {
		if (ms >= PORT_WAIT_MS)
			return err_set(e, E_TIMEOUT, "no port " CONTROL_PORT);
		poll(NULL, 0, PORT_POLL_MS);
	}
	in->ctl.watch = (struct watch){
		.fd = open(dev, O_RDWR | O_NONBLOCK | O_CLOEXEC),
		.ready = on_port,
	};
	if (in->ctl.watch.fd < 0)
		return err_sys(e, "opening %s", dev);
	loop_add(in, &in->ctl.watch, EPOLLIN);
	return 0;
}
