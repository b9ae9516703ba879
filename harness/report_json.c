/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "harness/report.h"
#include "sim/base/json_text.h"

#define SCHEMA_VERSION 1

static json_t *text_or_null(const char *s)
{
	return s ? json_text(s) : json_null();
}

static json_t *texts(const char *const *items, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_text(items[i]));
	return list;
}

static json_t *check_json(const struct check *c)
{
	return json_pack("{s:o, s:s, s:o, s:o}", "name", json_text(c->name), "verdict",
			 c->skipped ? "skipped"
			 : c->ok    ? "passed"
				    : "failed",
			 "expected", json_text(c->expected), "got", json_text(c->got));
}

static json_t *step_json(const struct step_result *s)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(checks, check_json(&s->checks[i]));
	return json_pack("{s:s, s:o, s:o, s:i, s:s, s:I, s:I, s:o, s:o}", "step", s->type,
			 "title", json_text(s->title), "id", text_or_null(s->id), "line",
			 (int)s->line, "verdict", verdict_name(s->verdict), "start_ms",
			 (json_int_t)s->start_ms, "end_ms", (json_int_t)s->end_ms,
			 "checks", checks, "error", text_or_null(s->error));
}

static json_t *phases_json(const struct result *r)
{
	json_t *o = json_object();

	for (unsigned p = 0; p < PHASE_MAX; p++)
		json_object_set_new(o, phase_name((enum phase)p),
				    json_integer((json_int_t)r->phase_ms[p]));
	return o;
}

json_t *report_json(const struct result *r)
{
	json_t *steps = json_array();
	char csr[16];

	for (size_t i = 0; i < r->n_steps; i++)
		json_array_append_new(steps, step_json(&r->steps[i]));
	snprintf(csr, sizeof(csr), "0x%x", r->csr);
	return json_pack(
		"{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:I, "
		"s:I,"
		" s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"schema", SCHEMA_VERSION, "name", r->name, "scenario", r->scenario,
		"variant", text_or_null(r->variant), "control", text_or_null(r->control),
		"summary", text_or_null(r->summary), "file", text_or_null(r->file),
		"release", r->release, "machine", r->machine, "csr_active_config", csr,
		"accelerator", text_or_null(r->accel), "verdict",
		verdict_name(r->verdict), "error", text_or_null(r->error), "started",
		(json_int_t)r->started, "duration_ms", (json_int_t)r->duration_ms,
		"phases_ms", phases_json(r), "qemu_peak_kib", (json_int_t)r->peak_kib,
		"steps", steps, "end_state", texts(r->end_state, r->n_end_state),
		"console_tail", texts(r->tail, r->n_tail), "kextcache",
		texts(r->kextcache, r->n_kextcache), "run_dir", text_or_null(r->run_dir),
		"reproduce", text_or_null(r->reproduce), "boot",
		texts(r->story, r->n_story), "system", text_or_null(r->system), "kernel",
		text_or_null(r->kernel));
}
