/* SPDX-License-Identifier: MIT */
#include "components/diskutil/kernel_call.h"

#include <errno.h>
#include <unistd.h>

#include "components/common/packet.h"

#define ANSWER_MS 60000

/* Send and release @req. */
static int call(const char *socket, json_t *req, struct err *e)
{
	json_t *reply = NULL;
	int fd = -1, r;

	if (!req)
		return err_set(e, E_NOMEM, "request");
	r = packet_connect(socket, &fd, e);
	if (!r)
		r = packet_call(fd, req, ANSWER_MS, &reply, e);
	if (!r && packet_errno(reply)) {
		const char *why = json_string_value(json_object_get(reply, "error"));

		errno = packet_errno(reply);
		r = err_sys(e, "%s", why ? why : "kernel");
		e->sys_errno = packet_errno(reply);
	}
	json_decref(reply);
	json_decref(req);
	if (fd >= 0)
		close(fd);
	return r;
}

int kernel_mount(const char *socket, const char *device, const char *path, bool read_only,
		 struct err *e)
{
	json_t *options = json_array();

	if (read_only)
		json_array_append_new(options, json_string("rdonly"));
	return call(socket,
		    json_pack("{s:s,s:s,s:s,s:o}", "op", "mount", "device", device,
			      "path", path, "options", options),
		    e);
}

int kernel_unmount(const char *socket, const char *device, struct err *e)
{
	return call(socket, json_pack("{s:s,s:s}", "op", "unmount", "device", device), e);
}

int kernel_unlock(const char *socket, const char *device, const char *passphrase,
		  struct err *e)
{
	return call(socket,
		    json_pack("{s:s,s:s,s:s}", "op", "unlock", "device", device,
			      "passphrase", passphrase),
		    e);
}
