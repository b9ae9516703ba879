/* SPDX-License-Identifier: MIT */
/* touch(1) but for its main (file_cmds, FreeBSD's touch). */
#ifndef COMPONENTS_TOUCH_TOUCH_H
#define COMPONENTS_TOUCH_TOUCH_H

#include <stdbool.h>
#include <time.h>

#include "sim/base/err.h"

/* The program's name goes into it. */
#define TOUCH_USAGE                                                                      \
	"usage:\n%s [-A [-][[hh]mm]SS] [-acfhm] [-r file] "                              \
	"[-t [[CC]YY]MMDDhhmm[.SS]] file ...\n"

struct touch_options {
	bool access, modification; /* which of the two times */
	bool create;		   /* make a file that is not there */
	bool follow;		   /* a symbolic link */
	bool adjust;   /* -A without a time: move the times that the file has */
	int adjust_by; /* seconds */
	bool time_given;
	struct timespec time[2]; /* for utimensat(2): access, modification */
	int first_file;		 /* its index in argv */
};

/*
 * Read the command line, argv[0] included; uses getopt(3). @now is the time of day.
 * E_INVAL: show e->msg, unless it is empty, and the usage; other errors: e->msg alone.
 */
int touch_options_read(struct touch_options *o, int argc, char **argv, time_t now,
		       struct err *e) MUST_CHECK;

/* One file. The error is "<path>: <what the kernel said>". */
int touch_file(const struct touch_options *o, const char *path, struct err *e) MUST_CHECK;

#endif
