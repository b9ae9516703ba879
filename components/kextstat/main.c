/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "components/kextstat/kextstat.h"
#include "sim/platform/paths.h"

static int usage(FILE *to, int status)
{
	fputs("usage: kextstat [-a] [-k] [-l] [-s] [-b bundle_id] ...\n"
	      "-no-kernel (-k): show only loadable kexts (omit kernel components)\n"
	      "-list-only (-l): print the list only, omitting the header\n"
	      "-bundle-id (-b) <bundle_id>: print info for kexts named by identifier\n"
	      "-arch (-a): include architecture info\n"
	      "-sort (-s): sort by load address\n"
	      "-help (-h): print this message\n",
	      to);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"bundle-id", required_argument, NULL, 'b'},
					      {"help", no_argument, NULL, 'h'},
					      {"no-kernel", no_argument, NULL, 'k'},
					      {"list-only", no_argument, NULL, 'l'},
					      {"arch", no_argument, NULL, 'a'},
					      {"sort", no_argument, NULL, 's'},
					      {NULL, 0, NULL, 0}};
	struct kextstat_options o = {.n_ids = 0};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int c;

	while ((c = getopt_long_only(argc, argv, "ab:hkls", longs, NULL)) != -1) {
		switch (c) {
		case 'a': o.architecture = true; break;
		case 'b':
			if (o.n_ids == KEXTSTAT_IDS_MAX)
				return usage(stderr, EX_USAGE);
			o.id[o.n_ids++] = optarg;
			break;
		case 'h': return usage(stdout, EX_OK);
		case 'k': o.no_kernel = true; break;
		case 'l': o.list_only = true; break;
		case 's': o.by_address = true; break;
		default: return usage(stderr, EX_USAGE);
		}
	}
	if (optind != argc)
		return usage(stderr, EX_USAGE);
	if (kextstat_text(XNU_LOADED_KEXTS, &o, &out, &e)) {
		fprintf(stderr, "kextstat: %s\n", e.msg);
		return EX_OSERR;
	}
	fputs(buf_str(&out), stdout);
	buf_release(&out);
	return EX_OK;
}
