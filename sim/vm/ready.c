/* SPDX-License-Identifier: MIT */
/* From power-on, or from a template, to a carrier that listens. */
#include <stdio.h>
#include <string.h>

#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/vm/qemu.h"

#define MESSAGES_MAX (1u << 20)

/* A clock that is right is behind, since it starts later; some slack for rounding. */
#define CLOCK_SLACK_NS INT64_C(1000000000)

struct ready {
	const struct qemu *q;
	bool seen;
	int64_t up_ns;	 /* as the carrier counts */
	struct err down; /* it went down instead, for a reason that it knows */
};

static void on_event(void *arg, const json_t *event)
{
	struct ready *r = arg;
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *reason = json_string_value(json_object_get(event, "reason"));

	if (name && !strcmp(name, "ready")) {
		r->seen = true;
		r->up_ns = json_integer_value(json_object_get(event, "up_ns"));
	} else if (name && !strcmp(name, "down")) {
		err_set(&r->down, E_INFRA, "the carrier failed: %s",
			reason ? reason : "it did not say why");
	}
}

static bool ready_or_gone(void *arg)
{
	const struct ready *r = arg;

	return r->seen || r->down.code || r->q->process.ended || rpc_ended(&r->q->control);
}

int qemu_check_clock(int64_t up_ns, int64_t host_ns, struct err *e)
{
	if (up_ns <= host_ns + host_ns / 4 + CLOCK_SLACK_NS)
		return 0;
	return err_set(e, E_CORRUPT,
		       "the carrier's clock is wrong: it counted %.1f s in %.1f s",
		       (double)up_ns / 1e9, (double)host_ns / 1e9);
}

int qemu_wait_ready(struct qemu *q, int64_t deadline, struct err *e)
{
	struct ready w = {.q = q, .seen = false, .down = ERR_INIT};
	int64_t begin = clock_ns();
	int r;

	q->control.on_event = on_event;
	q->control.arg = &w;
	r = qemu_pump(q, deadline, ready_or_gone, &w, e);
	q->control.on_event = NULL;
	if (r)
		return err_ctx(e, "waiting for the carrier to be ready");
	if (w.down.code)
		return err_set(e, w.down.code, "%s", w.down.msg);
	return w.seen ? qemu_check_clock(w.up_ns, clock_ns() - begin, e)
		      : qemu_explain_end(q, e);
}

int qemu_wait_answer(struct qemu *q, int64_t deadline, struct err *e)
{
	json_t *ping = json_pack("{s:s}", "op", "ping"), *reply = NULL;
	int r;

	if (!ping)
		return err_set(e, E_NOMEM, "out of memory");
	r = rpc_call(&q->control, &q->pump, ping, -1, deadline, &reply, e);
	json_decref(ping);
	json_decref(reply);
	if (r == -E_INFRA && !q->fault.code)
		r = qemu_explain_end(q, e);
	return r ? err_ctx(e, "the restored carrier") : 0;
}

/* Last line of a file, into @out. */
static void last_line(const char *path, char *out, size_t size)
{
	struct buf text = BUF_INIT;
	char *s, *nl;

	out[0] = '\0';
	if (path && !fsio_read(path, MESSAGES_MAX, &text, NULL) && text.len &&
	    !buf_append(&text, "", 1, NULL)) {
		s = (char *)text.data;
		while ((nl = strrchr(s, '\n')) && !nl[1])
			*nl = '\0';
		snprintf(out, size, "%s", nl ? nl + 1 : s);
	}
	buf_release(&text);
}

int qemu_explain_end(struct qemu *q, struct err *e)
{
	char how[64], said[512];
	const char *log;

	qemu_kill(q);
	process_how(&q->process, how, sizeof(how));
	last_line(q->messages, said, sizeof(said));
	log = q->log.n ? recorder_line(&q->log, q->log.n - 1) : NULL;
	return err_set(e, E_INFRA, "the carrier ended without a word; QEMU %s%s%s%s%s",
		       how, said[0] ? "; it said: " : "", said,
		       log ? "; last line of its kernel: " : "", log ? log : "");
}
