/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextload/options.h"

#include <getopt.h>
#include <sysexits.h>

#include "components/common/log_option.h"

static const char short_options[] = ":b:cd:Dhqr:tv::";

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"bundle-id", required_argument, NULL, 'b'},
	{"dependency", required_argument, NULL, 'd'},
	{"repository", required_argument, NULL, 'r'},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", optional_argument, NULL, 'v'},
	{"no-caches", no_argument, NULL, 'c'},
	{"no-loaded-check", no_argument, NULL, 'D'},
	{"print-diagnostics", no_argument, NULL, 't'},
	{NULL, 0, NULL, 0},
};

/* Options of kextutil, which it had when both were one program. */
static const struct {
	char letter;
	const char *name, *hint;
} ignored[] = {
	{'c', "no-caches", "; use kextutil(8) to test kexts"},
	{'D', "no-loaded-check", ""},
	{'t', "print-diagnostics", "; use kextutil(8) to test kexts"},
};

static int usage(const struct kextload_world *w, bool full)
{
	clog_say(w->os.log, CLOG_EXPLICIT, "usage: kextload [options] [--] [kext] ...\n");
	if (!full) {
		clog_say(w->os.log, CLOG_EXPLICIT,
			 "use kextload -help for an explanation of each option");
		return EX_USAGE;
	}
	clog_say(w->os.log, CLOG_EXPLICIT,
		 "kext: a kext bundle to load\n\n"
		 "-bundle-id <bundle_id> (-b): load the kext of this identifier\n"
		 "-dependency <kext> (-d): consider <kext> as a candidate dependency\n"
		 "-repository <directory> (-r): look in <directory> for kexts\n"
		 "-quiet (-q), -verbose [0-6] (-v), -help (-h)");
	return EX_OK;
}

static int add(const struct kextload_world *w, const char **list, size_t *n,
	       const char *what)
{
	if (*n == KEXTLOAD_ARGS_MAX) {
		clog_say(w->os.log, CLOG_ERROR, "Too many arguments.");
		return EX_USAGE;
	}
	list[(*n)++] = what;
	return EX_OK;
}

/* What it does not know is for kextutil. */
static int other(const struct kextload_world *w, int c)
{
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		if (c != ignored[i].letter)
			continue;
		clog_say(w->os.log, CLOG_WARNING, "Notice: -%s (-%c) ignored%s.",
			 ignored[i].name, c, ignored[i].hint);
		return EX_OK;
	}
	clog_say(w->os.log, CLOG_WARNING,
		 "Use kextutil(8) for development loading of kexts.");
	return usage(w, false);
}

static int take(struct kextload_options *o, struct kextload_world *w, int c)
{
	switch (c) {
	case 'b':
		return add(w, o->id, &o->n_ids, optarg);
	case 'd':
		return add(w, o->dependency, &o->n_dependencies, optarg);
	case 'r':
		return add(w, o->repository, &o->n_repositories, optarg);
	case 'q':
		w->os.log->line = NULL;
		return EX_OK;
	default:
		return other(w, c);
	}
}

int kextload_options(struct kextload_options *o, struct kextload_world *w, int argc,
		     char **argv, bool *ret_done)
{
	int c, index = -1, status = EX_OK;

	*o = (struct kextload_options){.n_ids = 0};
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
			log_option_verbose(w->os.log, argc, argv, index != -1);
		else
			status = take(o, w, c);
		index = -1;
	}
	for (int i = optind; i < argc && !status; i++)
		status = add(w, o->kext, &o->n_kexts, argv[i]);
	if (status || o->n_kexts || o->n_ids)
		return status;
	clog_say(w->os.log, CLOG_ERROR,
		 "No kernel extensions specified; name kernel extension bundles\n"
		 "    following options, or use -bundle-id (-b).");
	return usage(w, false);
}
