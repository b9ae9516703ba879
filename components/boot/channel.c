/* SPDX-License-Identifier: MIT */
#include "components/boot/channel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/base/json_text.h"
#include "sim/carrier/boot_protocol.h"

#define LINE_BUF 2048

static void send_text(int fd, char *text, int pass_fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (pass_fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &pass_fd, sizeof(int));
	}
	if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
		_exit(EXIT_FAILURE);
}

void channel_send(int fd, const char *type, json_t *msg, int pass_fd)
{
	char *text;

	if (!msg || json_object_set_new(msg, "type", json_string(type)) ||
	    !(text = json_dumps(msg, JSON_COMPACT)))
		_exit(EXIT_FAILURE);
	send_text(fd, text, pass_fd);
	free(text);
	json_decref(msg);
}

void channel_event(int fd, const char *name, json_t *more)
{
	json_t *ev = more ? more : json_object();

	json_object_set_new(ev, "event", json_string(name));
	channel_send(fd, BOOT_EVENT, json_pack("{s:o}", "event", ev), -1);
}

void channel_stage(int fd, const char *stage, const char *detail, int64_t ns)
{
	channel_event(fd, "boot.stage",
		      json_pack("{s:s,s:o,s:I}", "stage", stage, "detail",
				json_text(detail), "us", (json_int_t)(ns / 1000)));
}

void channel_log(void *unused, const struct klog_record *r)
{
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;

	(void)unused;
	channel_event(BOOT_FD, "log",
		      json_pack("{s:I,s:s,s:I,s:o,s:o,s:o}", "seq", (json_int_t)r->seq,
				"stamp", r->stamp, "mono_ns", (json_int_t)r->mono_ns,
				"process", json_text(r->process), "sender",
				json_text(r->sender), "message", json_text(r->message)));
	if (!klog_line(r, &line, &e))
		channel_send(BOOT_FD, BOOT_CONSOLE,
			     json_pack("{s:o}", "text", json_text(buf_str(&line))), -1);
	buf_release(&line);
}

void channel_say(int fd, const char *form, ...)
{
	char line[LINE_BUF];
	va_list ap;
	int n;

	va_start(ap, form);
	n = vsnprintf(line, sizeof(line) - 1, form, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	memcpy(line + n, "\n", 2);
	channel_send(fd, BOOT_CONSOLE, json_pack("{s:s}", "text", line), -1);
}

json_t *channel_receive(int fd)
{
	static char packet[BOOT_PACKET_MAX];
	ssize_t n = recv(fd, packet, sizeof(packet), 0);

	return n > 0 ? json_loadb(packet, (size_t)n, 0, NULL) : NULL;
}
