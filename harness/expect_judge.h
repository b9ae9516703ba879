/* SPDX-License-Identifier: MIT */
/* Parts of engine_expect. Each adds its checks to the running step. */
#ifndef HARNESS_EXPECT_JUDGE_H
#define HARNESS_EXPECT_JUDGE_H

#include "harness/engine_impl.h"
#include "harness/step_run.h"

int expect_file(struct engine *en, const struct file_expect *x, struct err *e) MUST_CHECK;
int expect_console(struct engine *en, const struct console_expect *x,
		   struct err *e) MUST_CHECK;
int expect_seal(struct engine *en, const struct seal_expect *x, struct err *e) MUST_CHECK;
int expect_event(struct engine *en, const struct event_expect *x,
		 struct err *e) MUST_CHECK;

#endif
