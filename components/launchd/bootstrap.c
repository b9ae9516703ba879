/* SPDX-License-Identifier: MIT */
#include "components/launchd/bootstrap.h"

#include <errno.h>
#include <string.h>

#include "components/common/packet.h"

static const char *text_of(const json_t *request, const char *key)
{
	const char *s = json_string_value(json_object_get(request, key));

	return s ? s : "";
}

static json_t *do_reboot(struct bootstrap *b, const json_t *request)
{
	static const struct {
		const char *name;
		enum teardown_how how;
	} ways[] = {
		{"restart", TEARDOWN_RESTART},
		{"halt", TEARDOWN_HALT},
		{"poweroff", TEARDOWN_POWER_OFF},
		{"userspace", TEARDOWN_USERSPACE},
	};
	const char *how = text_of(request, "how");

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!strcmp(ways[i].name, how)) {
			b->how = ways[i].how;
			b->shutdown = true;
			return packet_reply(0, NULL);
		}
	}
	return packet_reply(EINVAL, "how: restart, halt, poweroff or userspace");
}

static json_t *do_list(struct bootstrap *b, const json_t *request)
{
	json_t *reply = packet_reply(0, NULL), *jobs = json_array();

	(void)request;
	for (size_t i = 0; reply && i < b->supervisor->n_jobs; i++) {
		const struct job *j = b->supervisor->job[i];

		json_array_append_new(jobs,
				      json_pack("{s:s,s:i,s:i}", "label", j->label, "pid",
						(int)j->pid, "status", j->last_status));
	}
	if (json_object_set_new(reply, "jobs", jobs)) {
		json_decref(reply);
		return NULL;
	}
	return reply;
}

static json_t *reply_error(int error, const struct err *e)
{
	return packet_reply(error, e->msg);
}

static json_t *do_load(struct bootstrap *b, const json_t *request)
{
	struct err e = ERR_INIT;
	struct job *j;
	int r = supervisor_load(b->supervisor, text_of(request, "path"), &j, &e);

	if (!r && j->run_at_load)
		r = supervisor_start(b->supervisor, j, &e);
	switch (-r) {
	case E_OK:
		return packet_reply(0, NULL);
	case E_EXISTS:
		return reply_error(EALREADY, &e);
	case E_NOTFOUND:
		return reply_error(ENOENT, &e);
	case E_PERM:
		return reply_error(EPERM, &e);
	default:
		return reply_error(EIO, &e);
	}
}

static json_t *do_bootout(struct bootstrap *b, const json_t *request)
{
	struct job *j = supervisor_find(b->supervisor, text_of(request, "label"));

	if (!j)
		return packet_reply(ESRCH, "Could not find specified service");
	supervisor_remove(b->supervisor, j);
	return packet_reply(0, NULL);
}

static json_t *do_kickstart(struct bootstrap *b, const json_t *request)
{
	struct job *j = supervisor_find(b->supervisor, text_of(request, "label"));
	struct err e = ERR_INIT;

	if (!j)
		return packet_reply(ESRCH, "Could not find specified service");
	if (supervisor_start(b->supervisor, j, &e))
		return reply_error(EIO, &e);
	return packet_reply(0, NULL);
}

static const struct {
	const char *op;
	bool for_all;
	json_t *(*run)(struct bootstrap *b, const json_t *request);
} operations[] = {
	{"reboot", false, do_reboot},	    {"list", true, do_list},
	{"load", false, do_load},	    {"bootout", false, do_bootout},
	{"kickstart", false, do_kickstart},
};

json_t *bootstrap_handle(struct bootstrap *b, const json_t *request, unsigned uid)
{
	const char *op = text_of(request, "op");

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].op, op))
			continue;
		if (uid != 0 && !operations[i].for_all)
			return packet_reply(EPERM, "Operation not permitted");
		return operations[i].run(b, request);
	}
	return packet_reply(EINVAL, "unknown operation");
}
