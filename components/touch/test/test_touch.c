/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/touch/touch.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define OCT_10	 1570705231 /* 2019-10-10 11:00:31 UTC */
#define ARGS_MAX 16

/*
 * touch with the words of @line; "@x" is the file x in the temporary folder. Returns what
 * the program would: 0, or the error of the last thing that failed.
 */
static int touch(const char *line, struct err *e)
{
	char words[1024], name[] = "touch";
	char *argv[ARGS_MAX] = {name}, *save = NULL;
	struct touch_options o;
	int argc = 1, r;

	setenv("TZ", "UTC0", 1);
	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc < ARGS_MAX - 1;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = strdup(w[0] == '@' ? test_path(w + 1) : w);
	err_clear(e);
	r = touch_options_read(&o, argc, argv, OCT_10, e);
	for (int i = o.first_file; !r && i < argc; i++)
		r = touch_file(&o, argv[i], e);
	while (argc > 1)
		free(argv[--argc]);
	return r;
}

static struct stat stat_of(const char *name)
{
	struct stat st = {.st_size = -1};

	if (lstat(test_path(name), &st))
		st.st_size = -1;
	return st;
}

static bool is_there(const char *name)
{
	return stat_of(name).st_size >= 0;
}

static void creates(void)
{
	struct err e = ERR_INIT;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ASSERT_OK(touch("@new", &e), &e);
	CU_ASSERT_EQUAL(stat_of("new").st_size, 0);
	CU_ASSERT_TRUE(labs(stat_of("new").st_mtim.tv_sec - now.tv_sec) <= 2);
	ASSERT_OK(touch("-t 201910080900 @new2 @new3", &e), &e);
	CU_ASSERT_EQUAL(stat_of("new2").st_mtim.tv_sec, 1570525200);
	CU_ASSERT_EQUAL(stat_of("new3").st_atim.tv_sec, 1570525200);
}

static void creates_nothing(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(touch("-c @missing", &e), &e);
	ASSERT_OK(touch("-cm -t 201910080900 @missing @no/such/folder", &e), &e);
	ASSERT_OK(touch("-h @missing", &e), &e);
	ASSERT_OK(touch("-A 01 @missing", &e), &e);
	CU_ASSERT_FALSE(is_there("missing"));
}

static void changes_folders(void)
{
	struct err e = ERR_INIT;
	struct stat before, after;

	CU_ASSERT_EQUAL_FATAL(mkdir(test_path("Extensions"), 0755), 0);
	ASSERT_OK(touch("-t 200001010000 @Extensions", &e), &e);
	before = stat_of("Extensions");
	CU_ASSERT_EQUAL(before.st_mtim.tv_sec, 946684800);
	ASSERT_OK(touch("-c @Extensions", &e), &e);
	after = stat_of("Extensions");
	CU_ASSERT_TRUE(after.st_mtim.tv_sec > OCT_10);
	CU_ASSERT_TRUE(after.st_atim.tv_sec > OCT_10);
}

static void changes_one_time(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(touch("-t 200001010000 @one", &e), &e);
	ASSERT_OK(touch("-a -t 200101010000 @one", &e), &e);
	CU_ASSERT_EQUAL(stat_of("one").st_atim.tv_sec, 978307200);
	CU_ASSERT_EQUAL(stat_of("one").st_mtim.tv_sec, 946684800);
	ASSERT_OK(touch("-m -t 200201010000 @one", &e), &e);
	CU_ASSERT_EQUAL(stat_of("one").st_atim.tv_sec, 978307200);
	CU_ASSERT_EQUAL(stat_of("one").st_mtim.tv_sec, 1009843200);
}

static void copies_times(void)
{
	const struct timespec ts[2] = {{.tv_sec = 5, .tv_nsec = 6},
				       {.tv_sec = 7, .tv_nsec = 8}};
	struct err e = ERR_INIT;
	struct stat st;

	ASSERT_OK(touch("@from", &e), &e);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, test_path("from"), ts, 0), 0);
	ASSERT_OK(touch("-r @from @to", &e), &e);
	st = stat_of("to");
	CU_ASSERT_EQUAL(st.st_atim.tv_sec, 5);
	CU_ASSERT_EQUAL(st.st_atim.tv_nsec, 6);
	CU_ASSERT_EQUAL(st.st_mtim.tv_sec, 7);
	CU_ASSERT_EQUAL(st.st_mtim.tv_nsec, 8);
	ASSERT_FAILS(touch("-r @missing @to", &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "/missing: No such file or directory"));
}

static void reads_stamps(void)
{
	static const struct {
		const char *stamp;
		time_t want;
	} good[] = {{"201910101100.31", OCT_10}, {"1910101100.31", OCT_10},
		    {"10101100.31", OCT_10},	 {"10101100", OCT_10 - 31},
		    {"6901010000", -31536000},	 {"6801010000", 3092601600}};
	static const char *const bad[] = {"1",
					  "101011",
					  "1010110",
					  "1010110x",
					  "10101100.3",
					  "10101100.311",
					  "10101100.x1",
					  "10101100.",
					  "20191010110000",
					  ""};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "-t %s @stamp", good[i].stamp);
		ASSERT_OK(touch(line, &e), &e);
		CU_ASSERT_EQUAL(stat_of("stamp").st_mtim.tv_sec, good[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "-t%s @stamp", bad[i]);
		CU_ASSERT_NOT_EQUAL(touch(line, &e), 0);
	}
	ASSERT_FAILS(touch("-t 1 @stamp", &e), E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg, "out of range or illegal time specification: "
				      "[[CC]YY]MMDDhhmm[.SS]");
}

static void reads_the_old_form(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(touch("1010110019 @old", &e), &e);
	CU_ASSERT_EQUAL(stat_of("old").st_mtim.tv_sec, OCT_10); /* seconds of now */
	ASSERT_OK(touch("01010000 @old", &e), &e);
	CU_ASSERT_EQUAL(stat_of("old").st_mtim.tv_sec, 1546300831);
	/* A name that looks like a stamp, alone or behind a time, is a name. */
	CU_ASSERT_EQUAL(chdir(test_tmpdir()), 0);
	ASSERT_OK(touch("01010000", &e), &e);
	CU_ASSERT_TRUE(is_there("01010000"));
	ASSERT_OK(touch("-r @old 01020000 @old", &e), &e);
	CU_ASSERT_EQUAL(stat_of("01020000").st_mtim.tv_sec, 1546300831);
	CU_ASSERT_EQUAL(chdir("/"), 0);
}

static void moves_times(void)
{
	static const struct {
		const char *by;
		int seconds;
	} cases[] = {{"05", 5}, {"-05", -5}, {"0102", 62}, {"-010203", -3723}};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];

		ASSERT_OK(touch("-t 201910101100.31 @moved", &e), &e);
		snprintf(line, sizeof(line), "-A %s @moved", cases[i].by);
		ASSERT_OK(touch(line, &e), &e);
		CU_ASSERT_EQUAL(stat_of("moved").st_mtim.tv_sec,
				OCT_10 + cases[i].seconds);
		CU_ASSERT_EQUAL(stat_of("moved").st_atim.tv_sec,
				OCT_10 + cases[i].seconds);
	}
	ASSERT_OK(touch("-A 10 -t 201910101100.31 @moved2", &e), &e);
	CU_ASSERT_EQUAL(stat_of("moved2").st_mtim.tv_sec, OCT_10 + 10);
	ASSERT_FAILS(touch("-A 5 @moved", &e), E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg, "Invalid offset spec, must be [-][[HH]MM]SS");
}

static void treats_links(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(touch("-t 200001010000 @target", &e), &e);
	CU_ASSERT_EQUAL_FATAL(symlink("target", test_path("link")), 0);
	ASSERT_OK(touch("-h -t 200101010000 @link", &e), &e);
	CU_ASSERT_EQUAL(stat_of("link").st_mtim.tv_sec, 978307200);
	CU_ASSERT_EQUAL(stat_of("target").st_mtim.tv_sec, 946684800);
	ASSERT_OK(touch("-t 200201010000 @link", &e), &e);
	CU_ASSERT_EQUAL(stat_of("link").st_mtim.tv_sec, 978307200);
	CU_ASSERT_EQUAL(stat_of("target").st_mtim.tv_sec, 1009843200);
}

static void says_what_is_wrong(void)
{
	struct err e = ERR_INIT;

	CU_ASSERT_NOT_EQUAL(touch("@no/such/folder", &e), 0);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(e.msg, "/no/such/folder: No such file or directory"));
	ASSERT_OK(touch("@file", &e), &e);
	CU_ASSERT_NOT_EQUAL(touch("-c @file/x", &e), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "/file/x: Not a directory"));
	ASSERT_FAILS(touch("", &e), E_INVAL);
	CU_ASSERT_STRING_EQUAL(e.msg, "");
	ASSERT_FAILS(touch("-z @file", &e), E_INVAL);
	CU_ASSERT_STRING_EQUAL(e.msg, "illegal option -- z");
	ASSERT_FAILS(touch("-t", &e), E_INVAL);
	CU_ASSERT_STRING_EQUAL(e.msg, "option requires an argument -- t");
}

TEST_MAIN("touch", {"creates a file", creates},
	  {"creates nothing with -c", creates_nothing},
	  {"changes folders", changes_folders}, {"changes one time", changes_one_time},
	  {"copies times", copies_times}, {"reads stamps", reads_stamps},
	  {"reads the old form", reads_the_old_form}, {"moves times", moves_times},
	  {"treats links", treats_links}, {"says what is wrong", says_what_is_wrong})
