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

#include "harness/cmd_run.h"
#include "harness/report.h"
#include "harness/run.h"
#include "sim/base/fsio.h"

#define JOBS_MAX   64u
#define REPEAT_MAX 10000u

static int stop_fd = -1; /* what the signal handler writes to */

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
	OPT_SYSTEM,
	OPT_KEEP,
	OPT_JSON,
	OPT_SET,
	OPT_WITHOUT,
	OPT_CONTROL,
	OPT_CONTROLS,
	OPT_REPEAT,
	OPT_JOBS = 'j',
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
	{"system", required_argument, NULL, OPT_SYSTEM},
	{"keep", no_argument, NULL, OPT_KEEP},
	{"json", no_argument, NULL, OPT_JSON},
	{"set", required_argument, NULL, OPT_SET},
	{"without", required_argument, NULL, OPT_WITHOUT},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"controls", no_argument, NULL, OPT_CONTROLS},
	{"repeat", required_argument, NULL, OPT_REPEAT},
	{"jobs", required_argument, NULL, OPT_JOBS},
	{"tag", required_argument, NULL, OPT_TAG},
	{"junit", required_argument, NULL, OPT_JUNIT},
	{"tap", required_argument, NULL, OPT_TAP},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{NULL, 0, NULL, 0},
};

static int add_text(struct text_list *l, const char *text)
{
	if (l->n == RUN_LIST_MAX)
		return cmd_usage_error("run", "too many options");
	l->items[l->n++] = text;
	return 0;
}

static int parse_count(const char *option, const char *text, unsigned long max,
		       unsigned long *ret)
{
	char *end;

	*ret = strtoul(text, &end, 10);
	if (*end || !*ret || *ret > max)
		return cmd_usage_error("run", "%s %s: expected 1 to %lu", option, text,
				       max);
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
	case OPT_SYSTEM:
		o->plan.system = optarg;
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
		return parse_count("--repeat", optarg, REPEAT_MAX, &o->repeat);
	case OPT_JOBS:
		return parse_count("--jobs", optarg, JOBS_MAX, &o->jobs);
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
	o->repeat = o->jobs = 1;
	optind = 0;
	while (!r && (c = getopt_long(argc, argv, "j:", long_options, NULL)) != -1)
		r = take_option(o, c);
	if (!r)
		r = check_report(o->junit);
	if (!r)
		r = check_report(o->tap);
	if (!r && optind == argc && !o->all && !o->tags.n)
		r = cmd_usage_error("run", "which scenario? (a name, --all or --tag)");
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

static int conduct(const struct app *app, struct run_options *o,
		   const struct selection *sel)
{
	struct results rs = {.n = 0, .worst = VERDICT_PASSED};
	struct err e = ERR_INIT;
	int r = catch_signals(&e), status;

	o->stop_fd = stop_fd;
	if (!r)
		r = run_jobs(app, o, sel, &rs, &e);
	if (!r)
		r = finish(o, &rs, &e);
	status = r ? cmd_error(&e) : verdict_exit(rs.worst);
	if (!r && !rs.n)
		status = EXIT_NOTHING;
	if (run_stopped(stop_fd))
		status = 130;
	results_release(&rs);
	return status;
}

int cmd_run(const struct app *app, int argc, char **argv)
{
	struct run_options o = {.all = false};
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
