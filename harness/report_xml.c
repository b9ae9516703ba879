/* SPDX-License-Identifier: MIT */
/* JUnit XML and TAP. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/report.h"
#include "sim/base/json_text.h"

bool report_counts(const struct result *r, const struct step_result *s)
{
	return !r->control || !strcmp(s->type, "control");
}

/* What XML 1.0 may not hold at all becomes '?'. */
static int xml_text(struct buf *out, const char *text, struct err *e)
{
	json_t *utf8 = json_text(text);
	const char *s = json_string_value(utf8);
	int r = s ? 0 : err_set(e, E_NOMEM, "out of memory");

	for (; s && *s && !r; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '&')
			r = buf_printf(out, e, "&amp;");
		else if (c == '<')
			r = buf_printf(out, e, "&lt;");
		else if (c == '>')
			r = buf_printf(out, e, "&gt;");
		else if (c == '"')
			r = buf_printf(out, e, "&quot;");
		else if (c == '\n')
			r = buf_printf(out, e, "&#10;");
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			r = buf_printf(out, e, "?");
		else
			r = buf_append(out, s, 1, e);
	}
	json_decref(utf8);
	return r;
}

static int xml_attr(struct buf *out, const char *name, const char *value, struct err *e)
{
	int r = buf_printf(out, e, " %s=\"", name);

	if (!r)
		r = xml_text(out, value, e);
	return r ? r : buf_printf(out, e, "\"");
}

/* <failure message="name: expected ..., got ..."/> */
static int xml_trouble(struct buf *out, const char *tag, const char *name,
		       const char *expected, const char *got, struct err *e)
{
	struct buf message = BUF_INIT;
	int r = buf_printf(&message, e, "%s: expected %s, got %s", name, expected, got);

	if (!r)
		r = buf_printf(out, e, "      <%s", tag);
	if (!r)
		r = xml_attr(out, "message", buf_str(&message), e);
	if (!r)
		r = buf_printf(out, e, "/>\n");
	buf_release(&message);
	return r;
}

static int xml_simple(struct buf *out, const char *tag, const char *message,
		      struct err *e)
{
	int r = buf_printf(out, e, "      <%s", tag);

	if (!r)
		r = xml_attr(out, "message", message, e);
	return r ? r : buf_printf(out, e, "/>\n");
}

static int xml_step(struct buf *out, const struct result *res, size_t i, struct err *e)
{
	const struct step_result *s = &res->steps[i];
	char name[256];
	int r;

	snprintf(name, sizeof(name), "%02zu %s", i + 1, s->title);
	r = buf_printf(out, e, "    <testcase");
	if (!r)
		r = xml_attr(out, "classname", res->name, e);
	if (!r)
		r = xml_attr(out, "name", name, e);
	if (!r)
		r = buf_printf(out, e, " time=\"%.3f\">\n",
			       (double)(s->end_ms - s->start_ms) / 1000);
	for (size_t k = 0; k < s->n && !r; k++)
		if (!s->checks[k].ok)
			r = xml_trouble(out, "failure", s->checks[k].name,
					s->checks[k].expected, s->checks[k].got, e);
	if (!r && s->error)
		r = xml_simple(out, "error", s->error, e);
	if (!r && s->verdict == VERDICT_SKIPPED)
		r = xml_simple(out, "skipped", "the machine was lost before", e);
	return r ? r : buf_printf(out, e, "    </testcase>\n");
}

struct counts {
	size_t tests, failures, errors, skipped;
};

static void count(const struct result *r, struct counts *c)
{
	for (size_t i = 0; i < r->n_steps; i++) {
		if (!report_counts(r, &r->steps[i]))
			continue;
		c->tests++;
		c->failures += r->steps[i].verdict == VERDICT_FAILED;
		c->skipped += r->steps[i].verdict == VERDICT_SKIPPED;
		c->errors += r->steps[i].error != NULL;
	}
	/* What ended the run outside any step has a case of its own. */
	if (r->error && !c->errors) {
		c->tests++;
		c->errors++;
	}
}

static int xml_run_error(struct buf *out, const struct result *res, struct err *e)
{
	int r = buf_printf(out, e, "    <testcase");

	if (!r)
		r = xml_attr(out, "classname", res->name, e);
	if (!r)
		r = buf_printf(out, e, " name=\"run\" time=\"0\">\n");
	if (!r)
		r = xml_simple(out, "error", res->error, e);
	return r ? r : buf_printf(out, e, "    </testcase>\n");
}

static int xml_tail(struct buf *out, const struct result *res, struct err *e)
{
	int r = res->n_tail ? buf_printf(out, e, "    <system-out>") : 0;

	for (size_t i = 0; i < res->n_tail && !r; i++) {
		r = xml_text(out, res->tail[i], e);
		if (!r)
			r = buf_printf(out, e, "\n");
	}
	return r || !res->n_tail ? r : buf_printf(out, e, "</system-out>\n");
}

static int xml_property(struct buf *out, const char *name, const char *value,
			struct err *e)
{
	int r = buf_printf(out, e, "      <property name=\"%s\"", name);

	if (!r)
		r = xml_attr(out, "value", value ? value : "", e);
	return r ? r : buf_printf(out, e, "/>\n");
}

static int xml_head(struct buf *out, const struct result *res, const struct counts *c,
		    struct err *e)
{
	char csr[16];
	int r = buf_printf(out, e, "  <testsuite");

	snprintf(csr, sizeof(csr), "0x%x", res->csr);
	if (!r)
		r = xml_attr(out, "name", res->name, e);
	if (!r)
		r = buf_printf(
			out, e,
			" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\""
			" time=\"%.3f\">\n    <properties>\n",
			c->tests, c->failures, c->errors, c->skipped,
			(double)res->duration_ms / 1000);
	if (!r)
		r = xml_property(out, "release", res->release, e);
	if (!r)
		r = xml_property(out, "machine", res->machine, e);
	if (!r)
		r = xml_property(out, "kernel", res->kernel, e);
	if (!r)
		r = xml_property(out, "csr-active-config", csr, e);
	if (!r)
		r = xml_property(out, "accelerator", res->accel, e);
	if (!r)
		r = xml_property(out, "reproduce", res->reproduce, e);
	return r ? r : buf_printf(out, e, "    </properties>\n");
}

static int xml_suite(struct buf *out, const struct result *res, struct err *e)
{
	struct counts c = {0};
	bool in_step = false;
	int r;

	count(res, &c);
	r = xml_head(out, res, &c, e);
	for (size_t i = 0; i < res->n_steps && !r; i++) {
		if (!report_counts(res, &res->steps[i]))
			continue;
		in_step |= res->steps[i].error != NULL;
		r = xml_step(out, res, i, e);
	}
	if (!r && res->error && !in_step)
		r = xml_run_error(out, res, e);
	if (!r)
		r = xml_tail(out, res, e);
	return r ? r : buf_printf(out, e, "  </testsuite>\n");
}

int report_junit(const struct result *const *results, size_t n, struct buf *out,
		 struct err *e)
{
	int r = buf_printf(out, e,
			   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");

	for (size_t i = 0; i < n && !r; i++)
		r = xml_suite(out, results[i], e);
	return r ? r : buf_printf(out, e, "</testsuites>\n");
}

/* '#' would begin a directive, a line feed another line. */
static int tap_text(struct buf *out, const char *text, struct err *e)
{
	int r = 0;

	for (; *text && !r; text++)
		if (*text == '#' || *text == '\\')
			r = buf_printf(out, e, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			r = buf_printf(out, e, " ");
		else
			r = buf_append(out, text, 1, e);
	return r;
}

static int tap_comment(struct buf *out, const char *what, const char *text, struct err *e)
{
	int r = buf_printf(out, e, "# %s", what);

	if (!r)
		r = tap_text(out, text, e);
	return r ? r : buf_printf(out, e, "\n");
}

static int tap_checks(struct buf *out, const struct step_result *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->n && !r; i++) {
		const struct check *c = &s->checks[i];

		if (c->ok)
			continue;
		r = tap_comment(out, "", c->name, e);
		if (!r)
			r = tap_comment(out, "  expected: ", c->expected, e);
		if (!r)
			r = tap_comment(out, "  got:      ", c->got, e);
	}
	if (!r && s->error)
		r = tap_comment(out, "error: ", s->error, e);
	return r;
}

static int tap_point(struct buf *out, size_t number, bool ok, const char *suite,
		     const char *name, bool skipped, struct err *e)
{
	int r = buf_printf(out, e, "%s %zu - ", ok ? "ok" : "not ok", number);

	if (!r)
		r = tap_text(out, suite, e);
	if (!r)
		r = buf_printf(out, e, ": ");
	if (!r)
		r = tap_text(out, name, e);
	return r ? r
		 : buf_printf(out, e, "%s\n",
			      skipped ? " # SKIP the machine was lost" : "");
}

static int tap_result(struct buf *out, const struct result *res, size_t *number,
		      struct err *e)
{
	bool in_step = false;
	int r = 0;

	for (size_t i = 0; i < res->n_steps && !r; i++) {
		const struct step_result *s = &res->steps[i];
		bool skipped = s->verdict == VERDICT_SKIPPED;

		if (!report_counts(res, s))
			continue;
		in_step |= s->error != NULL;
		r = tap_point(out, ++*number, skipped || s->verdict == VERDICT_PASSED,
			      res->name, s->title, skipped, e);
		if (!r)
			r = tap_checks(out, s, e);
	}
	if (r || !res->error || in_step)
		return r;
	r = tap_point(out, ++*number, false, res->name, "run", false, e);
	return r ? r : tap_comment(out, "error: ", res->error, e);
}

int report_tap(const struct result *const *results, size_t n, struct buf *out,
	       struct err *e)
{
	struct counts c = {0};
	size_t number = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct counts one = {0};

		count(results[i], &one);
		c.tests += one.tests;
	}
	r = buf_printf(out, e, "TAP version 13\n1..%zu\n", c.tests);
	for (size_t i = 0; i < n && !r; i++)
		r = tap_result(out, results[i], &number, e);
	return r;
}
