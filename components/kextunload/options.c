/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextunload/options.h"

#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "components/common/log_option.h"

static const char short_options[] = ":b:c:hm:pqv::";

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"bundle-id", required_argument, NULL, 'b'},
	{"class", required_argument, NULL, 'c'},
	{"personalities-only", no_argument, NULL, 'p'},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", optional_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

static int usage(const struct kextunload_world *w, bool full)
{
	clog_say(w->log, CLOG_EXPLICIT,
		 "usage: kextunload [-h] [-v [0-6]]\n"
		 "        [-p] [-c class_name] ... [-b bundle_id] ... [kext] ...");
	if (!full)
		return EX_USAGE;
	clog_say(w->log, CLOG_EXPLICIT,
		 "kext: unload the named kext and all personalities for it\n\n"
		 "-bundle-id <bundle_id> (-b, -m): unload the kext of this identifier\n"
		 "-class <class_name> (-c): terminate all services of this class, and unload "
		 "nothing\n"
		 "-personalities-only (-p): terminate services and remove personalities; "
		 "unload nothing\n"
		 "-quiet (-q), -verbose [0-6] (-v), -help (-h)");
	return EX_OK;
}

/* addToArrayIfAbsent */
static int add(const struct kextunload_world *w, const char **list, size_t *n,
	       const char *what)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(list[i], what))
			return EX_OK;
	if (*n == KEXTUNLOAD_ARGS_MAX) {
		clog_say(w->log, CLOG_ERROR, "Too many arguments.");
		return EX_USAGE;
	}
	list[(*n)++] = what;
	return EX_OK;
}

static int take(struct kextunload_options *o, struct kextunload_world *w, int c)
{
	switch (c) {
	case 'b':
	case 'm':
		return add(w, o->id, &o->n_ids, optarg);
	case 'c':
		return add(w, o->class_, &o->n_classes, optarg);
	case 'p':
		o->personalities_only = true;
		return EX_OK;
	case 'q':
		w->log->line = NULL;
		return EX_OK;
	default:
		return usage(w, false);
	}
}

static int check(const struct kextunload_options *o, const struct kextunload_world *w)
{
	if (!w->is_root) {
		clog_say(w->log, CLOG_ERROR,
			 "You must be running as root to unload kexts, terminate services, or "
			 "remove driver personalities.");
		return EX_NOPERM;
	}
	if (o->n_ids || o->n_classes || o->n_kexts)
		return EX_OK;
	clog_say(w->log, CLOG_ERROR, "No kernel extensions specified.");
	return usage(w, false);
}

int kextunload_options(struct kextunload_options *o, struct kextunload_world *w, int argc,
		       char **argv, bool *ret_done)
{
	int c, index = -1, status = EX_OK;

	*o = (struct kextunload_options){.n_ids = 0};
	*ret_done = false;
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while (!status && (c = getopt_long_only(argc, argv, short_options, long_options,
						&index)) != -1) {
		if (c == 'h') {
			*ret_done = true;
			return usage(w, true);
		}
		if (c == 'v')
			log_option_verbose(w->log, argc, argv, index != -1);
		else
			status = take(o, w, c);
		index = -1;
	}
	for (int i = optind; i < argc && !status; i++)
		status = add(w, o->kext, &o->n_kexts, argv[i]);
	return status ? status : check(o, w);
}
