/* SPDX-License-Identifier: MIT */
/* /usr/sbin/kextlibs */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "components/kextlibs/kextlibs.h"
#include "sim/platform/paths.h"

enum { LONG_XML = 256, LONG_ALL, LONG_UNDEF, LONG_ONEDEF, LONG_MULTDEF, LONG_UNSUPPORTED };

static const struct option longs[] = {
	{"help", no_argument, NULL, 'h'},
	{"system-extensions", no_argument, NULL, 'e'},
	{"repository", required_argument, NULL, 'r'},
	{"compatible-versions", no_argument, NULL, 'c'},
	{"xml", no_argument, NULL, LONG_XML},
	{"all-symbols", no_argument, NULL, LONG_ALL},
	{"undef-symbols", no_argument, NULL, LONG_UNDEF},
	{"onedef-symbols", no_argument, NULL, LONG_ONEDEF},
	{"multdef-symbols", no_argument, NULL, LONG_MULTDEF},
	{"unsupported", no_argument, NULL, LONG_UNSUPPORTED},
	{NULL, 0, NULL, 0},
};

static int usage(FILE *to, int status)
{
	fputs("usage: kextlibs [options] kext\n"
	      "-xml: print XML fragment suitable for pasting\n"
	      "-system-extensions (-e): look in the system extensions folder (assumed if no\n"
	      "        other folders specified with -repository)\n"
	      "-repository <directory> (-r): look in <directory> for library kexts\n"
	      "-all-symbols, -onedef-symbols, -undef-symbols, -multdef-symbols:\n"
	      "        list symbols: all, found once, not found, found more than once\n"
	      "-compatible-versions (-c): use library kexts' compatible versions\n"
	      "-unsupported: look in unsupported kexts for symbols\n"
	      "-help (-h): print this message\n",
	      to);
	return status;
}

static void take(struct kextlibs_options *o, int c)
{
	o->xml |= c == LONG_XML;
	o->compatible |= c == 'c';
	o->unsupported |= c == LONG_UNSUPPORTED;
	o->undef |= c == LONG_UNDEF || c == LONG_ALL;
	o->onedef |= c == LONG_ONEDEF || c == LONG_ALL;
	o->multdef |= c == LONG_MULTDEF || c == LONG_ALL;
}

static void add_system_folders(struct kextlibs_options *o)
{
	o->folder[o->n_folders++] = PATH_SYSTEM_EXTENSIONS;
	o->folder[o->n_folders++] = PATH_LIBRARY_EXTENSIONS;
	o->folder[o->n_folders++] = PATH_APPLE_EXTENSIONS;
}

int main(int argc, char **argv)
{
	struct kextlibs_options o = {.kext = NULL};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	bool system = false;
	int c, status = EX_OSERR;

	while ((c = getopt_long_only(argc, argv, "cehr:", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, EX_OK);
		if (c == '?' || (c == 'r' && o.n_folders + 3 >= KEXTLIBS_FOLDERS_MAX))
			return usage(stderr, EX_USAGE);
		if (c == 'r')
			o.folder[o.n_folders++] = optarg;
		system |= c == 'e';
		take(&o, c);
	}
	if (optind != argc - 1)
		return usage(stderr, EX_USAGE);
	o.kext = argv[optind];
	if (system || !o.n_folders)
		add_system_folders(&o);
	if (kextlibs_run(&o, &out, &err_out, &status, &e))
		fprintf(stderr, "%s\n", e.msg);
	fputs(buf_str(&err_out), stderr);
	fputs(buf_str(&out), stdout);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
