/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "harness/report.h"

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

static const struct {
	const char *word, *colour;
} marks[] = {
	[VERDICT_PASSED] = {"PASS", GREEN},	  [VERDICT_FAILED] = {"FAIL", RED},
	[VERDICT_SKIPPED] = {"SKIP", YELLOW},	  [VERDICT_TIMEOUT] = {"TIMEOUT", RED},
	[VERDICT_ERROR] = {"ERROR", RED},	  [VERDICT_BAD] = {"BAD", RED},
	[VERDICT_CANCELED] = {"STOPPED", YELLOW},
};

/* What a program printed must not reach the terminal as commands. */
static int add_plain(struct buf *out, const char *text, size_t len, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < len && !r; i++) {
		unsigned char c = (unsigned char)text[i];

		r = buf_append(out, (c < 0x20 && c != '\t') || c == 0x7f ? "?" : &text[i],
			       1, e);
	}
	return r ? r : buf_append(out, "\n", 1, e);
}

/* Further lines of a text stand below the first. */
static int say(struct buf *out, const char *label, const char *text, struct err *e)
{
	int r = buf_printf(out, e, "    %-10s", label);

	while (!r) {
		size_t len = strcspn(text, "\n");

		r = add_plain(out, text, len, e);
		text += len;
		while (*text == '\n')
			text++;
		if (!*text)
			return r;
		if (!r)
			r = buf_printf(out, e, "    %-10s", "");
	}
	return r;
}

/* scenario -> step -> expectation, expected and got. */
static int failed_step(struct buf *out, const struct result *res, size_t i, struct err *e)
{
	const struct step_result *s = &res->steps[i];
	int r = 0;

	for (size_t k = 0; k < s->n && !r; k++) {
		const struct check *c = &s->checks[k];

		if (c->ok)
			continue;
		r = buf_printf(out, e, "  %s -> %zu %s", res->name, i + 1, s->title);
		if (!r && s->line)
			r = buf_printf(out, e, " (%s:%u)", res->file, s->line);
		if (!r)
			r = buf_printf(out, e, " -> %s\n", c->name);
		if (!r)
			r = say(out, "expected", c->expected, e);
		if (!r)
			r = say(out, "got", c->got, e);
	}
	if (!r && s->error) {
		r = buf_printf(out, e, "  %s -> %zu %s\n", res->name, i + 1, s->title);
		if (!r)
			r = say(out, verdict_name(s->verdict), s->error, e);
	}
	return r;
}

static int add_lines(struct buf *out, const char *title, const char *const *lines,
		     size_t n, struct err *e)
{
	int r = n ? buf_printf(out, e, "  %s\n", title) : 0;

	for (size_t i = 0; i < n && !r; i++) {
		r = buf_printf(out, e, "    | ");
		if (!r)
			r = add_plain(out, lines[i], strlen(lines[i]), e);
	}
	return r;
}

static int failure(struct buf *out, const struct result *res, struct err *e)
{
	bool in_step = false;
	int r = 0;

	for (size_t i = 0; i < res->n_steps && !r; i++) {
		in_step |= res->steps[i].error != NULL;
		if (report_counts(res, &res->steps[i]))
			r = failed_step(out, res, i, e);
	}
	if (!r && res->error && !in_step)
		r = say(out, verdict_name(res->verdict), res->error, e);
	if (!r)
		r = add_lines(out, "what kextcache said", res->kextcache,
			      res->n_kextcache, e);
	return r ? r : add_lines(out, "last console lines", res->tail, res->n_tail, e);
}

static int notes(struct buf *out, const struct result *res, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < res->n_steps && !r; i++)
		for (size_t k = 0; k < res->steps[i].n && !r; k++)
			if (res->steps[i].checks[k].skipped)
				r = buf_printf(out, e, "  note: %s: %s\n",
					       res->steps[i].checks[k].name,
					       res->steps[i].checks[k].got);
	return r;
}

int report_text(const struct result *res, bool colour, struct buf *out, struct err *e)
{
	bool bad = res->verdict != VERDICT_PASSED;
	int r = buf_printf(
		out, e, "%s%s%s  %s%s%s", colour ? marks[res->verdict].colour : "",
		marks[res->verdict].word, colour ? PLAIN : "", res->name,
		res->control ? ", control " : "", res->control ? res->control : "");

	if (!r)
		r = buf_printf(out, e, "  (%s, %s, csr-active-config 0x%x%s%s)  %.1f s\n",
			       res->machine, res->release, res->csr,
			       res->accel ? ", " : "", res->accel ? res->accel : "",
			       (double)res->duration_ms / 1000);
	if (!r && bad)
		r = failure(out, res, e);
	if (!r)
		r = add_lines(out, "the boot", res->story, res->n_story, e);
	if (!r && res->kernel)
		r = buf_printf(out, e, "  kernel         %s\n", res->kernel);
	for (size_t i = 0; i < res->n_end_state && !r; i++)
		r = buf_printf(out, e, "  %s\n", res->end_state[i]);
	if (!r)
		r = notes(out, res, e);
	if (!r && res->run_dir)
		r = buf_printf(out, e, "  evidence       %s\n", res->run_dir);
	if (!r && bad && res->reproduce)
		r = buf_printf(out, e, "  run it again   %s\n", res->reproduce);
	return r;
}

int report_closing(const struct result *const *results, size_t n, struct buf *out,
		   struct err *e)
{
	size_t passed = 0, skipped = 0;

	for (size_t i = 0; i < n; i++) {
		passed += results[i]->verdict == VERDICT_PASSED;
		skipped += results[i]->verdict == VERDICT_SKIPPED;
	}
	return buf_printf(out, e, "%zu passed, %zu failed, %zu skipped\n", passed,
			  n - passed - skipped, skipped);
}
