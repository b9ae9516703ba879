/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/machine_vm.h"
#include "harness/report.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"

#define RUNS_PER_SECOND_MAX 1000u
#define PATH_LEN	    4096
/* A real Mac's kexts are a hundred times the stand-ins; most of it is hashed and packed. */
#define OWN_SYSTEM_SLOWER 4

struct run {
	const struct run_config *cfg;
	const struct plan *plan;
	struct result *res;
	struct evidence ev;
	struct image_env images;
	struct disk_spec spec;
	struct disk_kext *kexts;
	const char **approved;
	size_t n_approved;
	struct machine_vm_config vm_cfg;
	struct machine_vm *vm;
	struct machine machine;
	char dir[PATH_LEN], cache[PATH_LEN], guest[PATH_LEN];
};

bool run_stopped(int stop_fd)
{
	struct pollfd p = {.fd = stop_fd, .events = POLLIN};

	return stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* build/runs/<scenario>/20191010-110031-4711[-variant]; mkdir decides who has it. */
static int make_dir(struct run *run, struct err *e)
{
	const struct plan *p = run->plan;
	char parent[PATH_LEN - 256], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int r;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	if (snprintf(parent, sizeof(parent), "%s/runs/%s", run->cfg->build_dir,
		     p->scn->name) >= (int)sizeof(parent))
		return err_set(e, E_OVERFLOW, "path of the run is too long");
	r = fsio_mkdirs(parent, 0755, e);
	for (unsigned i = 0; i < RUNS_PER_SECOND_MAX && !r; i++) {
		char more[16] = "";

		if (i)
			snprintf(more, sizeof(more), ".%u", i);
		snprintf(run->dir, sizeof(run->dir), "%s/%s-%ld%s%s%s", parent, stamp,
			 (long)getpid(), more, p->variant ? "-" : "",
			 p->variant ? p->variant->name : "");
		if (!mkdir(run->dir, 0755))
			return 0;
		if (errno != EEXIST)
			r = err_sys(e, "making '%s'", run->dir);
	}
	return r ? r : err_set(e, E_EXISTS, "'%s' is taken", run->dir);
}

/* Replaced by rename, so that it never points nowhere. */
static int point_latest(const struct run *run, struct err *e)
{
	const char *name = strrchr(run->dir, '/') + 1;
	char link[PATH_LEN + 16], tmp[PATH_LEN + 64];
	int parent = (int)(name - run->dir);

	snprintf(link, sizeof(link), "%.*slatest", parent, run->dir);
	snprintf(tmp, sizeof(tmp), "%.*s.latest.%s", parent, run->dir, name);
	if (symlink(name, tmp) || rename(tmp, link)) {
		int r = err_sys(e, "'%s'", link);

		unlink(tmp);
		return r;
	}
	return 0;
}

/* A result outlives its plan. */
static const char *own(struct run *run, const char *text)
{
	return text ? arena_strdup(&run->res->arena, text, NULL) : NULL;
}

static int describe(struct run *run, struct err *e)
{
	struct result *res = run->res;
	const struct plan *p = run->plan;

	res->name = own(run, p->name);
	res->scenario = own(run, p->scn->name);
	res->variant = own(run, p->variant ? p->variant->name : NULL);
	res->control = own(run, p->control ? p->control->name : NULL);
	res->summary = own(run, p->scn->summary);
	res->file = own(run, p->scn->file);
	res->machine = own(run, p->s.machine->name);
	res->system = own(run, p->system);
	res->kernel = own(run, p->kernel);
	res->reproduce = own(run, p->reproduce);
	res->run_dir = own(run, run->dir);
	res->release = p->s.release->name;
	res->csr = p->s.csr;
	res->started = time(NULL);
	return res->name && res->scenario && res->summary && res->file && res->machine &&
			       res->reproduce && res->run_dir
		       ? 0
		       : err_set(e, E_NOMEM, "out of memory");
}

/* What the user of the disk has approved: everything, unless the scenario says. */
static int list_approved(struct run *run, struct err *e)
{
	const struct plan *p = run->plan;
	const struct scn_settings *s = &p->s;
	size_t n = s->approved_at ? s->approved.n : p->n_bundles;
	int r = 0;

	run->approved = arena_array(&run->res->arena, n, sizeof(*run->approved), e);
	if (!run->approved)
		return -(int)E_NOMEM;
	for (size_t i = 0; i < n && !r; i++) {
		const struct plan_bundle *b = &p->bundles[i];

		if (s->approved_at)
			r = plan_bundle(p, s->approved.items[i], &b, e);
		if (!r)
			run->approved[i] = b->path;
	}
	run->n_approved = n;
	return r;
}

static int fill_spec(struct run *run, struct err *e)
{
	const struct scn_settings *s = &run->plan->s;
	int r = 0;

	run->kexts = arena_array(&run->res->arena, s->n_kexts, sizeof(*run->kexts), e);
	if (!run->kexts)
		return -(int)E_NOMEM;
	for (size_t i = 0; i < s->n_kexts && !r; i++) {
		const struct plan_bundle *b;

		r = plan_bundle(run->plan, s->kexts[i].bundle, &b, e);
		if (!r)
			run->kexts[i] =
				(struct disk_kext){b->path, s->kexts[i].to, b->mac_name};
	}
	if (!r)
		r = list_approved(run, e);
	/* An empty user takes FileVault away, for --set and controls. */
	run->spec = (struct disk_spec){
		.release = s->release,
		.machine = s->machine,
		.system = run->plan->system,
		.system_name = s->volumes.system_name,
		.order = (enum volume_order)s->volumes.order,
		.filevault_user = s->filevault.user && s->filevault.user[0]
					  ? s->filevault.user
					  : NULL,
		.filevault_passphrase = s->filevault.passphrase,
		.sleepimage_mib = s->volumes.sleepimage_mib,
		.kexts = run->kexts,
		.n_kexts = s->n_kexts,
		.approved = run->approved,
		.n_approved = run->n_approved,
		.csr = s->csr,
		.security = (enum sb_level)s->security,
	};
	return r;
}

static void note(void *ctx, const char *what)
{
	const struct run *run = ctx;

	if (run->cfg->display.note)
		run->cfg->display.note(run->cfg->display.ctx, what);
}

static bool stopped(void *ctx)
{
	const struct run *run = ctx;

	return run_stopped(run->cfg->stop_fd);
}

static int make_real_machine(struct run *run, struct err *e)
{
	const struct run_config *c = run->cfg;
	int r = fsio_join(run->cache, sizeof(run->cache), c->build_dir, "cache", e);

	if (!r)
		r = fsio_join(run->guest, sizeof(run->guest), c->build_dir, "guest", e);
	if (!r)
		r = fill_spec(run, e);
	if (r)
		return r;
	run->images = (struct image_env){c->source_dir, c->build_dir, note, run, stopped};
	run->vm_cfg = (struct machine_vm_config){
		.images = &run->images,
		.cache_dir = run->cache,
		.guest_dir = run->guest,
		.run_dir = run->dir,
		.disk = &run->spec,
		.model = run->plan->s.machine,
		.stop_fd = c->stop_fd,
		.sink = evidence_sink(&run->ev),
		.ctx = run,
		.note = note,
	};
	r = machine_vm_new(&run->vm_cfg, &run->vm, e);
	if (!r)
		run->machine = machine_vm_interface(run->vm);
	return r;
}

static int carry_out(struct run *run, struct err *e)
{
	const struct run_config *c = run->cfg;
	const struct engine_config ec = {
		.plan = run->plan,
		.machine = &run->machine,
		.evidence = &run->ev,
		.result = run->res,
		.scratch_dir = run->dir,
		.timeout_scale = c->timeout_scale * (run->plan->system ? OWN_SYSTEM_SLOWER : 1),
		.read_kernel = c->read_kernel,
		.judges = c->judges,
		.ctx = c->display.ctx,
		.step_begins = c->display.step_begins,
		.step_ended = c->display.step_ended,
	};
	char path[PATH_LEN];
	int64_t start = clock_ms();
	int r = fsio_join(path, sizeof(path), run->dir, "events.jsonl", e);

	if (!r)
		r = evidence_init(&run->ev, path, e);
	if (!r)
		r = c->make_machine
			    ? c->make_machine(c->make_arg, run->plan, run->dir,
					      evidence_sink(&run->ev), &run->machine, e)
			    : make_real_machine(run, e);
	run->res->phase_ms[PHASE_DISK] = (uint64_t)(clock_ms() - start);
	if (r)
		return r;
	r = engine_run(&ec, e);
	run->res->duration_ms = (uint64_t)(clock_ms() - start);
	return r;
}

/* A control passes when what it took away makes the right checks fail. */
static int judge_control(struct run *run, struct err *e)
{
	const struct scn_control *c = run->plan->control;
	struct result *res = run->res;
	struct step_result *s;
	bool *fails;
	int r = 0;

	if (!c || (res->verdict != VERDICT_FAILED && res->verdict != VERDICT_PASSED))
		return 0;
	/* Asked before the control's own checks are added, which have the same names. */
	fails = arena_array(&res->arena, c->fails.n, sizeof(*fails), e);
	for (size_t i = 0; fails && i < c->fails.n; i++)
		fails[i] = result_any_fails(res, c->fails.items[i]);
	s = fails ? result_step(res, "control", c->name, e) : NULL;
	if (!s)
		return -(int)E_NOMEM;
	s->start_ms = s->end_ms = res->duration_ms;
	for (size_t i = 0; i < c->fails.n && !r; i++)
		r = result_check(res, s, c->fails.items[i], fails[i], "a failed check",
				 fails[i] ? "failed" : "nothing of this name failed", e);
	res->verdict = s->verdict;
	return r;
}

static int write_report(const struct run *run, const char *name, const struct buf *b,
			struct err *e)
{
	char path[PATH_LEN];
	int r = fsio_join(path, sizeof(path), run->dir, name, e);

	return r ? r : fsio_write_atomic(path, b->data, b->len, 0644, e);
}

static int write_reports(const struct run *run, struct err *e)
{
	const struct result *res = run->res;
	json_t *json = report_json(res);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	struct buf b = BUF_INIT;
	int r = text ? buf_printf(&b, e, "%s\n", text)
		     : err_set(e, E_NOMEM, "out of memory");

	free(text);
	json_decref(json);
	if (!r)
		r = write_report(run, "result.json", &b, e);
	buf_clear(&b);
	if (!r)
		r = report_junit(&res, 1, &b, e);
	if (!r)
		r = write_report(run, "junit.xml", &b, e);
	buf_clear(&b);
	if (!r)
		r = report_tap(&res, 1, &b, e);
	if (!r)
		r = write_report(run, "result.tap", &b, e);
	buf_release(&b);
	return r;
}

/* The disk of a run that passed has nothing to tell. */
static void drop_disk(struct run *run)
{
	static const char *const names[] = {"disk.qcow2", "nvram.bin"};
	char path[PATH_LEN];
	bool keep = run->cfg->keep || run->res->verdict != VERDICT_PASSED;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (fsio_join(path, sizeof(path), run->dir, names[i], NULL))
			continue;
		if (!keep)
			unlink(path);
		else if (!i && fsio_exists(path))
			run->res->disk = arena_strdup(&run->res->arena, path, NULL);
	}
}

static void end_machine(struct run *run)
{
	if (!run->vm)
		return;
	machine_vm_free(run->vm);
	run->vm = NULL;
}

static void take_figures(struct run *run)
{
	if (!run->vm)
		return;
	if (machine_vm_accel(run->vm)[0])
		run->res->accel =
			arena_strdup(&run->res->arena, machine_vm_accel(run->vm), NULL);
	run->res->peak_kib = machine_vm_peak_kib(run->vm);
}

static void set_error(struct result *res, const struct err *e)
{
	res->verdict = verdict_worse(res->verdict, verdict_of_error(e));
	if (!res->error)
		res->error = arena_strdup(&res->arena, e->msg, NULL);
}

static int conduct(struct run *run, struct err *e)
{
	const struct run_display *d = &run->cfg->display;
	struct err sub = ERR_INIT;
	int r = make_dir(run, e);

	if (!r)
		r = describe(run, e);
	if (r)
		return r;
	if (d->begins)
		d->begins(d->ctx, run->plan, run->dir);
	if (carry_out(run, &sub)) {
		/* A tool that got our Ctrl-C fails in its own way. */
		if (run_stopped(run->cfg->stop_fd))
			err_set(&sub, E_CANCELED, "stopped");
		set_error(run->res, &sub);
	}
	take_figures(run);
	end_machine(run);
	if (judge_control(run, &sub))
		set_error(run->res, &sub);
	drop_disk(run);
	/* Evidence that cannot be written is trouble, but the verdict is known. */
	if (write_reports(run, &sub) || point_latest(run, &sub))
		set_error(run->res, &sub);
	if (d->ended)
		d->ended(d->ctx, run->res);
	return 0;
}

int run_plan(const struct run_config *cfg, const struct plan *plan, struct result **ret,
	     struct err *e)
{
	struct run run = {.cfg = cfg, .plan = plan, .res = result_new()};
	int r = run.res ? conduct(&run, e) : err_set(e, E_NOMEM, "out of memory");

	evidence_release(&run.ev);
	if (r)
		result_free(run.res);
	else
		*ret = run.res;
	return r;
}
