/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/vm/vm.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/vm/vm_impl.h"

/* From the event down to QEMU's end: an ACPI power-off. */
#define POWER_OFF_MS 10000

static const char *const down_names[] = {
	[VM_RUNNING] = "running",
	[VM_RESTART] = "restart",
	[VM_HALT] = "halt",
	[VM_PANIC] = "panic",
	[VM_REFUSED] = "refused",
	[VM_CUT] = "cut",
};

static double since(int64_t from)
{
	return (double)(clock_ns() - from) / 1e9;
}

void vm_note(struct vm *vm, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!vm->cfg.on_note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vm->cfg.on_note(vm->cfg.arg, text);
}

/* ---- events ------------------------------------------------------------------------ */

static void event_down(struct vm *vm, const json_t *event)
{
	const char *how = json_string_value(json_object_get(event, "how"));
	const char *reason = json_string_value(json_object_get(event, "reason"));

	vm->how = VM_PANIC;
	for (int i = VM_RESTART; i <= VM_REFUSED; i++)
		if (how && !strcmp(how, down_names[i]))
			vm->how = (enum vm_down)i;
	snprintf(vm->reason, sizeof(vm->reason), "%s", reason ? reason : "");
	vm->down_ns = clock_ns();
	if (vm->answered_ns)
		vm->times.shutdown = (double)(vm->down_ns - vm->answered_ns) / 1e9;
}

static void event_error(struct vm *vm, const json_t *event)
{
	const char *what = json_string_value(json_object_get(event, "error"));

	if (!vm->q.fault.code)
		err_set(&vm->q.fault, E_INFRA, "the carrier: %s", what ? what : "?");
}

static const struct {
	const char *name;
	void (*run)(struct vm *vm, const json_t *event);
} events[] = {
	{"down", event_down},
	{"carrier.error", event_error},
};

static void on_event(void *arg, const json_t *event)
{
	struct vm *vm = arg;
	const char *name = json_string_value(json_object_get(event, "event"));

	for (size_t i = 0; name && i < sizeof(events) / sizeof(*events); i++)
		if (!strcmp(events[i].name, name))
			events[i].run(vm, event);
	if (vm->cfg.on_event)
		vm->cfg.on_event(vm->cfg.arg, since(vm->zero_ns), event);
}

/* Put the callbacks into the channels of a fresh q. */
static void attach(struct vm *vm)
{
	vm->q.console.on_line = vm->cfg.on_console;
	vm->q.console.arg = vm->cfg.arg;
	vm->q.control.on_event = on_event;
	vm->q.control.arg = vm;
}

/* ---- waiting ----------------------------------------------------------------------- */

struct wait {
	struct vm *vm;
	bool (*done)(void *arg);
	void *arg;
};

static bool done_or_ended(void *arg)
{
	const struct wait *w = arg;

	return w->vm->q.process.ended || (w->done && w->done(w->arg));
}

/* QEMU ended. Fine when somebody said so; else the error that explains it. */
static int check_end(struct vm *vm, struct err *e)
{
	if (!vm->q.process.ended)
		return 0;
	/* What it said last is still in the channels. */
	qemu_kill(&vm->q);
	if (vm->how == VM_RUNNING && vm->cut)
		vm->how = VM_CUT;
	if (vm->how == VM_RUNNING)
		return qemu_explain_end(&vm->q, e);
	if (vm->down_ns && vm->times.power_off <= 0)
		vm->times.power_off = since(vm->down_ns);
	vm->times.max_rss_kib = vm->q.process.max_rss_kib;
	return 0;
}

static int pump(struct vm *vm, int64_t deadline, bool (*done)(void *), void *arg,
		struct err *e)
{
	struct wait w = {.vm = vm, .done = done, .arg = arg};
	int r = qemu_pump(&vm->q, deadline, done_or_ended, &w, e);

	return r ? r : check_end(vm, e);
}

int vm_wait(struct vm *vm, unsigned timeout_ms, bool (*done)(void *arg), void *arg,
	    struct err *e)
{
	return pump(vm, pump_after_ms(timeout_ms), done, arg, e);
}

struct line_search {
	const struct recorder *rec;
	regex_t re;
	size_t from;
	const char *line;
};

static bool line_found(void *arg)
{
	struct line_search *s = arg;

	for (; s->from < s->rec->n; s->from++) {
		s->line = recorder_line(s->rec, s->from);
		if (s->line && !regexec(&s->re, s->line, 0, NULL, 0))
			return true;
	}
	s->line = NULL;
	return false;
}

int vm_wait_console(struct vm *vm, const char *regex, size_t *from, unsigned timeout_ms,
		    struct buf *out, struct err *e)
{
	struct line_search s = {.rec = &vm->q.console, .from = *from};
	int r = regcomp(&s.re, regex, REG_EXTENDED | REG_NOSUB);

	if (r)
		return err_set(e, E_INVAL, "bad regular expression '%s'", regex);
	r = pump(vm, pump_after_ms(timeout_ms), line_found, &s, e);
	/* The end may have brought it. */
	if (!r && !s.line && !line_found(&s))
		r = err_set(e, E_NOTFOUND, "the machine went down");
	if (!r && out)
		r = buf_append(out, s.line, strlen(s.line), e);
	if (!r)
		*from = s.from + 1;
	regfree(&s.re);
	return r ? err_ctx(e, "waiting for a console line like '%s'", regex) : 0;
}

static bool is_down(void *arg)
{
	return ((const struct vm *)arg)->how != VM_RUNNING;
}

int vm_wait_down(struct vm *vm, unsigned timeout_ms, enum vm_down *how, struct err *e)
{
	int r = pump(vm, pump_after_ms(timeout_ms), is_down, vm, e);

	if (r)
		return err_ctx(e, "waiting for the machine to go down");
	r = pump(vm, pump_after_ms(POWER_OFF_MS), NULL, NULL, e);
	if (r == -E_TIMEOUT) {
		/* All is written; only the machine itself is stuck. */
		vm_note(vm, "QEMU did not power off and was killed");
		process_kill(&vm->q.process);
		r = check_end(vm, e);
	}
	if (!r)
		*how = vm->how;
	return r;
}

/* ---- life -------------------------------------------------------------------------- */

static int log_paths(struct vm *vm, const char *dir, struct err *e)
{
	int r = fsio_join(vm->console_log, sizeof(vm->console_log), dir, "console.log",
			  e);

	if (!r)
		r = fsio_join(vm->carrier_log, sizeof(vm->carrier_log), dir,
			      "carrier.log", e);
	if (!r)
		r = fsio_join(vm->messages, sizeof(vm->messages), dir, "qemu.log", e);
	return r;
}

int vm_start(const struct vm_config *cfg, struct vm **ret, struct err *e)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int64_t begin = clock_ns();
	int r;

	if (!vm)
		return err_set(e, E_NOMEM, "out of memory");
	vm->cfg = *cfg;
	vm->zero_ns = cfg->zero_ns ? cfg->zero_ns : begin;
	r = log_paths(vm, cfg->run_dir, e);
	if (!r)
		r = vm_bring_up(vm, e);
	if (r) {
		vm_free(vm);
		return r;
	}
	attach(vm);
	vm->times.start = since(begin);
	*ret = vm;
	return 0;
}

void vm_cut_power(struct vm *vm)
{
	struct err ignored = ERR_INIT;

	vm->cut = true;
	process_kill(&vm->q.process);
	if (check_end(vm, &ignored))
		err_clear(&ignored);
}

void vm_stop(struct vm *vm)
{
	if (vm->started)
		qemu_kill(&vm->q);
}

void vm_free(struct vm *vm)
{
	if (vm && vm->started)
		qemu_release(&vm->q);
	free(vm);
}

/* ---- questions --------------------------------------------------------------------- */

bool vm_is_down(const struct vm *vm, enum vm_down *how)
{
	if (how)
		*how = vm->how;
	return vm->how != VM_RUNNING;
}

const char *vm_down_reason(const struct vm *vm)
{
	return vm->reason;
}

size_t vm_last_lines(const struct vm *vm, const char **lines, size_t max)
{
	const struct recorder *rec = &vm->q.console;
	size_t have = rec->n < RECORDER_LINES ? rec->n : RECORDER_LINES;
	size_t n = max < have ? max : have;

	for (size_t i = 0; i < n; i++)
		lines[i] = recorder_line(rec, rec->n - n + i);
	return n;
}

const struct vm_times *vm_times(const struct vm *vm)
{
	return &vm->times;
}
