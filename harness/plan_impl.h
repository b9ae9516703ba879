/* SPDX-License-Identifier: MIT */
/* Parts of plan_make that have files of their own. */
#ifndef HARNESS_PLAN_IMPL_H
#define HARNESS_PLAN_IMPL_H

#include "harness/plan.h"
#include "harness/step_run.h"

/* Fill p->bundles: those with names, and those that kexts and steps name by path. */
int plan_bundles(struct plan *p, const struct plan_options *o, struct err *e) MUST_CHECK;

/* Fill p->reproduce. */
int plan_reproduce(struct plan *p, const struct plan_options *o,
		   struct err *e) MUST_CHECK;

#endif
