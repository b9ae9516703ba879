/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "components/kextstat/kextstat.h"
#include "sim/platform/paths.h"

static int usage(FILE *to, int status)
{
	fputs("usage: kextstat [-h] [-k] [-l] [-b bundle-id]\n"
	      "-bundle-id (-b) <bundle-id>: print info for that kext only\n"
	      "-help (-h): print this message\n"
	      "-no-kernel (-k): don't show info for built-in kernel components\n"
	      "-list-only (-l): print list of kexts without header\n",
	      to);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"bundle-id", required_argument, NULL, 'b'},
					      {"help", no_argument, NULL, 'h'},
					      {"no-kernel", no_argument, NULL, 'k'},
					      {"list-only", no_argument, NULL, 'l'},
					      {NULL, 0, NULL, 0}};
	struct kextstat_options o = {.id = NULL};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int c;

	while ((c = getopt_long_only(argc, argv, "b:hkl", longs, NULL)) != -1) {
		switch (c) {
		case 'b': o.id = optarg; break;
		case 'h': return usage(stdout, EX_OK);
		case 'k': o.no_kernel = true; break;
		case 'l': o.list_only = true; break;
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
