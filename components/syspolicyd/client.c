/* SPDX-License-Identifier: MIT */
#include "components/syspolicyd/client.h"

#include <unistd.h>

#include "components/common/packet.h"
#include "components/syspolicyd/protocol.h"

#define ANSWER_MS 60000

int syspolicy_call(const char *socket, json_t *request, json_t **reply, struct err *e)
{
	int fd, r;

	*reply = NULL;
	if (!request)
		return err_set(e, E_NOMEM, "out of memory");
	r = packet_connect(socket, &fd, e);
	if (!r) {
		r = packet_call(fd, request, ANSWER_MS, reply, e);
		close(fd);
	}
	json_decref(request);
	return r;
}

bool syspolicy_allows(const char *socket, const char *path, bool cache)
{
	const char *op = cache ? SYSPOLICY_OP_LOAD_CACHE : SYSPOLICY_OP_LOAD;
	struct err e = ERR_INIT;
	json_t *reply = NULL;
	int r = syspolicy_call(socket, json_pack("{s:s,s:s}", "op", op, "path", path),
			       &reply, &e);
	bool yes = r == -E_NOTFOUND ||
		   (!r && json_is_true(json_object_get(reply, "allowed")));

	json_decref(reply);
	return yes;
}
