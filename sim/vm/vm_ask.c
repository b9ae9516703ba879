/* SPDX-License-Identifier: MIT */
/* What the host asks of the carrier: the requests of the control channel. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/carrier/control.h"
#include "sim/vm/vm_impl.h"

#define DEFAULT_BOOT_MS 120000
#define DEFAULT_EXEC_MS 60000
/* The guest keeps the time of an exec itself; we give up only when it is stuck. */
#define EXEC_GRACE_MS   15000
#define DOWN_MS         30000
#define SEED_LEN        32

int vm_request(struct vm *vm, json_t *req, unsigned timeout_ms, json_t **ret,
	       struct err *e)
{
	const char *op = json_string_value(json_object_get(req, "op"));
	int r;

	if (op && !strcmp(op, "power"))
		vm->cut = true;
	r = rpc_call(&vm->q.control, &vm->q.pump, req, -1, pump_after_ms(timeout_ms), ret,
		     e);
	vm->answered_ns = clock_ns();
	if (!r || r == -E_TIMEOUT || r == -E_CANCELED)
		return r;
	/* It ended instead of answering: by its will, by a fault, or for no reason. */
	if (vm->q.fault.code)
		return err_set(e, vm->q.fault.code, "%s", vm->q.fault.msg);
	if (vm->how != VM_RUNNING || vm->cut)
		return err_set(e, E_BUSY, "the machine went down");
	return qemu_explain_end(&vm->q, e);
}

static int set_b64(json_t *o, const char *key, const void *data, size_t len,
		   struct err *e)
{
	struct buf text = BUF_INIT;
	int r = control_b64_encode(data, len, &text, e);

	if (!r && json_object_set_new(o, key, json_stringn((const char *)text.data,
							   text.len)))
		r = err_set(e, E_NOMEM, "out of memory");
	buf_release(&text);
	return r;
}

static int get_b64(const json_t *o, const char *key, struct buf *out, struct err *e)
{
	const json_t *s = json_object_get(o, key);

	if (!json_is_string(s))
		return err_set(e, E_INFRA, "the carrier's reply has no %s", key);
	return control_b64_decode(json_string_value(s), json_string_length(s), out, e);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "?";
}

static bool went_down(void *arg)
{
	return ((const struct vm *)arg)->how != VM_RUNNING;
}

/* The Mac did not come up: wait for the word `down` that says how. */
static int not_up(struct vm *vm, const char *reason, char **refused, struct err *e)
{
	int r = vm_wait(vm, DOWN_MS, went_down, vm, e);

	if (r)
		return err_ctx(e, "the Mac did not start (%s)", reason);
	*refused = strdup(reason);
	return *refused ? 0 : err_set(e, E_NOMEM, "out of memory");
}

int vm_boot(struct vm *vm, const struct vm_boot *b, char **refused, struct err *e)
{
	json_t *req = json_pack("{s:s,s:I,s:f,s:s*,s:s*,s:s*}", "op", "boot", "time_ns",
				(json_int_t)b->time_ns, "time_factor", b->time_factor,
				"machine", b->machine, "button", b->button, "hold",
				b->hold);
	uint8_t seed[SEED_LEN];
	json_t *reply = NULL;
	int64_t begin = clock_ns();
	int r;

	*refused = NULL;
	if (!req)
		return err_set(e, E_NOMEM, "out of memory");
	if (RAND_bytes(seed, sizeof(seed)) != 1)
		r = err_set(e, E_INFRA, "no random bytes");
	else
		r = set_b64(req, "seed", seed, sizeof(seed), e);
	if (!r)
		r = vm_request(vm, req, b->timeout_ms ? b->timeout_ms : DEFAULT_BOOT_MS,
			       &reply, e);
	json_decref(req);
	if (!r && !json_is_true(json_object_get(reply, "ok")))
		r = not_up(vm, text_of(reply, "error"), refused, e);
	json_decref(reply);
	vm->times.boot = (double)(clock_ns() - begin) / 1e9;
	return r ? err_ctx(e, "boot") : 0;
}

static json_t *string_array(const char *const *v)
{
	json_t *a = json_array();

	for (; a && v && *v; v++)
		if (json_array_append_new(a, json_string(*v))) {
			json_decref(a);
			return NULL;
		}
	return a;
}

static int exec_request(const struct vm_exec *x, json_t **ret, struct err *e)
{
	json_t *req = json_pack("{s:s,s:o,s:I,s:I}", "op", "exec", "argv",
				string_array(x->argv), "timeout_ms",
				(json_int_t)(x->timeout_ms ? x->timeout_ms
							   : DEFAULT_EXEC_MS),
				"uid", (json_int_t)x->uid);
	int r = 0;

	if (!req)
		return err_set(e, E_INVAL, "arguments that are not UTF-8");
	if (x->env && json_object_set_new(req, "env", string_array(x->env)))
		r = err_set(e, E_INVAL, "an environment that is not UTF-8");
	if (!r && x->in_len > CONTROL_STDIN_MAX)
		r = err_set(e, E_OVERFLOW, "standard input of more than %u bytes",
			    CONTROL_STDIN_MAX);
	if (!r && x->in_len)
		r = set_b64(req, "stdin", x->in, x->in_len, e);
	if (r)
		json_decref(req);
	else
		*ret = req;
	return r;
}

static const struct {
	const char *why;
	enum err_code code;
} refusals[] = {
	{"not-started", E_NOTFOUND},
	{"timeout", E_TIMEOUT},
	{"down", E_BUSY},
	{"request", E_INVAL},
};

static int refusal(const json_t *reply, struct err *e)
{
	const char *why = text_of(reply, "why");

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (!strcmp(refusals[i].why, why))
			return err_set(e, refusals[i].code, "%s",
				       text_of(reply, "error"));
	return err_set(e, E_INFRA, "%s", text_of(reply, "error"));
}

static int exec_reply(const json_t *reply, struct vm_result *res, struct err *e)
{
	bool ok = json_is_true(json_object_get(reply, "ok"));
	int r = 0;

	/* What a program wrote before it was killed is worth having, too. */
	if (ok || json_object_get(reply, "stdout")) {
		r = get_b64(reply, "stdout", &res->out, e);
		if (!r)
			r = get_b64(reply, "stderr", &res->err, e);
		res->truncated = json_is_true(json_object_get(reply, "truncated"));
	}
	if (r || !ok)
		return r ? r : refusal(reply, e);
	res->status = (int)json_integer_value(json_object_get(reply, "status"));
	res->signal = (int)json_integer_value(json_object_get(reply, "signal"));
	return 0;
}

int vm_exec(struct vm *vm, const struct vm_exec *x, struct vm_result *res, struct err *e)
{
	unsigned ms = x->timeout_ms ? x->timeout_ms : DEFAULT_EXEC_MS;
	json_t *req = NULL, *reply = NULL;
	int r = exec_request(x, &req, e);

	if (!r)
		r = vm_request(vm, req, ms + EXEC_GRACE_MS, &reply, e);
	if (!r)
		r = exec_reply(reply, res, e);
	json_decref(req);
	json_decref(reply);
	return r ? err_ctx(e, "%s", x->argv[0]) : 0;
}

void vm_result_release(struct vm_result *r)
{
	buf_release(&r->out);
	buf_release(&r->err);
}
