/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness/cmd.h"
#include "harness/report.h"
#include "harness/run.h"
#include "harness/ui.h"
#include "sim/base/fsio.h"
#include "sim/base/nearest.h"

#define LIST_MAX 64u

struct run_options {
	struct plan_options plan;
	const char *sets[LIST_MAX], *without[LIST_MAX], *tags_v[LIST_MAX];
	struct text_list tags;
	const char *control; /* NULL: none */
	const char *junit, *tap;
	bool all, keep, json, controls, quiet;
	unsigned long repeat;
};

/* The results of all runs of one command. */
struct results {
	struct result **items;
	size_t n;
	enum verdict worst;
};

static int stop_fd = -1;

/* Once: stop in order. Twice: now; QEMU dies with us. */
static void on_signal(int sig)
{
	static volatile sig_atomic_t count;
	uint64_t one = 1;

	if (count++)
		_exit(128 + sig);
	(void)!write(stop_fd, &one, sizeof(one));
}

static int catch_signals(struct err *e)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return err_sys(e, "eventfd");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

enum {
	OPT_ALL = 256,
	OPT_RELEASE,
	OPT_SIP,
	OPT_MACHINE,
	OPT_KEXT,
	OPT_KEEP,
	OPT_JSON,
	OPT_SET,
	OPT_WITHOUT,
	OPT_CONTROL,
	OPT_CONTROLS,
	OPT_REPEAT,
	OPT_TAG,
	OPT_JUNIT,
	OPT_TAP,
	OPT_QUIET,
};

static const struct option long_options[] = {
	{"all", no_argument, NULL, OPT_ALL},
	{"release", required_argument, NULL, OPT_RELEASE},
	{"sip", required_argument, NULL, OPT_SIP},
	{"machine", required_argument, NULL, OPT_MACHINE},
	{"kext", required_argument, NULL, OPT_KEXT},
	{"keep", no_argument, NULL, OPT_KEEP},
	{"json", no_argument, NULL, OPT_JSON},
	{"set", required_argument, NULL, OPT_SET},
	{"without", required_argument, NULL, OPT_WITHOUT},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"controls", no_argument, NULL, OPT_CONTROLS},
	{"repeat", required_argument, NULL, OPT_REPEAT},
	{"tag", required_argument, NULL, OPT_TAG},
	{"junit", required_argument, NULL, OPT_JUNIT},
	{"tap", required_argument, NULL, OPT_TAP},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{NULL, 0, NULL, 0},
};

static int add_text(struct text_list *l, const char *text)
{
	if (l->n == LIST_MAX)
		return cmd_usage_error("run", "too many options");
	l->items[l->n++] = text;
	return 0;
}

static int parse_repeat(struct run_options *o, const char *text)
{
	char *end;

	o->repeat = strtoul(text, &end, 10);
	if (*end || !o->repeat || o->repeat > 10000)
		return cmd_usage_error("run", "--repeat %s: expected 1 to 10000", text);
	return 0;
}

static int take_option(struct run_options *o, int c)
{
	switch (c) {
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_RELEASE:
		o->plan.release = optarg;
		return 0;
	case OPT_SIP:
		o->plan.sip = optarg;
		return 0;
	case OPT_MACHINE:
		o->plan.machine = optarg;
		return 0;
	case OPT_KEXT:
		o->plan.kext = optarg;
		return 0;
	case OPT_KEEP:
		o->keep = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_SET:
		return add_text(&o->plan.sets, optarg);
	case OPT_WITHOUT:
		return add_text(&o->plan.without, optarg);
	case OPT_CONTROL:
		o->control = optarg;
		return 0;
	case OPT_CONTROLS:
		o->controls = true;
		return 0;
	case OPT_REPEAT:
		return parse_repeat(o, optarg);
	case OPT_TAG:
		return add_text(&o->tags, optarg);
	case OPT_JUNIT:
		o->junit = optarg;
		return 0;
	case OPT_TAP:
		o->tap = optarg;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	default:
		return cmd_usage_error("run", "bad option");
	}
}

/* That a report cannot be written is better said before the runs than behind them. */
static int check_report(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	char dir[4096];

	if (!path)
		return 0;
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	if (!access(dir, W_OK | X_OK))
		return 0;
	fprintf(stderr, "kextlab run: cannot write '%s': %s\n", path, strerror(errno));
	return EXIT_USAGE;
}

static int parse_options(struct run_options *o, int argc, char **argv)
{
	int c, r = 0;

	o->plan.sets.items = o->sets;
	o->plan.without.items = o->without;
	o->tags.items = o->tags_v;
	o->repeat = 1;
	optind = 0;
	while (!r && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		r = take_option(o, c);
	if (!r)
		r = check_report(o->junit);
	if (!r)
		r = check_report(o->tap);
	if (!r && optind == argc && !o->all && !o->tags.n)
		r = cmd_usage_error("run", "which scenario? (a name, --all or --tag)");
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

static int print_text(const struct result *res, bool to_stderr, struct err *e)
{
	struct buf b = BUF_INIT;
	FILE *out = to_stderr ? stderr : stdout;
	int r = report_text(res, ui_colours(fileno(out)), &b, e);

	if (!r) {
		fputs(buf_str(&b), out);
		fflush(out);
	}
	buf_release(&b);
	return r;
}

/* One plan, @o->repeat times. */
static int run_one(const struct app *app, const struct run_options *o, struct ui *ui,
		   const struct selected *sel, const struct scn_control *control,
		   struct results *rs, struct err *e)
{
	const struct run_config cfg = {
		.source_dir = app->source_dir,
		.build_dir = app->build_dir,
		.keep = o->keep,
		.timeout_scale = app->timeout_scale,
		.stop_fd = stop_fd,
		.display = ui_display(ui),
	};
	struct plan_options po = o->plan;
	struct plan *plan = NULL;
	int r;

	po.build_dir = app->build_dir;
	po.source_dir = app->source_dir;
	po.program = app->program;
	po.variant = sel->variant;
	po.control = control;
	r = plan_make(sel->scn, &po, &plan, e);
	for (unsigned long i = 0; i < o->repeat && !r && !run_stopped(stop_fd); i++) {
		struct result *res;

		r = run_plan(&cfg, plan, &res, e);
		if (!r)
			r = keep_result(rs, res, e);
		if (!r)
			r = print_text(res, o->json, e);
	}
	plan_free(plan);
	return r;
}

/* The variant that a control is for: the one it names, else the first. */
static bool control_fits(const struct scenario *s, const struct scn_control *c,
			 const struct scn_variant *v)
{
	if (!v)
		return true;
	return c->variant ? !strcmp(c->variant, v->name) : v == &s->variants[0];
}

static int run_controls(const struct app *app, const struct run_options *o, struct ui *ui,
			const struct selected *sel, size_t *found, struct results *rs,
			struct err *e)
{
	const struct scenario *s = sel->scn;
	int r = 0;

	for (size_t i = 0; i < s->n_controls && !r && !run_stopped(stop_fd); i++) {
		if (o->control && strcmp(o->control, s->controls[i].name))
			continue;
		if (!control_fits(s, &s->controls[i], sel->variant))
			continue;
		(*found)++;
		r = run_one(app, o, ui, sel, &s->controls[i], rs, e);
	}
	return r;
}

static int no_such_control(const char *name, const struct selection *sel, struct err *e)
{
	const char *names[LIST_MAX];
	char hint[NEAREST_HINT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sel->n_all; i++)
		for (size_t k = 0; k < sel->all[i]->n_controls && n < LIST_MAX; k++)
			names[n++] = sel->all[i]->controls[k].name;
	return err_set(e, E_INVAL, "no control is called '%s'%s", name,
		       nearest_hint(name, names, n, hint));
}

static int run_all(const struct app *app, const struct run_options *o, struct ui *ui,
		   const struct selection *sel, struct results *rs, struct err *e)
{
	bool controls = o->controls || o->control;
	size_t found = 0;
	int r = 0;

	for (size_t i = 0; i < sel->n && !r && !run_stopped(stop_fd); i++)
		r = controls ? run_controls(app, o, ui, &sel->items[i], &found, rs, e)
			     : run_one(app, o, ui, &sel->items[i], NULL, rs, e);
	if (!r && o->control && !found)
		r = no_such_control(o->control, sel, e);
	return r;
}

static int write_file(const char *path,
		      int (*report)(const struct result *const *, size_t, struct buf *,
				    struct err *),
		      const struct results *rs, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = path ? report((const struct result *const *)rs->items, rs->n, &b, e) : 0;

	if (path && !r)
		r = fsio_write_atomic(path, b.data, b.len, 0644, e);
	buf_release(&b);
	return r;
}

static int print_json(const struct results *rs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rs->n; i++)
		json_array_append_new(list, report_json(rs->items[i]));
	return cmd_print_json(list);
}

static int print_closing(const struct run_options *o, const struct results *rs,
			 struct err *e)
{
	struct buf b = BUF_INIT;
	int r = report_closing((const struct result *const *)rs->items, rs->n, &b, e);

	if (!r)
		fputs(buf_str(&b), o->json ? stderr : stdout);
	buf_release(&b);
	return r;
}

static int finish(const struct run_options *o, const struct results *rs, struct err *e)
{
	int r = write_file(o->junit, report_junit, rs, e);

	if (!r)
		r = write_file(o->tap, report_tap, rs, e);
	if (!r && o->json && print_json(rs))
		r = err_set(e, E_IO, "writing to standard output");
	return r ? r : print_closing(o, rs, e);
}

static int conduct(const struct app *app, const struct run_options *o,
		   const struct selection *sel)
{
	struct results rs = {.n = 0, .worst = VERDICT_PASSED};
	struct ui *ui = ui_new(o->quiet);
	struct err e = ERR_INIT;
	int r = ui ? catch_signals(&e) : err_set(&e, E_NOMEM, "out of memory");
	int status;

	if (!r)
		r = run_all(app, o, ui, sel, &rs, &e);
	ui_free(ui);
	if (!r)
		r = finish(o, &rs, &e);
	status = r ? cmd_error(&e) : verdict_exit(rs.worst);
	if (!r && !rs.n)
		status = EXIT_NOTHING;
	if (run_stopped(stop_fd))
		status = 130;
	for (size_t i = 0; i < rs.n; i++)
		result_free(rs.items[i]);
	free(rs.items);
	return status;
}

int cmd_run(const struct app *app, int argc, char **argv)
{
	struct run_options o = {.repeat = 1};
	struct selection sel;
	struct err e = ERR_INIT;
	int r = parse_options(&o, argc, argv);

	if (r)
		return r;
	r = selection_load(&sel, app, argv + optind, (size_t)(argc - optind), &o.tags,
			   true, &e);
	if (r) {
		r = cmd_selection_error(&e);
	} else if (!sel.n) {
		fprintf(stderr, "kextlab: nothing selected\n");
		r = EXIT_NOTHING;
	} else {
		r = conduct(app, &o, &sel);
	}
	selection_release(&sel);
	return r;
}
