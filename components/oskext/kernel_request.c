/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/oskext/kernel_request.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "components/common/kernel_call.h"
#include "components/common/mac_errors.h"
#include "components/common/packet.h"
#include "sim/base/fsio.h"

/* A large kext and what it needs is linked within that, on a slow machine too. */
#define LINK_MS 120000

/* __OSKextLogKernelMessages */
static void say_all(const json_t *messages, const struct component_log *log)
{
	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *m = json_array_get(messages, i);
		const char *text = json_string_value(json_array_get(m, 1));

		if (text)
			clog_say(log,
				 (enum clog_level)json_integer_value(json_array_get(m, 0)),
				 "(kernel) %s", text);
	}
}

static enum kext_return take_reply(int r, json_t *reply, const struct err *e,
				   const struct component_log *log)
{
	int error = r ? 0 : packet_errno(reply);

	if (error == EPERM)
		return KEXT_RET_NOT_PRIVILEGED;
	if (r || error) {
		clog_say(log, CLOG_ERROR, "Error communicating with kernel - %s.",
			 r ? e->msg : mac_strerror(error));
		return KEXT_RET_INTERNAL;
	}
	say_all(json_object_get(reply, "log"), log);
	return (enum kext_return)json_integer_value(json_object_get(reply, "os_return"));
}

/* @file -1: none goes with it. @request is released. */
static enum kext_return ask(const char *socket, json_t *request, int file,
			    const struct component_log *log)
{
	json_t *reply = NULL;
	struct err e = ERR_INIT;
	enum kext_return ret;
	int fd = -1, r = packet_connect(socket, &fd, &e);

	if (!r)
		r = packet_call_file(fd, request, file, LINK_MS, &reply, &e);
	ret = take_reply(r, reply, &e, log);
	if (fd >= 0)
		close(fd);
	json_decref(reply);
	json_decref(request);
	return ret;
}

enum kext_return kernel_request_load(const char *socket, const struct buf *mkext,
				     const struct component_log *log)
{
	int fd = memfd_create("mkext", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	enum kext_return ret = KEXT_RET_NO_MEMORY;

	if (fd >= 0 && !fsio_write_all(fd, mkext->data, mkext->len, "mkext", &e))
		ret = ask(socket,
			  json_pack("{s:s,s:i}", "op", "kext_load", "level", log->max), fd,
			  log);
	if (fd >= 0)
		close(fd);
	return ret;
}

enum kext_return kernel_request_unload(const char *socket, const char *id,
				       const struct component_log *log)
{
	return ask(socket,
		   json_pack("{s:s,s:s,s:i}", "op", "kext_unload", "id", id, "level",
			     log->max),
		   -1, log);
}

int kernel_request_terminate(const char *socket, const char *class_, const char *id)
{
	struct err e = ERR_INIT;
	int r = kernel_call(socket,
			    json_pack("{s:s,s:s}", "op", "catalogue_terminate",
				      class_ ? "class" : "module", class_ ? class_ : id),
			    NULL, &e);

	return kernel_call_errno(r, &e);
}
