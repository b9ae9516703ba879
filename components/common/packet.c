/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/common/packet.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/base/clock.h"

#define BACKLOG 16

static int make_address(struct sockaddr_un *sa, const char *path, struct err *e)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sa->sun_path))
		return err_set(e, E_OVERFLOW, "socket path too long: %s", path);
	strcpy(sa->sun_path, path);
	return 0;
}

int packet_listen(const char *path, int *ret_fd, struct err *e)
{
	struct sockaddr_un sa;
	struct stat st;
	int fd;

	if (make_address(&sa, path, e))
		return err_ctx(e, "listening");
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "making a socket");
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || chmod(path, 0666) ||
	    listen(fd, BACKLOG)) {
		int r = err_sys(e, "listening on %s", path);

		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int packet_connect(const char *path, int *ret_fd, struct err *e)
{
	struct sockaddr_un sa;
	int fd, r;

	if (make_address(&sa, path, e))
		return err_ctx(e, "connecting");
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "making a socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		r = errno == ECONNREFUSED
			    ? err_set(e, E_NOTFOUND, "nobody listens on %s", path)
			    : err_sys(e, "connecting to %s", path);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* Room for one descriptor in a message. */
union one_file {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static ssize_t send_text(int fd, char *text, size_t len, int file)
{
	struct iovec part = {.iov_base = text, .iov_len = len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	union one_file control = {.room = {0}};
	ssize_t n;

	if (file >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
	}
	do {
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int send_with(int fd, const json_t *msg, int file, struct err *e)
{
	char *text = json_dumps(msg, JSON_COMPACT);
	size_t len;
	ssize_t n;

	if (!text)
		return err_set(e, E_NOMEM, "encoding a packet");
	len = strlen(text);
	if (len > PACKET_MAX) {
		free(text);
		return err_set(e, E_OVERFLOW, "packet of %zu bytes", len);
	}
	n = send_text(fd, text, len, file);
	free(text);
	if (n < 0 && errno == EAGAIN)
		return err_set(e, E_BUSY, "the peer does not read its packets");
	if (n < 0)
		return err_sys(e, "sending a packet");
	return 0;
}

int packet_send(int fd, const json_t *msg, struct err *e)
{
	return send_with(fd, msg, -1, e);
}

/* Wait until @fd can be read. A signal does not make the wait longer. */
static int wait_readable(int fd, int timeout_ms, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t end = clock_ms() + timeout_ms;
	int n, left = timeout_ms;

	for (;;) {
		n = poll(&p, 1, left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "waiting for a packet");
		if (timeout_ms >= 0) {
			int64_t rest = end - clock_ms();

			if (n == 0 || rest <= 0)
				return err_set(e, E_TIMEOUT, "no packet within %d ms",
					       timeout_ms);
			left = (int)rest;
		}
	}
}

/* @ret_file NULL: the kernel drops what is sent along. */
static ssize_t recv_text(int fd, char *text, int *ret_file)
{
	struct iovec part = {.iov_base = text, .iov_len = PACKET_MAX};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	union one_file control = {.room = {0}};
	struct cmsghdr *head;
	ssize_t n;

	if (ret_file) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
	}
	n = recvmsg(fd, &m, MSG_TRUNC | MSG_CMSG_CLOEXEC);
	head = n < 0 || !ret_file ? NULL : CMSG_FIRSTHDR(&m);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_file, CMSG_DATA(head), sizeof(int));
	return n;
}

static int recv_with(int fd, int timeout_ms, json_t **ret, int *ret_file, struct err *e)
{
	char *text;
	json_error_t je;
	ssize_t n;
	int r;

	r = wait_readable(fd, timeout_ms, e);
	if (r)
		return r;
	text = malloc(PACKET_MAX);
	if (!text)
		return err_set(e, E_NOMEM, "receiving a packet");
	n = recv_text(fd, text, ret_file);
	if (n < 0) {
		r = err_sys(e, "receiving a packet");
	} else if (n == 0) {
		r = err_set(e, E_NOTFOUND, "the peer closed the connection");
	} else if (n > PACKET_MAX) {
		r = err_set(e, E_CORRUPT, "packet of %zd bytes", n);
	} else {
		*ret = json_loadb(text, (size_t)n, 0, &je);
		if (!json_is_object(*ret)) {
			json_decref(*ret);
			*ret = NULL;
			r = err_set(e, E_CORRUPT, "packet is not a JSON object");
		}
	}
	free(text);
	return r;
}

int packet_recv(int fd, int timeout_ms, json_t **ret, struct err *e)
{
	return recv_with(fd, timeout_ms, ret, NULL, e);
}

int packet_recv_file(int fd, int timeout_ms, json_t **ret, int *ret_file, struct err *e)
{
	int r;

	*ret_file = -1;
	r = recv_with(fd, timeout_ms, ret, ret_file, e);
	if (r && *ret_file >= 0) {
		close(*ret_file);
		*ret_file = -1;
	}
	return r;
}

int packet_call(int fd, const json_t *req, int timeout_ms, json_t **reply, struct err *e)
{
	return packet_call_file(fd, req, -1, timeout_ms, reply, e);
}

int packet_call_file(int fd, const json_t *req, int file, int timeout_ms, json_t **reply,
		     struct err *e)
{
	int r = send_with(fd, req, file, e);

	if (r)
		return r;
	r = packet_recv(fd, timeout_ms, reply, e);
	if (r)
		return r;
	if (!json_is_integer(json_object_get(*reply, "errno"))) {
		json_decref(*reply);
		*reply = NULL;
		return err_set(e, E_CORRUPT, "reply without errno");
	}
	return 0;
}

int packet_errno(const json_t *reply)
{
	return (int)json_integer_value(json_object_get(reply, "errno"));
}

json_t *packet_reply(int error_number, const char *error)
{
	json_t *o = json_object();

	if (!o || json_object_set_new(o, "errno", json_integer(error_number)) ||
	    (error && json_object_set_new(o, "error", json_string(error)))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

unsigned packet_peer_uid(int fd)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len))
		return (uid_t)-1;
	return uc.uid;
}

int packet_peer_pid(int fd)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len))
		return 0;
	return uc.pid;
}
