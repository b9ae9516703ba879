/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextutil/options.h"

#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "components/common/log_option.h"

static const char short_options[] = ":b:cd:Dehk:nqr:tv:zZ";

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"bundle-id", required_argument, NULL, 'b'},
	{"kernel", required_argument, NULL, 'k'},
	{"dependency", required_argument, NULL, 'd'},
	{"repository", required_argument, NULL, 'r'},
	{"no-caches", no_argument, NULL, 'c'},
	{"no-loaded-check", no_argument, NULL, 'D'},
	{"no-system-extensions", no_argument, NULL, 'e'},
	{"no-load", no_argument, NULL, 'n'},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", optional_argument, NULL, 'v'},
	{"print-diagnostics", no_argument, NULL, 't'},
	{"no-authentication", no_argument, NULL, 'z'},
	{"no-resolve-dependencies", no_argument, NULL, 'Z'},
	{NULL, 0, NULL, 0},
};

static int refuse(const struct kextutil_world *w, int status, const char *text)
{
	clog_say(w->os.log, CLOG_ERROR, "%s", text);
	return status;
}

static int add(const struct kextutil_world *w, const char **list, size_t *n, const char *what)
{
	if (*n == KEXTUTIL_ARGS_MAX)
		return refuse(w, EX_USAGE, "Too many arguments.");
	list[(*n)++] = what;
	return EX_OK;
}

static int usage(const struct kextutil_world *w, bool full)
{
	clog_say(w->os.log, CLOG_EXPLICIT, "usage: kextutil [options] [--] [kext] ...");
	if (!full)
		return EX_USAGE;
	clog_say(w->os.log, CLOG_EXPLICIT,
		 "\nkext: a kext bundle to examine\n\n"
		 "-bundle-id <bundle_id> (-b): examine the kext of this identifier\n"
		 "-dependency <kext> (-d): consider <kext> as a candidate dependency\n"
		 "-repository <directory> (-r): look in <directory> for kexts\n"
		 "-no-system-extensions (-e): don't use system extension folders\n"
		 "-kernel <kernel> (-k): link against <kernel>\n"
		 "-no-load (-n): don't load; just test\n"
		 "-print-diagnostics (-t): perform all diagnostic tests and print a report\n"
		 "-no-authentication (-z): skip authentication; with -n only\n"
		 "-no-resolve-dependencies (-Z): skip dependencies; with -n only\n"
		 "-verbose (-v), -quiet (-q), -help (-h)");
	return EX_OK;
}

static int take(struct kextutil_options *o, struct kextutil_world *w, int c)
{
	switch (c) {
	case 'b':
		return add(w, o->id, &o->n_ids, optarg);
	case 'd':
	case 'r':
		return add(w, o->scan, &o->n_scan, optarg);
	case 'c': /* there are no caches; what is loaded is looked at when one is loaded */
	case 'D':
		return EX_OK;
	case 'e':
		o->no_system_extensions = true;
		return EX_OK;
	case 'k':
		o->kernel = optarg;
		return EX_OK;
	case 'n':
		o->no_load = true;
		return EX_OK;
	case 'q':
		w->os.log->line = NULL;
		return EX_OK;
	case 't':
		o->diagnostics = true;
		return EX_OK;
	case 'z':
		o->no_authentication = true;
		return EX_OK;
	case 'Z':
		o->no_dependencies = true;
		return EX_OK;
	default:
		return usage(w, false);
	}
}

static int check(const struct kextutil_options *o, const struct kextutil_world *w)
{
	if (!o->n_kexts && !o->n_ids) {
		clog_say(w->os.log, CLOG_ERROR, "No kernel extensions specified.");
		return usage(w, false);
	}
	if (o->no_load)
		return EX_OK;
	if (!w->os.is_root)
		return refuse(w, EX_NOPERM, "You must be running as root to load kexts into "
					    "the kernel.");
	if (o->no_authentication || o->no_dependencies)
		return refuse(w, EX_USAGE, "-no-authentication and -no-resolve-dependencies "
					   "are allowed only with -no-load.");
	return EX_OK;
}

int kextutil_options(struct kextutil_options *o, struct kextutil_world *w, int argc,
		     char **argv, bool *ret_done)
{
	int c, index = -1, status = EX_OK;

	*o = (struct kextutil_options){.no_load = false};
	*ret_done = false;
	optind = 0; /* glibc: start anew */
	while (!status && (c = getopt_long_only(argc, argv, short_options, long_options,
						&index)) != -1) {
		if (c == 'h') {
			*ret_done = true;
			return usage(w, true);
		}
		/* -v at the end has nothing behind it. */
		if (c == 'v' || (c == ':' && optopt == 'v'))
			log_option_verbose(w->os.log, argc, argv, index != -1);
		else
			status = take(o, w, c);
		index = -1;
	}
	for (int i = optind; i < argc && !status; i++) {
		status = add(w, o->kext, &o->n_kexts, argv[i]);
		if (!status)
			status = add(w, o->scan, &o->n_scan, argv[i]);
	}
	return status ? status : check(o, w);
}
