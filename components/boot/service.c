/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "components/boot/policy.h"
#include "components/boot/tree.h"
#include "components/boot/xnu.h"
#include "components/common/packet.h"
#include "sim/base/clock.h"
#include "sim/platform/filevault.h"
#include "sim/platform/paths.h"

static const char *text_of(const json_t *req, const char *key)
{
	const char *s = json_string_value(json_object_get(req, key));

	return s ? s : "";
}

/* The errno that a Mac's call would give for one of our errors. */
static int errno_of(const struct err *e)
{
	switch (e->code) {
	case E_NOTFOUND: return ENOENT;
	case E_PERM: return EPERM;
	case E_BUSY: return EBUSY;
	case E_INVAL: return EINVAL;
	default: return e->sys_errno ? e->sys_errno : EIO;
	}
}

static int find(struct service *s, const json_t *req, struct boot_volume **ret,
		struct err *e)
{
	*ret = volumes_by_device(s->volumes, text_of(req, "device"));
	if (!*ret)
		return err_set(e, E_NOTFOUND, "no volume %s", text_of(req, "device"));
	return 0;
}

static bool has_option(const json_t *req, const char *name)
{
	const json_t *options = json_object_get(req, "options");

	for (size_t i = 0; i < json_array_size(options); i++) {
		const char *o = json_string_value(json_array_get(options, i));

		if (o && !strcmp(o, name))
			return true;
	}
	return false;
}

/* The path of an open folder as the Mac calls it. */
static int mac_path(int fd, char out[BOOT_PATH_BUF], struct err *e)
{
	const size_t prefix = strlen(TREE_ROOT);
	char link[64], path[BOOT_PATH_BUF];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(e, "mount point");
	path[n] = '\0';
	if (strncmp(path, TREE_ROOT "/", prefix + 1) != 0)
		return err_set(e, E_INVAL, "not a place for a volume");
	strcpy(out, path + prefix);
	return 0;
}

static int attach(struct service *s, struct boot_volume *v, int fd, bool read_only,
		  struct err *e)
{
	char path[BOOT_PATH_BUF];
	int r = mac_path(fd, path, e);

	if (r)
		return r;
	if (policy_protects(s->sip, s->csr, fd))
		return err_set(e, E_PERM, "%s is protected", path);
	r = tree_mount_volume(v, e);
	return r ? r : tree_attach(v, fd, path, read_only, e);
}

static int op_mount(struct service *s, const json_t *req, struct err *e)
{
	struct boot_volume *v;
	int fd, r = find(s, req, &v, e);

	if (r)
		return r;
	if (v->locked)
		return err_set(e, E_PERM, "%s is locked", v->device);
	r = tree_open(text_of(req, "path"), O_PATH | O_DIRECTORY, &fd, e);
	if (r)
		return r;
	r = attach(s, v, fd, has_option(req, "rdonly"), e);
	close(fd);
	if (!r)
		r = tree_join_groups(s->volumes, e);
	return r ? r : xnu_write_volumes(s->volumes, e);
}

static int op_unmount(struct service *s, const json_t *req, struct err *e)
{
	struct boot_volume *v;
	int r = find(s, req, &v, e);

	if (r)
		return r;
	/* What the running system consists of stays: its root, Data, swap. */
	if (strncmp(v->mount_point, "/Volumes/", 9) != 0)
		return err_set(e, v->mount_point[0] ? E_BUSY : E_INVAL, "%s %s",
			       v->device,
			       v->mount_point[0] ? "is in use" : "is not mounted");
	tree_part_group(s->volumes, v);
	r = tree_detach(v, e);
	if (r) { /* in use: the links come back */
		(void)!tree_join_groups(s->volumes, NULL);
		return r;
	}
	return xnu_write_volumes(s->volumes, e);
}

static int op_unlock(struct service *s, const json_t *req, struct err *e)
{
	struct volumes *vs = s->volumes;
	struct boot_volume *v;
	bool ok = false;
	int r = find(s, req, &v, e);

	if (r)
		return r;
	if (!v->filevault || !v->locked)
		return err_set(e, E_INVAL, "%s is not locked", v->device);
	r = filevault_check(vs->crypto_users.data, vs->crypto_users.len,
			    text_of(req, "passphrase"), &ok, e);
	if (!r && !ok)
		r = err_set(e, E_PERM, "wrong passphrase");
	/* The volumes of a group are encrypted with one key. */
	for (size_t i = 0; !r && i < vs->n; i++)
		if (!strcmp(vs->v[i].group, v->group))
			vs->v[i].locked = false;
	return r ? r : xnu_write_volumes(vs, e);
}

static int op_volumes(struct service *s, const json_t *req, struct err *e)
{
	(void)req;
	return xnu_write_volumes(s->volumes, e);
}

static int op_log(struct service *s, const json_t *req, struct err *e)
{
	const json_t *when = json_object_get(req, "mono_ns");

	if (!text_of(req, "message")[0])
		return err_set(e, E_INVAL, "a record without a message");
	klog_from(s->log, text_of(req, "process"), text_of(req, "sender"),
		  text_of(req, "message"),
		  json_is_integer(when) ? json_integer_value(when) : clock_ns());
	return 0;
}

static int op_shutdown_begin(struct service *s, const json_t *req, struct err *e)
{
	(void)req;
	return sip_begin_shutdown(s->sip, e);
}

static const struct {
	const char *name;
	int (*run)(struct service *s, const json_t *req, struct err *e);
	enum { ANYBODY, ROOT, LAUNCHD } who;
} ops[] = {
	{"mount", op_mount, ROOT},   {"unmount", op_unmount, ROOT},
	{"unlock", op_unlock, ROOT}, {"volumes", op_volumes, ANYBODY},
	{"log", op_log, ANYBODY},    {"shutdown_begin", op_shutdown_begin, LAUNCHD},
};

static int handle(struct service *s, const json_t *req, uid_t uid, pid_t pid,
		  struct err *e)
{
	const char *op = text_of(req, "op");

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].name, op) != 0)
			continue;
		if ((ops[i].who == ROOT && uid != 0) ||
		    (ops[i].who == LAUNCHD && pid != s->launchd))
			return err_set(e, E_PERM, "%s: not permitted", op);
		return ops[i].run(s, req, e);
	}
	return err_set(e, E_INVAL, "unknown request '%s'", op);
}

/* False when the client is gone or talks nonsense. */
static bool serve(struct service *s, int fd)
{
	struct err e = ERR_INIT;
	json_t *req = NULL, *reply;
	bool ok;

	if (packet_recv(fd, 0, &req, &e))
		return e.code == E_TIMEOUT;
	if (handle(s, req, packet_peer_uid(fd), packet_peer_pid(fd), &e))
		reply = packet_reply(errno_of(&e), e.msg);
	else
		reply = packet_reply(0, NULL);
	json_decref(req);
	err_clear(&e);
	ok = reply && !packet_send(fd, reply, &e);
	json_decref(reply);
	return ok;
}

int service_open(struct service *s, struct err *e)
{
	s->listener = -1;
	for (int i = 0; i < SERVICE_CLIENTS_MAX; i++)
		s->client[i] = -1;
	return packet_listen(TREE_ROOT XNU_KERNEL_SOCKET, &s->listener, e);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
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

void service_run(struct service *s, const struct pollfd *set, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (set[i].fd >= 0 && set[i].revents && !serve(s, set[i].fd))
			close_fd(&s->client[i - 1]);
	if (set[0].fd >= 0 && set[0].revents)
		accept_client(s);
}
