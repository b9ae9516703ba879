/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/syspolicyd/syspolicyd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "components/common/boot_args.h"
#include "components/common/packet.h"
#include "components/syspolicyd/decide.h"
#include "components/syspolicyd/protocol.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define CLIENT_MS 2000 /* a client that does not ask by then is let go */

static json_t *failure(const struct policy_world *w, const struct err *e)
{
	static const struct {
		enum err_code code;
		int error;
	} map[] = {{E_NOTFOUND, ENOENT}, {E_PERM, EPERM}, {E_INVAL, EINVAL}};
	int error = EIO;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].code == e->code)
			error = map[i].error;
	clog_say(w->log, CLOG_ERROR, "%s", e->msg);
	return packet_reply(error, e->msg);
}

static json_t *allow_load(const struct policy_world *w, const json_t *request, bool cache)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	struct err e = ERR_INIT;
	bool allowed = false;

	if (!path || path[0] != '/')
		return packet_reply(EINVAL, "no path");
	/* What cannot be judged is not allowed. */
	if (policy_decide(w, path, cache, &allowed, &e))
		clog_say(w->log, CLOG_ERROR, "%s: %s", path, e.msg);
	return json_pack("{s:i,s:b}", "errno", 0, "allowed", allowed);
}

static json_t *load(const struct policy_world *w, const json_t *request)
{
	return allow_load(w, request, false);
}

static json_t *load_cache(const struct policy_world *w, const json_t *request)
{
	return allow_load(w, request, true);
}

static int add_pending(void *arg, const struct policy_kext *k, struct err *e)
{
	json_t *row = json_pack("{s:s,s:s,s:s}", "team", k->team, "developer", k->developer,
				"bundle", k->bundle_id);

	/* Not valid UTF-8: a row that no program of ours wrote. */
	if (!row)
		return 0;
	return json_array_append_new(arg, row) ? err_set(e, E_NOMEM, "out of memory") : 0;
}

static json_t *pending(const struct policy_world *w, const json_t *request)
{
	json_t *rows = json_array();
	struct err e = ERR_INIT;
	bool may = false;

	(void)request;
	if (!rows || policy_user_may_allow(w, &may, &e) ||
	    policy_db_pending(w->db, policy_since(w), add_pending, rows, &e)) {
		json_decref(rows);
		return failure(w, &e);
	}
	return json_pack("{s:i,s:b,s:o}", "errno", 0, "overrides", may, "extensions", rows);
}

static json_t *allow(const struct policy_world *w, const json_t *request)
{
	const char *developer = json_string_value(json_object_get(request, "developer"));
	struct err e = ERR_INIT;

	if (!developer)
		return packet_reply(EINVAL, "no developer");
	return policy_allow(w, developer, &e) ? failure(w, &e) : packet_reply(0, NULL);
}

static const struct {
	const char *op;
	json_t *(*run)(const struct policy_world *w, const json_t *request);
} operations[] = {
	{SYSPOLICY_OP_LOAD, load},
	{SYSPOLICY_OP_LOAD_CACHE, load_cache},
	{SYSPOLICY_OP_PENDING, pending},
	{SYSPOLICY_OP_ALLOW, allow},
};

static json_t *dispatch(const struct policy_world *w, const json_t *request)
{
	const char *op = json_string_value(json_object_get(request, "op"));

	for (size_t i = 0; op && i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!strcmp(operations[i].op, op))
			return operations[i].run(w, request);
	return packet_reply(EINVAL, "no such request");
}

/*
 * Everything is read anew: the tables can be changed by others, SIP being off. A database
 * that cannot be opened is said, and is an error of those who need it: what comes with
 * the system loads without.
 */
static int open_world(const struct syspolicyd_options *o, struct policy_world *w,
		      char uuid[static 64], struct trusted_paths *trusted,
		      struct policy_db *db, struct err *e)
{
	struct err closed = ERR_INIT;
	int r = boot_args_text(o->boot_args, "BootSessionUUID", uuid, 64, e);

	if (!r)
		r = trusted_paths_load(trusted, o->root, e);
	if (policy_db_open(db, o->database, &closed))
		clog_say(o->log, CLOG_ERROR, "%s", closed.msg);
	*w = (struct policy_world){
		.root = o->root,
		.csr_config = o->csr_config,
		.nvram_dir = o->nvram_dir,
		.mdm_payload = o->mdm_payload,
		.boot_uuid = uuid,
		.trusted = trusted,
		.db = db,
		.waits = o->waits,
		.log = o->log,
	};
	return r;
}

static int load_anchors(const struct syspolicyd_options *o, struct cs_anchors *anchors,
			struct err *e)
{
	char folder[PATH_MAX];
	int r = fsio_join(folder, sizeof(folder), o->root, PATH_ANCHORS, e);

	return r ? r : cs_anchors_load(anchors, folder, e);
}

json_t *syspolicyd_answer(const struct syspolicyd_options *o, const json_t *request,
			  int64_t now)
{
	struct trusted_paths trusted = {.root = o->root};
	struct policy_db db = {.sql = NULL};
	struct cs_anchors anchors = {.n = 0};
	struct err e = ERR_INIT;
	struct policy_world w;
	char uuid[64] = "";
	json_t *reply;
	int r = open_world(o, &w, uuid, &trusted, &db, &e);

	if (!r)
		r = load_anchors(o, &anchors, &e);
	w.now = now;
	w.anchors = &anchors;
	reply = r ? failure(&w, &e) : dispatch(&w, request);
	policy_db_close(&db);
	cs_anchors_release(&anchors);
	trusted_paths_release(&trusted);
	return reply;
}

static void serve(const struct syspolicyd_options *o, int fd)
{
	json_t *request = NULL, *reply;
	struct err e = ERR_INIT;

	if (packet_recv(fd, CLIENT_MS, &request, &e))
		return;
	reply = syspolicyd_answer(o, request, (int64_t)time(NULL));
	if (reply && packet_send(fd, reply, &e))
		clog_say(o->log, CLOG_WARNING, "%s", e.msg);
	json_decref(reply);
	json_decref(request);
}

int syspolicyd_run(const struct syspolicyd_options *o, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = o->listener, .events = POLLIN};
		int fd;

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_sys(e, "the port of the service");
		if (p.revents & (POLLERR | POLLNVAL))
			return err_set(e, E_IO, "the port of the service is gone");
		fd = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		serve(o, fd);
		close(fd);
	}
}
