/* SPDX-License-Identifier: MIT */
/* Reports: golden files, and what judges of the formats say. */
#include "sim/base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report.h"
#include "sim/base/fsio.h"

/* A result with a bit of everything that is hard to write. */
static struct result *sample(enum verdict verdict)
{
	static const char *tail[] = {"line <one> & \"two\"", "bell \a and \xff bytes"};
	static const char *said[] = {
		"com.apple.kextcache[7]: Link failed (error code 5)."};
	static const char *state[] = {"system kernel  0123 com.example.filter 1.0"};
	struct result *r = result_new();
	struct step_result *s;
	struct err e = ERR_INIT;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	r->name = "sample/one";
	r->scenario = "sample";
	r->variant = "one";
	r->summary = "A sample";
	r->file = "scenarios/sample.yaml";
	r->release = "10.15.0";
	r->machine = "intel";
	r->csr = 0x77;
	r->system = verdict == VERDICT_PASSED ? "/mac" : NULL;
	r->kernel = r->system ? "from /mac: Darwin 19.6.0, xnu-6153.141.1"
			      : "a stand-in of kextlab, as are Apple's kexts";
	r->accel = "tcg";
	r->run_dir = "build/runs/sample/1";
	r->reproduce = "build/kextlab run --keep sample/one";
	r->started = 1570442400;
	r->duration_ms = 12345;
	r->phase_ms[PHASE_BOOT] = 1500;
	r->peak_kib = 1024;
	r->verdict = verdict;
	s = result_step(r, "boot", "boot", &e);
	s->line = 5;
	s->end_ms = 1500;
	ASSERT_OK(result_check(r, s, "boot.kernel", true, "abc", "abc", &e), &e);
	ASSERT_OK(result_skip(r, s, "judges.7zz", "not installed", &e), &e);
	if (verdict == VERDICT_PASSED)
		return r;
	s = result_step(r, "run", "run echo #1 \\ <x>", &e);
	s->line = 6;
	s->start_ms = 1500;
	s->end_ms = 1600;
	ASSERT_OK(result_check(r, s, "run.stdout.equals", false, "a\nb", "a\001c", &e),
		  &e);
	s = result_step(r, "touch", "touch /a", &e);
	s->start_ms = s->end_ms = 1600;
	s->verdict = VERDICT_SKIPPED;
	r->tail = tail;
	r->n_tail = 2;
	r->kextcache = said;
	r->n_kextcache = 1;
	r->end_state = state;
	r->n_end_state = 1;
	return r;
}

/* Compare with the file, or write it when $UPDATE_GOLDEN is set. */
static void golden(const char *name, const struct buf *got)
{
	char path[256];
	struct buf want = BUF_INIT;
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "harness/test/data/%s", name);
	if (getenv("UPDATE_GOLDEN")) {
		ASSERT_OK(fsio_write_atomic(test_source(path), got->data, got->len, 0644,
					    &e),
			  &e);
		return;
	}
	ASSERT_OK(fsio_read(test_source(path), 1 << 20, &want, &e), &e);
	CU_ASSERT_EQUAL(got->len, want.len);
	CU_ASSERT_TRUE(got->len == want.len && !memcmp(got->data, want.data, got->len));
	buf_release(&want);
}

static void formats_of(const struct result *r, const char *name, bool with_text)
{
	const struct result *list[] = {r};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char file[64], *text;
	json_t *json = report_json(r);

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	text = json_dumps(json, JSON_INDENT(2));
	ASSERT_OK(buf_printf(&b, &e, "%s\n", text), &e);
	free(text);
	json_decref(json);
	snprintf(file, sizeof(file), "%s.json", name);
	golden(file, &b);
	buf_clear(&b);
	ASSERT_OK(report_junit(list, 1, &b, &e), &e);
	snprintf(file, sizeof(file), "%s.xml", name);
	golden(file, &b);
	buf_clear(&b);
	ASSERT_OK(report_tap(list, 1, &b, &e), &e);
	snprintf(file, sizeof(file), "%s.tap", name);
	golden(file, &b);
	buf_clear(&b);
	ASSERT_OK(report_text(r, false, &b, &e), &e);
	ASSERT_OK(report_closing(list, 1, &b, &e), &e);
	snprintf(file, sizeof(file), "%s.txt", name);
	if (with_text)
		golden(file, &b);
	buf_release(&b);
}

static void all_formats(enum verdict verdict, const char *name)
{
	struct result *r = sample(verdict);

	formats_of(r, name, true);
	r->tail = r->end_state = NULL;
	result_free(r);
}

static void golden_files(void)
{
	all_formats(VERDICT_PASSED, "passed");
	all_formats(VERDICT_FAILED, "failed");
}

/*
 * A result that went through JSON gives the same reports, JSON among them. (But for the
 * text of a byte that is no UTF-8, which JSON cannot hold.)
 */
static void back_from_json(void)
{
	static const char *const names[] = {"passed", "failed"};

	for (size_t i = 0; i < 2; i++) {
		char path[64];
		struct result *r = NULL;
		struct err e = ERR_INIT;
		json_t *o;

		snprintf(path, sizeof(path), "harness/test/data/%s.json", names[i]);
		o = json_load_file(test_source(path), 0, NULL);
		ASSERT_OK(result_from_json(o, &r, &e), &e);
		json_decref(o);
		formats_of(r, names[i], r->verdict == VERDICT_PASSED);
		result_free(r);
	}
}

/* What was changed by hand is refused by name, wherever it is. */
static void json_of_others(void)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{"name", "1"},
		{"verdict", "\"fine\""},
		{"steps", "{}"},
		{"steps", "[{}]"},
		{"end_state", "[1]"},
		{"duration_ms", "-1"},
		{"phases_ms", "null"},
		{"qemu_peak_kib", "1.5"},
		{"csr_active_config", "7"},
	};
	json_t *whole =
		json_load_file(test_source("harness/test/data/failed.json"), 0, NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = json_copy(whole);
		struct result *r = NULL;
		struct err e = ERR_INIT;

		json_object_set_new(o, rows[i].key,
				    json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
		CU_ASSERT_EQUAL(result_from_json(o, &r, &e), -(int)E_SCHEMA);
		json_decref(o);
	}
	json_decref(whole);
}

static void xml_is_well_formed(void)
{
	if (test_shell("command -v xmllint >/dev/null 2>&1"))
		TEST_SKIP("no xmllint");
	CU_ASSERT_EQUAL(test_shell("xmllint --noout %s %s",
				   test_source("harness/test/data/passed.xml"),
				   test_source("harness/test/data/failed.xml")),
			0);
}

static void prove_reads_tap(void)
{
	if (test_shell("command -v prove >/dev/null 2>&1"))
		TEST_SKIP("no prove");
	CU_ASSERT_EQUAL(test_shell("prove -Q -e cat %s >/dev/null 2>&1",
				   test_source("harness/test/data/passed.tap")),
			0);
	CU_ASSERT_NOT_EQUAL(test_shell("prove -Q -e cat %s >/dev/null 2>&1",
				       test_source("harness/test/data/failed.tap")),
			    0);
}

/* A run that ended outside any step, and a control. */
static void corner_cases(void)
{
	struct result *r = result_new();
	const struct result *list[] = {r};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct step_result *s;

	r->name = r->scenario = r->machine = r->release = "x";
	r->verdict = VERDICT_ERROR;
	r->error = "no QEMU";
	ASSERT_OK(report_tap(list, 1, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(
		buf_str(&b),
		"TAP version 13\n1..1\nnot ok 1 - x: run\n# error: no QEMU\n");
	buf_clear(&b);
	ASSERT_OK(report_junit(list, 1, &b, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&b), "errors=\"1\""));
	buf_clear(&b);
	ASSERT_OK(report_text(r, true, &b, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&b), "\033[31mERROR\033[0m  x"));
	buf_clear(&b);
	ASSERT_OK(report_closing(list, 1, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "0 passed, 1 failed, 0 skipped\n");
	r->error = NULL;
	r->verdict = VERDICT_PASSED;
	r->control = "no-cause";
	s = result_step(r, "boot", "boot", &e);
	ASSERT_OK(result_check(r, s, "a", false, "b", "c", &e), &e);
	s = result_step(r, "control", "no-cause", &e);
	ASSERT_OK(result_check(r, s, "a", true, "fails", "failed", &e), &e);
	buf_clear(&b);
	ASSERT_OK(report_tap(list, 1, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "TAP version 13\n1..1\nok 1 - x: no-cause\n");
	buf_release(&b);
	result_free(r);
}

static void verdicts(void)
{
	CU_ASSERT_EQUAL(verdict_exit(VERDICT_PASSED), 0);
	CU_ASSERT_EQUAL(verdict_exit(VERDICT_FAILED), 1);
	CU_ASSERT_EQUAL(verdict_exit(VERDICT_BAD), 2);
	CU_ASSERT_EQUAL(verdict_exit(VERDICT_ERROR), 3);
	CU_ASSERT_EQUAL(verdict_exit(VERDICT_TIMEOUT), 124);
	CU_ASSERT_EQUAL(verdict_exit(VERDICT_CANCELED), 130);
	CU_ASSERT_EQUAL(verdict_worse(VERDICT_FAILED, VERDICT_PASSED), VERDICT_FAILED);
	CU_ASSERT_EQUAL(verdict_worse(VERDICT_FAILED, VERDICT_ERROR), VERDICT_ERROR);
	CU_ASSERT_EQUAL(verdict_worse(VERDICT_TIMEOUT, VERDICT_FAILED), VERDICT_TIMEOUT);
}

TEST_MAIN("report", {"golden files", golden_files}, {"back from JSON", back_from_json},
	  {"JSON of others", json_of_others},
	  {"JUnit is well-formed", xml_is_well_formed},
	  {"TAP is what prove reads", prove_reads_tap}, {"corner cases", corner_cases},
	  {"verdicts and exit codes", verdicts})
