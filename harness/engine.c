/* SPDX-License-Identifier: MIT */
#include "harness/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness/boot_story.h"
#include "harness/engine_impl.h"
#include "harness/step_run.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define TAIL_LINES     20u
#define END_SHUTDOWN_S 180u

static uint64_t engine_ms(const struct engine *en)
{
	return (uint64_t)(clock_ns() - en->started_ns) / 1000000;
}

static double scale(const struct engine *en)
{
	return en->cfg->timeout_scale > 0 ? en->cfg->timeout_scale : 1;
}

static unsigned left_ms(const struct engine *en, double want_ms)
{
	int64_t left = (en->deadline_ns - clock_ns()) / 1000000;

	if (left < 1)
		return 1;
	return want_ms < (double)left ? (unsigned)want_ms : (unsigned)left;
}

unsigned engine_timeout_ms(const struct engine *en, const struct step *s)
{
	uint64_t seconds = s->timeout_s ? s->timeout_s : s->type->timeout_s;

	return left_ms(en, (double)seconds * 1000 * scale(en));
}

void engine_drop_files(struct engine *en)
{
	macfs_free(en->disk);
	en->disk = NULL;
}

int engine_files(struct engine *en, struct macfs **ret, struct err *e)
{
	int r = 0;

	if (!en->disk)
		r = en->on ? live_files(en, &en->disk, e)
			   : en->machine->ops->open_disk(en->machine->m, &en->disk, e);
	if (!r)
		*ret = en->disk;
	return r;
}

int engine_text(struct engine *en, const char *text, const char **ret, struct err *e)
{
	*ret = NULL;
	return text ? plan_expand(en->plan, text, &en->arena, ret, e) : 0;
}

int engine_check(struct engine *en, const char *name, bool ok, const char *expected,
		 struct err *e, const char *got, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, got);
	vsnprintf(text, sizeof(text), got, ap);
	va_end(ap);
	return result_check(en->res, en->cur, name, ok, expected, text, e);
}

/* @number is 0 for a step of the engine's own, not written in the file. */
static int begin_step(struct engine *en, size_t number, const char *type,
		      const char *title, struct err *e)
{
	if (en->cfg->step_begins)
		en->cfg->step_begins(en->cfg->ctx, number, en->plan->n_steps, title);
	en->cur = result_step(en->res, type, title, e);
	if (!en->cur)
		return -(int)E_NOMEM;
	en->cur->start_ms = engine_ms(en);
	return 0;
}

static void end_step(struct engine *en, int r, const struct err *e)
{
	en->cur->end_ms = engine_ms(en);
	if (r) {
		en->cur->error = arena_strdup(&en->res->arena, e->msg, NULL);
		en->cur->verdict = verdict_of_error(e);
	}
	if (en->cfg->step_ended)
		en->cfg->step_ended(en->cfg->ctx, en->cur);
}

static int run_step(struct engine *en, const struct step *s, size_t number, struct err *e)
{
	char title[160];
	int r;

	step_title(s, title, sizeof(title));
	r = begin_step(en, number, s->type->name, title, e);
	if (r)
		return r;
	en->cur->id = s->id ? arena_strdup(&en->res->arena, s->id, NULL) : NULL;
	en->cur->line = s->at->line;
	if (en->lost)
		en->cur->verdict = VERDICT_SKIPPED;
	else if (clock_ns() >= en->deadline_ns)
		r = err_set(e, E_TIMEOUT, "the run took longer than %" PRIu64 " s",
			    en->plan->s.timeout_s);
	else
		r = s->type->run(en, s, e);
	end_step(en, r, e);
	return r;
}

static int end_power_off(struct engine *en, struct err *e)
{
	int r;

	if (!en->on)
		return 0;
	r = begin_step(en, 0, "shutdown", "shutdown at the end", e);
	if (r)
		return r;
	r = engine_shutdown(en, ENGINE_HALT, left_ms(en, END_SHUTDOWN_S * 1000 * scale(en)), e);
	end_step(en, r, e);
	return r;
}

static int describe_kernel(struct engine *en, enum kernel_which which, const char *name,
			   struct err *e)
{
	struct kernel_info k = {.exists = false};
	char kexts[512] = "";
	size_t used = 0, others = 0;
	int r = engine_kernel(en, which, &k, e);

	if (r)
		return r;
	if (!k.exists)
		return result_state(en->res, e, "%-14s none", name);
	for (size_t i = 0; i < k.n_kexts && used < sizeof(kexts); i++) {
		if (!strncmp(k.kexts[i].id, "com.apple.", 10)) {
			others++;
			continue;
		}
		used += (size_t)snprintf(kexts + used, sizeof(kexts) - used, ", %s %s",
					 k.kexts[i].id, k.kexts[i].version);
	}
	return result_state(en->res, e, "%-14s %.12s%s, %zu of Apple's%s%s", name,
			    k.sha256, kexts, others, k.bad ? "; would be refused: " : "",
			    k.bad ? k.bad : "");
}

static int describe_seal(struct engine *en, struct err *e)
{
	struct seal_state s;
	int r = en->machine->ops->seal(en->machine->m, false, &s, e);

	if (!r)
		r = result_state(en->res, e, "%-14s live %s, next root %s (%s%s)", "seal",
				 s.live, s.root, s.snapshot, s.tagged ? ", tagged" : "");
	return r;
}

static int describe_end(struct engine *en, struct err *e)
{
	struct macfs_stat st;
	struct macfs *fs;
	struct err sub = ERR_INIT;
	int r = engine_files(en, &fs, e);

	if (!r)
		r = describe_kernel(en, KERNEL_SYSTEM, "system kernel", e);
	if (!r && en->release->staged_kernel)
		r = describe_kernel(en, KERNEL_STAGED, "staged kernel", e);
	if (!r && en->boots)
		r = describe_kernel(en, KERNEL_BOOTED, "booted kernel", e);
	if (!r && en->release->sealed_system)
		r = describe_seal(en, e);
	if (r || !en->release->staged_kernel)
		return r;
	r = macfs_stat(fs, PATH_SHOVE_KERNELS, &st, &sub);
	return result_state(en->res, e, "%-14s %s", "pending script",
			    !r		       ? PATH_SHOVE_KERNELS
			    : r == -E_NOTFOUND ? "none"
					       : sub.msg);
}

/* For people and grep(1); programs have events.jsonl. */
static int keep_unified_log(struct engine *en, struct err *e)
{
	struct buf text = BUF_INIT;
	char path[4096];
	int r = unified_log_text(en->ev, &text, e);

	if (!r && text.len) {
		r = fsio_join(path, sizeof(path), en->cfg->scratch_dir, "unified.log", e);
		if (!r)
			r = fsio_write_atomic(path, text.data, text.len, 0644, e);
	}
	buf_release(&text);
	return r;
}

static int judge_end(struct engine *en, struct err *e)
{
	const struct expect *all = en->plan->scn->expect;
	const struct expect *own = en->plan->variant ? en->plan->variant->expect : NULL;
	int64_t t = clock_ns();
	int r = begin_step(en, 0, "expect", "end state", e);

	if (r)
		return r;
	r = describe_end(en, e);
	if (!r)
		r = engine_system_log(en, e);
	if (!r)
		r = keep_unified_log(en, e);
	if (!r && en->plan->scn->show_boot)
		r = boot_story(en->ev, en->res, e);
	if (!r && all)
		r = engine_expect(en, all, e);
	if (!r && own)
		r = engine_expect(en, own, e);
	en->res->phase_ms[PHASE_INSPECT] += (uint64_t)(clock_ns() - t) / 1000000;
	t = clock_ns();
	if (!r)
		r = engine_judges(en, all, own, e);
	en->res->phase_ms[PHASE_JUDGES] += (uint64_t)(clock_ns() - t) / 1000000;
	end_step(en, r, e);
	return r;
}

static int carry_out(struct engine *en, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < en->plan->n_steps && !r; i++)
		r = run_step(en, &en->plan->steps[i], i + 1, e);
	if (!r)
		r = end_power_off(en, e);
	return r ? r : judge_end(en, e);
}

/* A broken carrier proves nothing about the Mac, whatever the checks say. */
static int check_badness(struct engine *en, struct err *e)
{
	const char *line, *what = evidence_badness(en->ev, &line);

	if (what)
		return err_set(e, E_INFRA, "%s: %s", what, line);
	if (en->ev->overflow)
		return err_set(e, E_INFRA, "more console output than can be kept");
	return 0;
}

static void keep_tail(struct engine *en)
{
	size_t n, from;
	const char *const *lines = evidence_lines(en->ev, SINCE_START, &n);

	from = n > TAIL_LINES ? n - TAIL_LINES : 0;
	en->res->tail = arena_array(&en->res->arena, TAIL_LINES, sizeof(char *), NULL);
	for (size_t i = from; en->res->tail && i < n; i++) {
		const char *copy = arena_strdup(&en->res->arena, lines[i], NULL);

		if (copy)
			en->res->tail[en->res->n_tail++] = copy;
	}
}

static void conclude(struct engine *en, int r, const struct err *e)
{
	struct result *res = en->res;

	for (size_t i = 0; i < res->n_steps; i++)
		res->verdict = verdict_worse(res->verdict, res->steps[i].verdict);
	if (r) {
		res->verdict = verdict_worse(res->verdict, verdict_of_error(e));
		res->error = arena_strdup(&res->arena, e->msg, NULL);
	}
	if (res->verdict != VERDICT_PASSED)
		keep_tail(en);
	else
		res->n_kextcache = 0;
	res->duration_ms = res->phase_ms[PHASE_STEPS] = engine_ms(en);
	for (unsigned p = 0; p < PHASE_MAX; p++)
		if (p != PHASE_STEPS && p != PHASE_DISK)
			res->phase_ms[PHASE_STEPS] -= res->phase_ms[p];
}

int engine_run(const struct engine_config *cfg, struct err *e)
{
	struct engine en = {
		.cfg = cfg,
		.plan = cfg->plan,
		.release = cfg->plan->s.release,
		.machine = cfg->machine,
		.ev = cfg->evidence,
		.res = cfg->result,
		.started_ns = clock_ns(),
	};
	struct err sub = ERR_INIT;
	int r, bad;

	en.deadline_ns = en.started_ns +
			 (int64_t)((double)cfg->plan->s.timeout_s * scale(&en) * 1e9);
	r = carry_out(&en, e);
	bad = check_badness(&en, &sub);
	if (bad && (!r || e->code != E_CANCELED)) {
		r = bad;
		*e = sub;
	}
	engine_drop_files(&en);
	conclude(&en, r, e);
	arena_release(&en.arena);
	return r;
}
