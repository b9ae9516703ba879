/* SPDX-License-Identifier: MIT */
/* Results as reports. Each appends a whole document to @out; formats: docs/scenarios.md.
 */
#ifndef HARNESS_REPORT_H
#define HARNESS_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/result.h"
#include "sim/base/buf.h"

/* One result; the caller owns the reference. NULL when memory runs out. */
json_t *report_json(const struct result *r);

/* The result that report_json made @o of; free with result_free. E_SCHEMA. */
int result_from_json(const json_t *o, struct result **ret, struct err *e) MUST_CHECK;

/* JUnit XML in Jenkins' dialect: a suite per result, a case per step. */
int report_junit(const struct result *const *results, size_t n, struct buf *out,
		 struct err *e) MUST_CHECK;

/* TAP version 13: a test point per step. */
int report_tap(const struct result *const *results, size_t n, struct buf *out,
	       struct err *e) MUST_CHECK;

/* For people: verdict, end state, evidence; of what failed, all there is to know. */
int report_text(const struct result *r, bool colour, struct buf *out,
		struct err *e) MUST_CHECK;

/* "N passed, N failed, N skipped": alone on the last line. */
int report_closing(const struct result *const *results, size_t n, struct buf *out,
		   struct err *e) MUST_CHECK;

/* A control's steps fail on purpose: only its own step counts. */
bool report_counts(const struct result *r, const struct step_result *s);

#endif
