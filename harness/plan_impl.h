/* SPDX-License-Identifier: MIT */
/* Parts of plan_make that have files of their own. */
#ifndef HARNESS_PLAN_IMPL_H
#define HARNESS_PLAN_IMPL_H

#include "harness/plan.h"
#include "harness/step_run.h"

/* Fill p->bundles: those with names, and those that kexts and steps name by path. */
int plan_bundles(struct plan *p, const struct plan_options *o, struct err *e) MUST_CHECK;

/* Where on the host @path of the scenario is: fixtures/X, or from its file's folder. */
int plan_host_path(struct plan *p, const struct plan_options *o, const char *path,
		   const char **ret, struct err *e) MUST_CHECK;

/*
 * Fill p->system, and what its kernel is. A folder that is no system, or none for the
 * release, is E_NOTFOUND, E_CORRUPT or E_UNSUPPORTED.
 */
int plan_system(struct plan *p, const struct plan_options *o, struct err *e) MUST_CHECK;

/* Fill p->reproduce. */
int plan_reproduce(struct plan *p, const struct plan_options *o,
		   struct err *e) MUST_CHECK;

#endif
