/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/vm/qemu.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/carrier/control.h"

#define QMP_LINE_MAX   (1u << 20)
#define QMP_TIMEOUT_MS 10000
#define POLL_MS        20
/* Bytes per second: as fast as the disk takes it. */
#define SAVE_BANDWIDTH INT64_C(0x1000000000)

int qemu_version(const char *program, char out[static QEMU_VERSION_MAX], struct err *e)
{
	const char *name = program ? program : QEMU_PROGRAM;
	char command[PATH_MAX + 32];
	FILE *f;
	int status;

	if (strchr(name, '\''))
		return err_set(e, E_INVAL, "bad path of QEMU: %s", name);
	snprintf(command, sizeof(command), "exec '%s' --version 2>/dev/null", name);
	f = popen(command, "re");
	if (!f)
		return err_sys(e, "starting %s", name);
	if (!fgets(out, QEMU_VERSION_MAX, f))
		out[0] = '\0';
	status = pclose(f);
	out[strcspn(out, "\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, E_NOTFOUND, "there is no %s (make deps)", name);
	if (status || !out[0])
		return err_set(e, E_INFRA, "%s --version fails", name);
	return 0;
}

/* @path's file, as one that a rebuild or an upgrade would change. */
static bool identify(const char *path, char out[static QEMU_IDENTITY_MAX])
{
	struct stat st;

	if (access(path, X_OK) < 0 || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	snprintf(out, QEMU_IDENTITY_MAX, "%s %lld %lld.%09ld", path,
		 (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec);
	return true;
}

int qemu_identity(const char *program, char out[static QEMU_IDENTITY_MAX], struct err *e)
{
	const char *name = program ? program : QEMU_PROGRAM;
	const char *dir = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(name, '/')) {
		if (identify(name, out))
			return 0;
		dir = NULL;
	}
	while (dir && *dir) {
		size_t n = strcspn(dir, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir, name);
		if (identify(path, out))
			return 0;
		dir += n + (dir[n] == ':');
	}
	return err_set(e, E_NOTFOUND, "there is no %s (make deps)", name);
}

/* A host's disk that fails is no fault of the Mac's. */
static void on_qmp_event(void *arg, const json_t *event)
{
	struct qemu *q = arg;
	const char *name = json_string_value(json_object_get(event, "event"));
	const json_t *data = json_object_get(event, "data");
	const char *device = json_string_value(json_object_get(data, "device"));
	const char *reason = json_string_value(json_object_get(data, "reason"));

	if (!name || strcmp(name, "BLOCK_IO_ERROR") != 0 || q->fault.code)
		return;
	if (json_is_true(json_object_get(data, "nospace")))
		err_set(&q->fault, E_NOSPC, "No space left on the host's disk (%s)",
			device ? device : "?");
	else
		err_set(&q->fault, E_INFRA, "the host cannot read or write %s: %s",
			device ? device : "a disk", reason ? reason : "?");
}

static int make_channels(int ours[QEMU_CHANNELS], int theirs[QEMU_CHANNELS],
			 struct err *e)
{
	for (int i = 0; i < QEMU_CHANNELS; i++) {
		int sv[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
			return err_sys(e, "socketpair");
		ours[i] = sv[0];
		theirs[i] = sv[1];
	}
	return 0;
}

static int attach(struct qemu *q, int ours[QEMU_CHANNELS], const struct qemu_logs *l,
		  int64_t zero_ns, struct err *e)
{
	int r = recorder_init(&q->console, ours[QEMU_CONSOLE], l->console, zero_ns, e);
	int r2 = recorder_init(&q->log, ours[QEMU_LOG], l->carrier, zero_ns,
			       r ? NULL : e);

	rpc_init(&q->control, ours[QEMU_CONTROL]);
	q->control.name = "control channel";
	q->control.abort = &q->fault;
	rpc_init(&q->qmp, ours[QEMU_QMP]);
	q->qmp.name = "QMP";
	q->qmp.line_max = QMP_LINE_MAX;
	q->qmp.on_event = on_qmp_event;
	q->qmp.arg = q;
	/* Owned by the four from now on. */
	for (int i = 0; i < QEMU_CHANNELS; i++)
		ours[i] = -1;
	return r ? r : r2;
}

/* QMP tells no event before its negotiation is over. */
static int enable_events(struct qemu *q, struct err *e)
{
	json_t *req = json_pack("{s:s}", "execute", "qmp_capabilities");
	int r = req ? rpc_post(&q->qmp, req, e) : err_set(e, E_NOMEM, "out of memory");

	json_decref(req);
	return r;
}

static int launch(struct qemu *q, const struct qemu_machine *m, const char *messages,
		  const int theirs[QEMU_CHANNELS], struct err *e)
{
	int keep[QEMU_CHANNELS + 1];
	char **args;
	size_t n = 0;
	int r = qemu_args(m, theirs, &args, e);

	if (r)
		return r;
	for (; n < QEMU_CHANNELS; n++)
		keep[n] = theirs[n];
	if (m->incoming >= 0)
		keep[n++] = m->incoming;
	r = process_start(&q->process, (const char *const *)args, keep, n, messages, e);
	qemu_args_free(args);
	return r;
}

int qemu_start(struct qemu *q, const struct qemu_machine *m, const struct qemu_logs *l,
	       int64_t zero_ns, int stop_fd, struct err *e)
{
	int ours[QEMU_CHANNELS] = {-1, -1, -1, -1};
	int theirs[QEMU_CHANNELS] = {-1, -1, -1, -1};
	int r;

	memset(q, 0, sizeof(*q));
	q->process.source.fd = q->console.source.fd = q->log.source.fd = -1;
	q->console.file = q->log.file = -1;
	q->control.source.fd = q->qmp.source.fd = -1;
	snprintf(q->messages, sizeof(q->messages), "%s", l->messages);
	r = make_channels(ours, theirs, e);
	if (!r)
		r = attach(q, ours, l, zero_ns, e);
	if (!r)
		r = enable_events(q, e);
	if (!r)
		r = launch(q, m, l->messages, theirs, e);
	for (int i = 0; i < QEMU_CHANNELS; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
		if (ours[i] >= 0)
			close(ours[i]);
	}
	q->pump = (struct pump){
		.sources = {&q->console.source, &q->log.source, &q->control.source,
			    &q->qmp.source, &q->process.source},
		.n = 5,
		.stop_fd = stop_fd,
	};
	return r;
}

static bool channels_ended(void *arg)
{
	const struct qemu *q = arg;

	return q->console.source.fd < 0 && q->log.source.fd < 0 &&
	       rpc_ended(&q->control) && rpc_ended(&q->qmp);
}

void qemu_kill(struct qemu *q)
{
	struct err ignored = ERR_INIT;

	process_kill(&q->process);
	/* Its ends are closed, so this takes what is left and comes to an end at once. */
	q->pump.stop_fd = -1;
	if (pump_until(&q->pump, pump_after_ms(1000), channels_ended, q, &ignored))
		err_clear(&ignored);
}

void qemu_release(struct qemu *q)
{
	qemu_kill(q);
	recorder_release(&q->console);
	recorder_release(&q->log);
	rpc_release(&q->control);
	rpc_release(&q->qmp);
}

struct wait {
	const struct qemu *q;
	bool (*done)(void *);
	void *arg;
};

static bool done_or_fault(void *arg)
{
	const struct wait *w = arg;

	return w->q->fault.code || w->q->console.lost.code ||
	       (w->done && w->done(w->arg));
}

/* What stopped the machine, if something did. */
static int fault_of(const struct qemu *q, struct err *e)
{
	const struct err *f = q->fault.code ? &q->fault : &q->console.lost;

	return f->code ? err_set(e, f->code, "%s", f->msg) : 0;
}

int qemu_pump(struct qemu *q, int64_t deadline, bool (*done)(void *), void *arg,
	      struct err *e)
{
	struct wait w = {.q = q, .done = done, .arg = arg};
	int r = pump_until(&q->pump, deadline, done_or_fault, &w, e);

	return r ? r : fault_of(q, e);
}

int qemu_command(struct qemu *q, const char *name, json_t *args, int send_fd,
		 unsigned timeout_ms, json_t **ret, struct err *e)
{
	json_t *req = json_pack("{s:s,s:o*}", "execute", name, "arguments", args);
	json_t *reply = NULL;
	const char *desc;
	int r;

	if (!req)
		return err_set(e, E_NOMEM, "out of memory");
	r = rpc_call(&q->qmp, &q->pump, req, send_fd, pump_after_ms(timeout_ms), &reply,
		     e);
	json_decref(req);
	if (r)
		return err_ctx(e, "%s", name);
	desc = json_string_value(
		json_object_get(json_object_get(reply, "error"), "desc"));
	if (desc)
		r = err_set(e, E_INFRA, "QEMU refuses %s: %s", name, desc);
	else if (ret)
		*ret = json_incref(json_object_get(reply, "return"));
	json_decref(reply);
	return r;
}

/* "completed", "active", "failed", ... into @out. */
static int migration_status(struct qemu *q, char *out, size_t size, struct err *e)
{
	json_t *info = NULL;
	const char *status;
	int r = qemu_command(q, "query-migrate", NULL, -1, QMP_TIMEOUT_MS, &info, e);

	if (r)
		return r;
	status = json_string_value(json_object_get(info, "status"));
	snprintf(out, size, "%s", status ? status : "none");
	json_decref(info);
	return 0;
}

/* Wait for the end of the migration that was begun. */
static int wait_saved(struct qemu *q, int64_t deadline, struct err *e)
{
	for (;;) {
		struct err why = ERR_INIT;
		char status[32];
		int r = migration_status(q, status, sizeof(status), e);

		if (r || !strcmp(status, "completed"))
			return r;
		if (!strcmp(status, "failed") || !strcmp(status, "cancelled"))
			return err_set(e, E_INFRA, "QEMU could not save the machine");
		if (clock_ns() >= deadline)
			return err_set(e, E_TIMEOUT, "saving the machine timed out");
		r = qemu_pump(q, pump_after_ms(POLL_MS), NULL, NULL, &why);
		if (r && r != -E_TIMEOUT)
			return err_set(e, why.code, "%s", why.msg);
	}
}

int qemu_save(struct qemu *q, int fd, unsigned timeout_ms, struct err *e)
{
	int64_t deadline = pump_after_ms(timeout_ms);
	int r;

	/*
	 * Not stopped before: the state says whether the machine ran, and a restored one
	 * would stay stopped as well.
	 */
	r = qemu_command(q, "migrate-set-parameters",
			 json_pack("{s:I}", "max-bandwidth", (json_int_t)SAVE_BANDWIDTH),
			 -1, QMP_TIMEOUT_MS, NULL, e);
	if (!r)
		r = qemu_command(q, "getfd", json_pack("{s:s}", "fdname", "state"), fd,
				 QMP_TIMEOUT_MS, NULL, e);
	if (!r)
		r = qemu_command(q, "migrate", json_pack("{s:s}", "uri", "fd:state"), -1,
				 QMP_TIMEOUT_MS, NULL, e);
	return r ? r : wait_saved(q, deadline, e);
}
