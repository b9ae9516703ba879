/* SPDX-License-Identifier: MIT */
/*
 * logwait MILLISECONDS PATTERN: wait until a line like PATTERN is in the Mac's system.log.
 * Runs in the guest, for the step `wait: {log: PATTERN}`.
 *
 * Exit status: 0 and the line; 124 time is up; 3 anything else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness/log_wait.h"
#include "sim/platform/paths.h"

int main(int argc, char **argv)
{
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: logwait MILLISECONDS PATTERN\n");
		return 3;
	}
	r = log_wait(PATH_SYSTEM_LOG, argv[2], atoi(argv[1]), &line, &e);
	if (!r)
		printf("%s\n", buf_str(&line));
	else
		fprintf(stderr, "%s\n", e.msg);
	buf_release(&line);
	return !r ? 0 : e.code == E_TIMEOUT ? 124 : 3;
}
