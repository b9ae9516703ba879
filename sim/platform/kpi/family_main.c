/* SPDX-License-Identifier: MIT */
/* kpi-family: source and property list of a stand-in for one of Apple's families. */
#include <stdio.h>
#include <string.h>

#include "sim/platform/kpi/family.h"

int main(int argc, char **argv)
{
	struct kpi_families f = {.kernel = NULL};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	bool info;
	int r;

	if (argc != 5 ||
	    (strcmp(argv[1], "info") != 0 && strcmp(argv[1], "source") != 0)) {
		fputs("usage: kpi-family info|source FOLDER DARWIN BUNDLE\n", stderr);
		return 2;
	}
	info = !strcmp(argv[1], "info");
	r = kpi_families_read(argv[2], argv[3], &f, &e);
	if (!r)
		r = info ? kpi_family_info(&f, argv[4], &out, &e)
			 : kpi_family_source(&f, argv[4], &out, &e);
	if (r)
		fprintf(stderr, "kpi-family: %s\n", e.msg);
	else
		r = fwrite(out.data, 1, out.len, stdout) != out.len;
	buf_release(&out);
	kpi_families_release(&f);
	return r != 0;
}
