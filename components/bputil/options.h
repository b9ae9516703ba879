/* SPDX-License-Identifier: MIT */
#ifndef COMPONENTS_BPUTIL_OPTIONS_H
#define COMPONENTS_BPUTIL_OPTIONS_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/platform/secureboot/localpolicy.h"

struct bputil_options {
	const char *user, *password, *group; /* NULL: not given */
	bool display, display_all;
	enum sb_level level;	     /* from scratch; SB_N_LEVELS: the policy stays */
	bool granted[LP_N_FIELDS]; /* what is to be allowed; fields of kind LP_BOOL */
	bool grants;		     /* one of them is */
};

/* False: it does not make sense; *@ret_why says why, or is NULL when the usage does. */
bool bputil_options_parse(int argc, char **argv, struct bputil_options *ret,
			  const char **ret_why);

int bputil_usage(struct buf *out, struct err *e) MUST_CHECK;

#endif
