/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/nvram/nvram_tool.h"
#include "sim/platform/paths.h"

static int usage(void)
{
	fputs("usage: nvram [-p] [-d name] [-c] name[=value] ...\n"
	      "\t-p         print all firmware variables\n"
	      "\t-d         delete the named variable\n"
	      "\t-c         delete all variables\n"
	      "\tname=value set named variable\n"
	      "\tname       print variable\n"
	      "Note that arguments and options are executed in order.\n",
	      stderr);
	return EXIT_FAILURE;
}

/* The words of IOKit's error for one of ours. */
static const char *iokit_words(const struct err *e)
{
	switch (e->code) {
	case E_NOTFOUND: return "(iokit/common) data was not found";
	case E_PERM: return "(iokit/common) not permitted";
	case E_INVAL: return "(iokit/common) invalid argument";
	case E_NOSPC: return "(iokit/common) no space for data";
	default: return "(iokit/common) general error";
	}
}

static int complain(const char *doing, const char *name, const struct err *e)
{
	fprintf(stderr, "nvram: Error %s variable - '%s': %s\n", doing, name,
		iokit_words(e));
	return EXIT_FAILURE;
}

static int print_out(struct buf *out)
{
	fwrite(out->data, 1, out->len, stdout);
	buf_release(out);
	return EXIT_SUCCESS;
}

static int variable(char *arg)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char *value = strchr(arg, '=');

	if (!value)
		return nvram_tool_get(XNU_NVRAM_DIR, arg, &out, &e) ?
			       complain("getting", arg, &e) :
			       print_out(&out);
	*value++ = '\0';
	return nvram_tool_set(XNU_NVRAM_DIR, arg, value, &e)
		   ? complain("setting", arg, &e)
		   : EXIT_SUCCESS;
}

static int option(const char *arg, const char *name)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	switch (arg[1]) {
	case 'p':
		return nvram_tool_print(XNU_NVRAM_DIR, &out, &e) ?
			       complain("getting", "all", &e) :
			       print_out(&out);
	case 'd':
		return nvram_tool_delete(XNU_NVRAM_DIR, name, &e) ?
			       complain("clearing", name, &e) :
			       EXIT_SUCCESS;
	default:
		return nvram_tool_clear(XNU_NVRAM_DIR, &e)
			   ? complain("clearing", "all", &e)
			   : EXIT_SUCCESS;
	}
}

int main(int argc, char **argv)
{
	int r = EXIT_SUCCESS;

	if (argc < 2)
		return usage();
	for (int i = 1; i < argc && r == EXIT_SUCCESS; i++) {
		if (argv[i][0] != '-') {
			r = variable(argv[i]);
			continue;
		}
		if (!argv[i][1] || argv[i][2] || !strchr("pdc", argv[i][1]) ||
		    (argv[i][1] == 'd' && i + 1 == argc))
			return usage();
		r = option(argv[i], argv[i + 1]);
		i += argv[i][1] == 'd';
	}
	return r;
}
