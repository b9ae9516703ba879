/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/common/log_option.h"

#include <getopt.h>
#include <stddef.h>

void log_option_verbose(struct component_log *log, int argc, char **argv, bool is_long)
{
	static const enum clog_level levels[] = {CLOG_ERROR, CLOG_BASIC,  CLOG_PROGRESS,
						 CLOG_STEP,  CLOG_DETAIL, CLOG_DEBUG,
						 CLOG_DEBUG};
	const char *arg = optarg ? optarg : optind < argc ? argv[optind] : NULL;

	log->max = CLOG_BASIC;
	if (!arg || arg[0] < '0' || arg[0] > '6' || arg[1]) {
		/* What came with it is something else. */
		optind -= optarg && !is_long;
		return;
	}
	log->max = levels[arg[0] - '0'];
	optind += !optarg;
}
