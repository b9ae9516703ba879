/* SPDX-License-Identifier: MIT */
/* /usr/sbin/kextfind */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextfind/kextfind.h"
#include "sim/platform/paths.h"

static int help(void)
{
	puts("usage: kextfind [options] [--] [kext_or_directory] ... [query]\n"
	     "options: -case-insensitive (-i), -substring (-s), -no-paths, -nul (-0),\n"
	     "    -search-item (-f) <kext_or_directory>, -system-extensions (-e), -help (-h)\n"
	     "query: predicates as -bundle-id <id>, -loaded, -library, joined by -and, -or,\n"
	     "    -not (!), and parentheses; see kextfind(8)");
	return EX_OK;
}

int main(int argc, char **argv)
{
	const struct kextfind_world w = {"/", XNU_LOADED_KEXTS};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EX_OSERR;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "-help")))
		return help();
	if (kextfind_run(&w, argc, argv, &out, &err_out, &status, &e))
		fprintf(stderr, "kextfind: %s\n", e.msg);
	fwrite(out.data, 1, out.len, stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
