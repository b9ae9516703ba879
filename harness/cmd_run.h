/* SPDX-License-Identifier: MIT */
/* Parts of `kextlab run`: what was asked for, and the runs that come of it. */
#ifndef HARNESS_CMD_RUN_H
#define HARNESS_CMD_RUN_H

#include "harness/cmd.h"
#include "harness/plan.h"
#include "harness/result.h"

#define RUN_LIST_MAX 64u

struct run_options {
	struct plan_options plan;
	struct text_list tags;
	const char *sets[RUN_LIST_MAX], *without[RUN_LIST_MAX], *tags_v[RUN_LIST_MAX];
	const char *control; /* NULL: none */
	const char *junit, *tap;
	bool all, keep, json, controls, quiet;
	unsigned long repeat, jobs;
	int stop_fd; /* readable: the user asks to stop */
};

/* The results of all runs of one command. */
struct results {
	struct result **items; /* owned */
	size_t n;
	enum verdict worst; /* of @n, if any */
};

/*
 * Run what @sel and @o select, print what came of each, and append it to @rs, which the
 * caller releases in any case. @e: what kept a run from having a result.
 */
int run_jobs(const struct app *app, const struct run_options *o,
	     const struct selection *sel, struct results *rs, struct err *e) MUST_CHECK;
void results_release(struct results *rs);

#endif
