/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/base/test.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"

static const char *skip_reason;
static char tmpdir[PATH_MAX];
static const struct test_case *all;
static int counts[3]; /* passed, failed, skipped */

void test_skip(const char *why)
{
	skip_reason = why;
}

static void remove_tmpdir(void)
{
	if (tmpdir[0] && !getenv("KEEP_TMP"))
		(void)!fsio_remove_tree(tmpdir, NULL);
}

const char *test_tmpdir(void)
{
	const char *base = getenv("TMPDIR");

	if (!tmpdir[0]) {
		snprintf(tmpdir, sizeof(tmpdir), "%s/kextlab-test.XXXXXX",
			 base ? base : "/tmp");
		if (!mkdtemp(tmpdir)) {
			perror(tmpdir);
			exit(3);
		}
		atexit(remove_tmpdir);
	}
	return tmpdir;
}

char *test_path(const char *name)
{
	static char out[4][PATH_MAX];
	static unsigned turn;
	char *p = out[turn++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", test_tmpdir(), name);
	return p;
}

const char *test_source(const char *path)
{
	static char out[4][PATH_MAX];
	static unsigned turn;
	const char *root = getenv("SRCDIR");
	char *p = out[turn++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", root ? root : ".", path);
	return p;
}

int test_shell(const char *fmt, ...)
{
	char cmd[8192];
	va_list ap;
	int st;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fflush(NULL);
	st = system(cmd); /* NOLINT: the commands are the test's own */
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

void test_note(const char *file, int line, const char *what, const struct err *e)
{
	printf("# %s:%d: %s: %s\n", file, line, what, e ? e->msg : "");
}

static void report(const char *how, const char *suite, const char *name)
{
	const char *path = getenv("TEST_REPORT");
	FILE *f = path ? fopen(path, "a") : NULL;

	if (!f)
		return;
	fprintf(f, "%s\t%s\t%s\n", how, suite, name);
	fclose(f);
}

static void case_done(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord fail)
{
	static const char *const words[] = {"pass", "fail", "skip"};
	int how = fail ? 1 : skip_reason ? 2 : 0;

	counts[how]++;
	printf("%s  %s: %s%s%s\n", words[how], suite->pName, test->pName,
	       how == 2 ? " # " : "", how == 2 ? skip_reason : "");
	for (CU_pFailureRecord f = fail; f; f = f->pNext)
		printf("      %s:%u: %s\n", f->strFileName, f->uiLineNumber,
		       f->strCondition);
	report(words[how], suite->pName, test->pName);
	skip_reason = NULL;
	fflush(stdout);
}

int test_main(const char *name, const struct test_case *cases, int argc, char **argv)
{
	CU_pSuite suite;

	all = cases;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() || !(suite = CU_add_suite(name, NULL, NULL))) {
		fprintf(stderr, "CUnit: %s\n", CU_get_error_msg());
		return 3;
	}
	for (const struct test_case *c = all; c->name; c++)
		if (argc < 2 || !fnmatch(argv[1], c->name, 0))
			if (!CU_add_test(suite, c->name, c->run)) {
				fprintf(stderr, "CUnit: %s\n", CU_get_error_msg());
				return 3;
			}
	CU_set_test_complete_handler(case_done);
	CU_run_all_tests();
	CU_cleanup_registry();
	printf("%d passed, %d failed, %d skipped\n", counts[0], counts[1], counts[2]);
	return counts[1] ? 1 : 0;
}
