/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "components/boot/service_impl.h"
#include "components/boot/tree.h"
#include "components/common/packet.h"
#include "sim/base/json_text.h"
#include "sim/platform/paths.h"

/* ---- requests ---- */

const char *request_text(const struct request *q, const char *key)
{
	const char *s = json_string_value(json_object_get(q->json, key));

	return s ? s : "";
}

bool request_has_option(const struct request *q, const char *name)
{
	const json_t *options = json_object_get(q->json, "options");

	for (size_t i = 0; i < json_array_size(options); i++) {
		const char *o = json_string_value(json_array_get(options, i));

		if (o && !strcmp(o, name))
			return true;
	}
	return false;
}

int request_volume(struct boot *b, const struct request *q,
		   struct boot_volume **ret, struct err *e)
{
	*ret = volumes_by_device(&b->volumes, request_text(q, "device"));
	if (!*ret)
		return err_set(e, E_NOTFOUND, "no volume %s", request_text(q, "device"));
	return 0;
}

int refuse(struct err *e, int error, const char *form, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;
	int r;

	va_start(ap, form);
	vsnprintf(text, sizeof(text), form, ap);
	va_end(ap);
	r = err_set(e, E_IO, "%s", text);
	e->sys_errno = error;
	return r;
}

/* The errno that a Mac's call would give for one of our errors. */
static int errno_of(const struct err *e)
{
	switch (e->code) {
	case E_NOTFOUND: return ENOENT;
	case E_EXISTS: return EEXIST;
	case E_PERM: return EPERM;
	case E_BUSY: return EBUSY;
	case E_INVAL: return EINVAL;
	case E_NOSPC: return ENOSPC;
	case E_OVERFLOW: return ENOSPC;
	case E_UNSUPPORTED: return ENOTSUP;
	default: return e->sys_errno ? e->sys_errno : EIO;
	}
}

static const struct service_op *const tables[] = {
	service_volume_ops, service_snapshot_ops, service_kext_ops,
	service_kext_request_ops, service_policy_ops, service_session_ops,
};

static const struct service_op *find_op(const char *name)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct service_op *op = tables[t]; op->name; op++)
			if (!strcmp(op->name, name))
				return op;
	return NULL;
}

static int handle(struct boot *b, const struct request *q, struct err *e)
{
	const char *name = request_text(q, "op");
	const struct service_op *op = find_op(name);

	if (!op)
		return err_set(e, E_INVAL, "unknown request '%s'", name);
	if ((op->who == ROOT && q->uid != 0) ||
	    (op->who == LAUNCHD && q->pid != b->service.launchd))
		return err_set(e, E_PERM, "%s: not permitted", name);
	return op->run(b, q, e);
}

static bool answer(int fd, json_t *reply, int error, const struct err *why)
{
	struct err e = ERR_INIT;

	if (error && (json_object_set_new(reply, "errno", json_integer(error)) ||
		      json_object_set_new(reply, "error", json_text(why->msg))))
		return false;
	return !packet_send(fd, reply, &e);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* False when the client is gone or talks nonsense. */
static bool serve(struct boot *b, size_t client)
{
	int fd = b->service.client[client], error = 0;
	struct request q = {.client = client,
			    .uid = packet_peer_uid(fd),
			    .pid = packet_peer_pid(fd)};
	struct err e = ERR_INIT;
	json_t *json = NULL;
	bool ok;

	if (packet_recv_file(fd, 0, &json, &q.file, &e))
		return e.code == E_TIMEOUT;
	q.json = json;
	q.reply = packet_reply(0, NULL);
	if (q.reply && handle(b, &q, &e))
		error = errno_of(&e);
	ok = q.reply && answer(fd, q.reply, error, &e);
	close_fd(&q.file);
	json_decref(q.reply);
	json_decref(json);
	return ok;
}

/* ---- the socket ---- */

int service_open(struct service *s, struct err *e)
{
	*s = (struct service){.listener = -1, .kext_daemon = -1};
	for (int i = 0; i < SERVICE_CLIENTS_MAX; i++)
		s->client[i] = -1;
	return packet_listen(TREE_ROOT XNU_KERNEL_SOCKET, &s->listener, e);
}

void service_close(struct service *s)
{
	close_fd(&s->listener);
	for (int i = 0; i < SERVICE_CLIENTS_MAX; i++)
		close_fd(&s->client[i]);
}

size_t service_poll_set(const struct service *s, struct pollfd *set)
{
	set[0] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	for (int i = 0; i < SERVICE_CLIENTS_MAX; i++)
		set[1 + i] = (struct pollfd){.fd = s->client[i], .events = POLLIN};
	return 1 + SERVICE_CLIENTS_MAX;
}

static void accept_client(struct service *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < SERVICE_CLIENTS_MAX; i++) {
		if (s->client[i] >= 0)
			continue;
		s->client[i] = fd;
		return;
	}
	close(fd); /* full: the client sees the connection end */
}

static void drop_client(struct service *s, size_t client)
{
	close_fd(&s->client[client]);
	if (s->kext_daemon == (int)client)
		s->kext_daemon = -1;
}

void service_run(struct boot *b, const struct pollfd *set, size_t n)
{
	struct service *s = &b->service;

	for (size_t i = 1; i < n; i++)
		if (set[i].fd >= 0 && set[i].revents && !serve(b, i - 1))
			drop_client(s, i - 1);
	if (set[0].fd >= 0 && set[0].revents)
		accept_client(s);
}
