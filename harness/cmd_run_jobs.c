/* SPDX-License-Identifier: MIT */
/* The runs of `kextlab run`, one after the other or several at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cmd_run.h"
#include "harness/pool.h"
#include "harness/report.h"
#include "harness/run.h"
#include "harness/ui.h"
#include "sim/base/nearest.h"

#define HINTS_MAX 64u

struct job {
	const struct selected *sel;
	const struct scn_control *control; /* NULL: none */
};

struct jobs {
	const struct app *app;
	const struct run_options *o;
	struct results *rs;
	struct ui *ui;
	bool colours;
	struct job *items;
	size_t n, cap;
	size_t begun, ended;
	struct result *
		*slots; /* of the runs that ended, by number; for several at a time */
};

void results_release(struct results *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		result_free(rs->items[i]);
	free(rs->items);
	*rs = (struct results){.n = 0};
}

/* ---- what is to be run ---- */

static int add_job(struct jobs *js, const struct selected *sel,
		   const struct scn_control *control, struct err *e)
{
	for (unsigned long i = 0; i < js->o->repeat; i++) {
		if (js->n == js->cap) {
			size_t cap = js->cap ? js->cap * 2 : 64;
			struct job *more = reallocarray(js->items, cap, sizeof(*more));

			if (!more)
				return err_set(e, E_NOMEM, "out of memory");
			js->items = more;
			js->cap = cap;
		}
		js->items[js->n++] = (struct job){sel, control};
	}
	return 0;
}

/* The variant that a control is for: the one it names, else the first. */
static bool control_fits(const struct scenario *s, const struct scn_control *c,
			 const struct scn_variant *v)
{
	if (!v)
		return true;
	return c->variant ? !strcmp(c->variant, v->name) : v == &s->variants[0];
}

static int add_controls(struct jobs *js, const struct selected *sel, struct err *e)
{
	const struct scenario *s = sel->scn;
	const char *only = js->o->control;
	int r = 0;

	for (size_t i = 0; i < s->n_controls && !r; i++)
		if ((!only || !strcmp(only, s->controls[i].name)) &&
		    control_fits(s, &s->controls[i], sel->variant))
			r = add_job(js, sel, &s->controls[i], e);
	return r;
}

static int no_such_control(const char *name, const struct selection *sel, struct err *e)
{
	const char *names[HINTS_MAX];
	char hint[NEAREST_HINT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sel->n_all; i++)
		for (size_t k = 0; k < sel->all[i]->n_controls && n < HINTS_MAX; k++)
			names[n++] = sel->all[i]->controls[k].name;
	return err_set(e, E_INVAL, "no control is called '%s'%s", name,
		       nearest_hint(name, names, n, hint));
}

static int list_jobs(struct jobs *js, const struct selection *sel, struct err *e)
{
	bool controls = js->o->controls || js->o->control;
	int r = 0;

	for (size_t i = 0; i < sel->n && !r; i++)
		r = controls ? add_controls(js, &sel->items[i], e)
			     : add_job(js, &sel->items[i], NULL, e);
	if (!r && js->o->control && !js->n)
		r = no_such_control(js->o->control, sel, e);
	return r;
}

/* ---- one of them ---- */

static int print_text(const struct jobs *js, const struct result *res, struct err *e)
{
	struct buf b = BUF_INIT;
	FILE *out = js->o->json ? stderr : stdout;
	int r = report_text(res, js->colours, &b, e);

	if (!r) {
		fputs(buf_str(&b), out);
		fflush(out);
	}
	buf_release(&b);
	return r;
}

static int run_job(const struct jobs *js, const struct job *job, struct ui *ui,
		   struct result **ret, struct err *e)
{
	const struct app *app = js->app;
	const struct run_config cfg = {
		.source_dir = app->source_dir,
		.build_dir = app->build_dir,
		.keep = js->o->keep,
		.timeout_scale = app->timeout_scale,
		.stop_fd = js->o->stop_fd,
		.display = ui_display(ui),
	};
	struct plan_options po = js->o->plan;
	struct plan *plan = NULL;
	int r;

	po.build_dir = app->build_dir;
	po.source_dir = app->source_dir;
	po.program = app->program;
	po.variant = job->sel->variant;
	po.control = job->control;
	r = plan_make(job->sel->scn, &po, &plan, e);
	if (!r)
		r = run_plan(&cfg, plan, ret, e);
	plan_free(plan);
	return r;
}

static int keep_result(struct results *rs, struct result *res, struct err *e)
{
	struct result **items = reallocarray(rs->items, rs->n + 1, sizeof(*items));

	if (!items) {
		result_free(res);
		return err_set(e, E_NOMEM, "out of memory");
	}
	rs->items = items;
	rs->items[rs->n++] = res;
	rs->worst = rs->n == 1 ? res->verdict : verdict_worse(rs->worst, res->verdict);
	return 0;
}

static bool stopped(void *ctx)
{
	const struct jobs *js = ctx;

	return run_stopped(js->o->stop_fd);
}

static int one_by_one(struct jobs *js, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < js->n && !r && !stopped(js); i++) {
		struct result *res;

		r = run_job(js, &js->items[i], js->ui, &res, e);
		if (!r)
			r = keep_result(js->rs, res, e);
		if (!r)
			r = print_text(js, res, e);
	}
	return r;
}

/* ---- several at a time ---- */

static int say_result(const struct result *res, struct buf *said, struct err *e)
{
	json_t *json = report_json(res);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int r = text ? buf_printf(said, e, "%s", text)
		     : err_set(e, E_NOMEM, "out of memory");

	free(text);
	json_decref(json);
	return r;
}

static int work(void *ctx, size_t i, struct buf *said, struct err *e)
{
	const struct jobs *js = ctx;
	struct ui *ui = ui_new(js->o->quiet);
	struct result *res = NULL;
	int r = ui ? 0 : err_set(e, E_NOMEM, "out of memory");

	if (!r)
		r = run_job(js, &js->items[i], ui, &res, e);
	if (!r)
		r = print_text(js, res, e);
	if (!r)
		r = say_result(res, said, e);
	result_free(res);
	ui_free(ui);
	return r;
}

static void show_progress(struct jobs *js)
{
	ui_progress(js->ui, js->ended, js->n, js->begun - js->ended);
}

static void begins(void *ctx, size_t job)
{
	struct jobs *js = ctx;

	(void)job;
	js->begun++;
	show_progress(js);
}

static int done(void *ctx, const struct pool_done *d, struct err *e)
{
	struct jobs *js = ctx;
	struct result *res;
	json_t *json;
	int r;

	js->ended++;
	ui_pause(js->ui);
	fwrite(d->err.data, 1, d->err.len, stderr);
	fwrite(d->out.data, 1, d->out.len, stdout);
	fflush(stdout);
	show_progress(js);
	if (!d->said.len)
		return 0;
	json = json_loadb((const char *)d->said.data, d->said.len, 0, NULL);
	r = result_from_json(json, &res, e);
	json_decref(json);
	if (!r)
		js->slots[d->job] = res;
	return r;
}

/* In order of their numbers, whichever ended first. */
static int keep_slots(struct jobs *js, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < js->n; i++)
		if (js->slots[i] && !r)
			r = keep_result(js->rs, js->slots[i], e);
		else
			result_free(js->slots[i]);
	free(js->slots);
	return r;
}

static int at_once(struct jobs *js, struct err *e)
{
	struct err why = ERR_INIT;
	const struct pool p = {
		.n_jobs = js->n,
		.at_once = js->o->jobs,
		.ctx = js,
		.work = work,
		.begins = begins,
		.done = done,
		.stopped = stopped,
	};
	int r;

	js->slots = calloc(js->n, sizeof(struct result *));
	if (!js->slots)
		return err_set(e, E_NOMEM, "out of memory");
	r = pool_run(&p, e);
	if (keep_slots(js, &why))
		err_keep_first(&r, e, &why);
	return r;
}

int run_jobs(const struct app *app, const struct run_options *o,
	     const struct selection *sel, struct results *rs, struct err *e)
{
	struct jobs js = {
		.app = app,
		.o = o,
		.rs = rs,
		.ui = ui_new(o->quiet),
		.colours = ui_colours(o->json ? STDERR_FILENO : STDOUT_FILENO),
	};
	int r = js.ui ? list_jobs(&js, sel, e) : err_set(e, E_NOMEM, "out of memory");

	if (!r)
		r = o->jobs > 1 && js.n > 1 ? at_once(&js, e) : one_by_one(&js, e);
	ui_free(js.ui);
	free(js.items);
	return r;
}
