/* SPDX-License-Identifier: MIT */
/*
 * The frame of a test program: one file, one CUnit suite, a table of cases.
 *
 *	static void reads_empty(void) { CU_ASSERT_EQUAL(...); }
 *	TEST_MAIN("buf", {"reads an empty buffer", reads_empty}, ...)
 *
 * A case that cannot run here says why with TEST_SKIP("no mkfs.ext4") and is
 * counted as skipped. The program writes one line per case and the closing line
 * "N passed, N failed, N skipped"; CUnit's own XML mode is not used, because
 * Debian's 2.1-3 aborts in it at the first failing assertion.
 * $TEST_REPORT names a file to which "pass|fail|skip<TAB>suite<TAB>case" is added.
 */
#ifndef SIM_BASE_TEST_H
#define SIM_BASE_TEST_H

#include <CUnit/CUnit.h>

#include "sim/base/err.h"

struct test_case {
	const char *name;
	void (*run)(void);
};

/* Run the cases; returns the exit status of the program: 0, or 1 when one failed. */
int test_main(const char *suite, const struct test_case *cases, int argc, char **argv);

/* Mark the running case as skipped; the caller returns right after. */
void test_skip(const char *why);

/* A fresh empty folder below $TMPDIR, removed when the program ends. Do not free. */
const char *test_tmpdir(void);
/* The path of @name in it; one of four buffers that are used in turn. */
char *test_path(const char *name);

/* Path of a file of the source tree: test_data("sim/x/test/data/y"). Do not free. */
const char *test_source(const char *path);

/* Run a shell command; its exit status, or 128 + signal. Output goes to the test's. */
int test_shell(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Assert that a fallible call returned 0; on failure the error's text is shown. */
#define ASSERT_OK(call, e)                                                               \
	do {                                                                             \
		if ((call) != 0) {                                                       \
			test_note(__FILE__, __LINE__, #call, e);                         \
			CU_FAIL_FATAL(#call);                                            \
		}                                                                        \
	} while (0)

/* Assert that a fallible call failed with @c, an enum err_code. */
#define ASSERT_FAILS(call, c)                                                            \
	do {                                                                             \
		int got_ = (call);                                                       \
		CU_ASSERT_EQUAL(got_, -(int)(c));                                        \
	} while (0)

void test_note(const char *file, int line, const char *what, const struct err *e);

#define TEST_SKIP(why)                                                                   \
	do {                                                                             \
		test_skip(why);                                                          \
		return;                                                                  \
	} while (0)

#define TEST_MAIN(suite, ...)                                                            \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		static const struct test_case cases[] = {__VA_ARGS__, {NULL, NULL}};     \
		return test_main(suite, cases, argc, argv);                              \
	}

#endif
