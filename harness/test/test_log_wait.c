/* SPDX-License-Identifier: MIT */
/* Waiting for a line: of before, of later, of a file that comes late. */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/log_wait.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

static char path[512];

static void fresh(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
}

static void add(const char *text)
{
	struct err e = ERR_INIT;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	ASSERT_OK(fsio_write_all(fd, text, strlen(text), path, &e), &e);
	close(fd);
}

static void expect(const char *pattern, int timeout_ms, const char *want)
{
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;

	if (want) {
		ASSERT_OK(log_wait(path, pattern, timeout_ms, &line, &e), &e);
		CU_ASSERT_STRING_EQUAL(buf_str(&line), want);
	} else {
		CU_ASSERT_EQUAL(log_wait(path, pattern, timeout_ms, &line, &e),
				-(int)E_TIMEOUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, pattern));
	}
	buf_release(&line);
}

static void finds_what_is_there(void)
{
	fresh("there");
	add("one\ntwo [2]\nthree\n");
	expect("two [*]", 0, "two [2]");
	expect("*e", 0, "one");
	expect("four", 0, NULL);
	expect("wo*", 0, NULL); /* the whole line */
}

static void half_a_line_is_none(void)
{
	fresh("half");
	add("one\ntw");
	expect("tw*", 0, NULL);
	add("o\n");
	expect("tw*", 0, "two");
}

/* In pieces, some time from now. */
static void *write_later(void *arg)
{
	static const struct timespec pause = {.tv_nsec = 50000000};

	(void)arg;
	nanosleep(&pause, NULL);
	add("not this\nbut th");
	nanosleep(&pause, NULL);
	add("is one\n");
	return NULL;
}

static void waits(void)
{
	pthread_t thread;

	fresh("later"); /* is not there yet */
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, write_later, NULL), 0);
	expect("but*one", 60000, "but this one");
	pthread_join(thread, NULL);
}

static void wants_a_folder(void)
{
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;

	CU_ASSERT_EQUAL(log_wait("/nonexistent/x/log", "*", 0, &line, &e),
			-(int)E_NOTFOUND);
	CU_ASSERT_EQUAL(log_wait("log", "*", 0, &line, &e), -(int)E_INVAL);
}

TEST_MAIN("log_wait", {"finds what is there", finds_what_is_there},
	  {"half a line is none", half_a_line_is_none}, {"waits", waits},
	  {"wants a folder", wants_a_folder})
