/* SPDX-License-Identifier: MIT */
#include "components/common/kernel_call.h"

#include <errno.h>
#include <unistd.h>

#include "components/common/packet.h"

#define ANSWER_MS 60000

int kernel_call_errno(int r, const struct err *e)
{
	if (!r)
		return 0;
	return e->sys_errno ? e->sys_errno : EIO;
}

int kernel_call(const char *socket, json_t *req, json_t **ret_reply, struct err *e)
{
	return kernel_call_within(socket, req, ANSWER_MS, ret_reply, e);
}

int kernel_call_within(const char *socket, json_t *req, int timeout_ms,
		       json_t **ret_reply, struct err *e)
{
	json_t *reply = NULL;
	int fd = -1, r;

	if (ret_reply)
		*ret_reply = NULL;
	if (!req)
		return err_set(e, E_NOMEM, "request");
	r = packet_connect(socket, &fd, e);
	if (!r)
		r = packet_call(fd, req, timeout_ms, &reply, e);
	if (!r && packet_errno(reply)) {
		const char *why = json_string_value(json_object_get(reply, "error"));

		errno = packet_errno(reply);
		r = err_sys(e, "%s", why ? why : "kernel");
		e->sys_errno = packet_errno(reply);
	}
	if (reply && ret_reply)
		*ret_reply = json_incref(reply);
	json_decref(reply);
	json_decref(req);
	if (fd >= 0)
		close(fd);
	return r;
}

static json_t *mount_options(bool read_only)
{
	json_t *options = json_array();

	if (read_only)
		json_array_append_new(options, json_string("rdonly"));
	return options;
}

int kernel_mount(const char *socket, const char *device, const char *path, bool read_only,
		 struct err *e)
{
	return kernel_call(socket,
			   json_pack("{s:s,s:s,s:s,s:o}", "op", "mount", "device", device,
				     "path", path, "options", mount_options(read_only)),
			   NULL, e);
}

int kernel_mount_update(const char *socket, const char *path, bool read_only,
			struct err *e)
{
	return kernel_call(socket,
			   json_pack("{s:s,s:s,s:o}", "op", "mount_update", "path", path,
				     "options", mount_options(read_only)),
			   NULL, e);
}

int kernel_volumes(const char *socket, struct err *e)
{
	return kernel_call(socket, json_pack("{s:s}", "op", "volumes"), NULL, e);
}

int kernel_unmount(const char *socket, const char *device, struct err *e)
{
	return kernel_call(socket,
			   json_pack("{s:s,s:s}", "op", "unmount", "device", device),
			   NULL, e);
}

int kernel_unlock(const char *socket, const char *device, const char *passphrase,
		  struct err *e)
{
	return kernel_call(socket,
			   json_pack("{s:s,s:s,s:s}", "op", "unlock", "device", device,
				     "passphrase", passphrase),
			   NULL, e);
}

int kernel_snapshot(const char *socket, enum kernel_snapshot what, const char *device,
		    const char *name, struct err *e)
{
	static const char *const ops[] = {
		[SNAPSHOT_CREATE] = "snapshot_create",
		[SNAPSHOT_DELETE] = "snapshot_delete",
		[SNAPSHOT_ROOT] = "snapshot_root",
		[SNAPSHOT_REVERT] = "snapshot_revert",
	};

	return kernel_call(socket,
			   json_pack("{s:s,s:s,s:s}", "op", ops[what], "device", device,
				     "name", name),
			   NULL, e);
}
