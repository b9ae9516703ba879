/* SPDX-License-Identifier: MIT */
/* One run of the engine on a machine that plays from a script, for the engine's tests. */
#ifndef HARNESS_TEST_ENGINE_WORLD_H
#define HARNESS_TEST_ENGINE_WORLD_H

#include "harness/test/fake.h"

/* Everything one run needs. */
struct world {
	struct fake fake;
	struct scenario *scn;
	struct plan *plan;
	struct evidence ev;
	struct result *res;
	struct err e;
	int r;
	const struct judge *judges;
	double timeout_scale;
};

/* A Mac with one kext; change what a test is about, then run. */
void world_init(struct world *w);
void world_run(struct world *w, const char *text);
void world_release(struct world *w);

/* Run @text; assert the verdict and, when it failed, the one check that failed. */
void expect_run(struct world *w, const char *text, enum verdict want,
		const char *failing);

#endif
