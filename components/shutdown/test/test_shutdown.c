/* SPDX-License-Identifier: MIT */
/* shutdown, reboot and halt against a kextd and a launchd that answer from a list. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/shutdown/shutdown.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define OCT_10	    1570705231 /* 2019-10-10 11:00:31 UTC */
#define ARGS_MAX    16
#define ANSWERS_MAX 4
#define NOBODY	    (-1) /* in place of an answer: no such server */
#define HANG_UP	    (-2) /* in place of an answer: close the connection */

/* What one run of a program met and what it did. */
struct world {
	int kextd[ANSWERS_MAX]; /* errnos, 0 for those that are not asked for */
	int launchd[ANSWERS_MAX];
	char dir[PATH_MAX / 2];
	char kextd_path[PATH_MAX], launchd_path[PATH_MAX], nologin[PATH_MAX];
	char said[8192]; /* "! " before lines on standard error */
	char logged[1024];
	char deeds[1024]; /* requests, in their order */
	int status;
};

/* --- the servers ------------------------------------------------------------- */

static void note(const struct world *w, const char *what, const char *detail)
{
	char path[PATH_MAX], line[128];
	int fd;

	snprintf(path, sizeof(path), "%s/deeds", w->dir);
	snprintf(line, sizeof(line), "%s%s\n", what, detail);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		_exit(1);
	close(fd);
}

static void note_request(const struct world *w, const json_t *request)
{
	const char *how = json_string_value(json_object_get(request, "how"));
	char detail[64];

	snprintf(detail, sizeof(detail), "%s%s%s", how ? " " : "", how ? how : "",
		 json_is_true(json_object_get(request, "wait")) ? " wait" : "");
	note(w, json_string_value(json_object_get(request, "op")), detail);
}

/* Serve one client until it hangs up, which is noted as @gone. */
static int serve(const struct world *w, int listener, const int *answers,
		 const char *gone)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct err e = ERR_INIT;
	int fd;

	if (poll(&p, 1, 5000) != 1)
		return 1;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	for (int i = 0; i < ANSWERS_MAX; i++) {
		json_t *request = NULL, *reply;
		int r = packet_recv(fd, 5000, &request, &e);

		if (r) {
			note(w, gone, "");
			return r == -E_NOTFOUND ? 0 : 1;
		}
		note_request(w, request);
		json_decref(request);
		if (answers[i] == HANG_UP)
			return 0;
		reply = packet_reply(answers[i], NULL);
		json_object_set_new(reply, "volume", json_string("/Volumes/X"));
		r = packet_send(fd, reply, &e);
		json_decref(reply);
		if (r)
			return 1;
	}
	return 1;
}

/* 0 when there is to be none. */
static pid_t start_server(const struct world *w, const char *path, const int *answers,
			  const char *gone)
{
	struct err e = ERR_INIT;
	int listener;
	pid_t pid;

	if (answers[0] == NOBODY)
		return 0;
	ASSERT_OK(packet_listen(path, &listener, &e), &e);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(serve(w, listener, answers, gone));
	close(listener);
	CU_ASSERT_TRUE_FATAL(pid > 0);
	return pid;
}

/* --- the run ----------------------------------------------------------------- */

static void add_line(char *text, size_t size, const char *before, const char *line)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s\n", before, line);
}

static void take_said(void *arg, enum clog_level level, const char *line)
{
	bool bad = level == CLOG_ERROR || level == CLOG_WARNING;
	struct world *w = arg;

	add_line(w->said, sizeof(w->said), bad ? "! " : "", line);
}

static void take_logged(void *arg, enum clog_level level, const char *line)
{
	struct world *w = arg;

	(void)level;
	add_line(w->logged, sizeof(w->logged), "", line);
}

static void prepare(struct world *w)
{
	snprintf(w->dir, sizeof(w->dir), "%s/XXXXXX", test_tmpdir());
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(w->dir));
	snprintf(w->kextd_path, sizeof(w->kextd_path), "%s/kextd", w->dir);
	snprintf(w->launchd_path, sizeof(w->launchd_path), "%s/launchd", w->dir);
	snprintf(w->nologin, sizeof(w->nologin), "%s/nologin", w->dir);
	w->said[0] = w->logged[0] = w->deeds[0] = '\0';
}

static void read_deeds(struct world *w)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/deeds", w->dir);
	if (!fsio_read(path, sizeof(w->deeds) - 1, &b, &e))
		snprintf(w->deeds, sizeof(w->deeds), "%s", buf_str(&b));
	buf_release(&b);
}

/* Words into argv; returns argc. */
static int split(char *line, char **argv)
{
	char *save = NULL;
	int argc = 0;

	for (char *word = strtok_r(line, " ", &save); word && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return argc;
}

static int run_program(struct world *w, int argc, char **argv)
{
	const struct component_log log = {take_said, w, CLOG_DEBUG};
	const struct component_log system_log = {take_logged, w, CLOG_DEBUG};
	struct shutdown_world sw = {
	    .program = argv[0],
	    .kextd = w->kextd_path,
	    .launchd = w->launchd_path,
	    .nologin = w->nologin,
	    .user = "root",
	    .host = "Catalina-Mac",
	    .waits = {.factor = 0},
	    .log = &log,
	    .system_log = &system_log,
	};
	struct err e = ERR_INIT;

	if (!strcmp(argv[0], "shutdown")) {
		struct shutdown_options o;

		ASSERT_OK(shutdown_options_read(&o, argc - 1, argv + 1, OCT_10, &e), &e);
		return shutdown_run(&sw, &o);
	} else {
		struct reboot_options o = {.halt = !strcmp(argv[0], "halt")};

		ASSERT_OK(reboot_options_read(&o, argc - 1, argv + 1, &e), &e);
		return reboot_run(&sw, &o);
	}
}

/* Run the program that the first word of @line names. */
static void run(struct world *w, const char *line)
{
	char words[256], *argv[ARGS_MAX];
	pid_t kextd, launchd;

	setenv("TZ", "UTC0", 1);
	prepare(w);
	snprintf(words, sizeof(words), "%s", line);
	kextd = start_server(w, w->kextd_path, w->kextd, "unlocked");
	launchd = start_server(w, w->launchd_path, w->launchd, "told");
	w->status = run_program(w, split(words, argv), argv);
	/* A server that was not asked waits for a client: give it one. */
	for (int i = 0; i < 2; i++) {
		const char *path = i ? w->launchd_path : w->kextd_path;
		pid_t pid = i ? launchd : kextd;
		struct err e = ERR_INIT;
		int fd, st = -1;

		if (!pid)
			continue;
		if (!packet_connect(path, &fd, &e))
			close(fd);
		CU_ASSERT_EQUAL(waitpid(pid, &st, 0), pid);
		CU_ASSERT_EQUAL(st, 0);
	}
	read_deeds(w);
}

/* --- cases ------------------------------------------------------------------- */

static void locks_before_it_tells_launchd(void)
{
	struct world w = {0};

	run(&w, "shutdown -r now");
	CU_ASSERT_EQUAL(w.status, 0);
	/* The lock is held until launchd has answered. */
	CU_ASSERT_EQUAL(strncmp(w.deeds, "lock_reboot\nreboot restart\n", 27), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.deeds, "unlocked\n"));
	CU_ASSERT_STRING_EQUAL(w.said, "\a*** FINAL System shutdown message from "
				       "root@Catalina-Mac ***\a\n"
				       "System going down IMMEDIATELY\n\n"
				       "\r\nSystem shutdown time has arrived\a\a\r\n");
	CU_ASSERT_STRING_EQUAL(w.logged, "reboot by root: \n");
	CU_ASSERT_FALSE(fsio_exists(w.nologin));
}

static void waits_for_a_busy_volume(void)
{
	struct world w = {.kextd = {EBUSY, 0}};

	run(&w, "shutdown -h now");
	CU_ASSERT_EQUAL(w.status, 0);
	CU_ASSERT_EQUAL(
	    strncmp(w.deeds, "lock_reboot\nlock_reboot wait\nreboot halt\n", 41), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.said, "! shutdown: /Volumes/X is busy updating; "
					      "waiting for lock\n"));
	CU_ASSERT_STRING_EQUAL(w.logged, "halt by root: \n");
}

static void goes_down_without_kextd(void)
{
	struct world w = {.kextd = {NOBODY}};

	run(&w, "shutdown -r now");
	CU_ASSERT_STRING_EQUAL(w.deeds, "reboot restart\ntold\n");
	CU_ASSERT_PTR_NULL(strchr(w.said, '!'));
}

static void goes_down_in_doubt(void)
{
	struct world dead = {.kextd = {EBUSY, HANG_UP}}, second = {.kextd = {EALREADY}};

	run(&dead, "shutdown -r now");
	CU_ASSERT_PTR_NOT_NULL(strstr(dead.deeds, "reboot restart\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(dead.said,
				      "! shutdown: WARNING: couldn't lock kext "
				      "manager for reboot: "));
	run(&second, "shutdown -r now");
	CU_ASSERT_PTR_NOT_NULL(strstr(second.deeds, "reboot restart\n"));
	CU_ASSERT_PTR_NULL(strchr(second.said, '!'));
}

static void stays_when_kextd_refuses(void)
{
	struct world s = {.kextd = {EPERM}}, r = {.kextd = {EPERM}};

	run(&s, "shutdown -r now");
	CU_ASSERT_EQUAL(s.status, 0);
	CU_ASSERT_PTR_NULL(strstr(s.deeds, "reboot "));
	CU_ASSERT_PTR_NOT_NULL(strstr(
	    s.said, "! shutdown: couldn't lock for reboot: Operation not permitted\n"));
	CU_ASSERT_FALSE(fsio_exists(s.nologin));
	run(&r, "reboot");
	CU_ASSERT_EQUAL(r.status, 1);
	CU_ASSERT_PTR_NULL(strstr(r.deeds, "reboot "));
	CU_ASSERT_STRING_EQUAL(
	    r.said, "! reboot: couldn't lock for reboot: Operation not permitted\n");
}

static void tells_when_launchd_refuses(void)
{
	struct world s = {.launchd = {EPERM}}, none = {.launchd = {NOBODY}};

	run(&s, "shutdown -h now");
	CU_ASSERT_EQUAL(s.status, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.logged, "shutdown: launchd reboot failed.\n"));
	run(&none, "halt");
	CU_ASSERT_EQUAL(none.status, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(none.said, "! halt: launchd reboot failed: "));
}

static void reboot_locks_unless_quick(void)
{
	struct world asks = {.kextd = {EBUSY, 0}}, quick = {0}, called = {0};

	run(&asks, "reboot");
	CU_ASSERT_EQUAL(asks.status, 0);
	CU_ASSERT_EQUAL(
	    strncmp(asks.deeds, "lock_reboot\nlock_reboot wait\nreboot restart\n", 44),
	    0);
	CU_ASSERT_STRING_EQUAL(asks.said,
			       "! reboot: /Volumes/X is busy updating; waiting "
			       "for lock\n");
	CU_ASSERT_STRING_EQUAL(asks.logged, "rebooted by root\n");
	run(&quick, "halt -q");
	CU_ASSERT_PTR_NULL(strstr(quick.deeds, "lock_reboot"));
	CU_ASSERT_PTR_NOT_NULL(strstr(quick.deeds, "reboot halt\n"));
	run(&called, "reboot -ln");
	CU_ASSERT_PTR_NULL(strstr(called.deeds, "lock_reboot"));
	CU_ASSERT_PTR_NOT_NULL(strstr(called.deeds, "reboot restart\n"));
	CU_ASSERT_STRING_EQUAL(called.logged, "");
}

static void counts_down(void)
{
	struct world w = {0};
	static const char *const steps[] = {
	    "in 12 minutes", "in 10 minutes", "in 5 minutes", "in 2 minutes",
	    "in 1 minute",   "in 30 seconds", "IMMEDIATELY"};
	const char *at = w.said;

	run(&w, "shutdown -k +12 Save your work");
	CU_ASSERT_STRING_EQUAL(w.deeds, "lock_reboot\nunlocked\ntold\n");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char want[128];

		snprintf(want, sizeof(want), "System going down %s\n\nSave your work\n",
			 i ? steps[i] : "at 11:12");
		at = strstr(at, want);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		at += strlen(want);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(at, "\rbut you'll have to do it yourself\r\n"));
	CU_ASSERT_STRING_EQUAL(w.logged, "shutdown by root: Save your work\n");
}

static void forbids_logins(void)
{
	struct world w = {0};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	/* With -k the file stays. */
	run(&w, "shutdown -k now Bye");
	ASSERT_OK(fsio_read(w.nologin, 1024, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b),
			       "\n\nNO LOGINS: System going down at 11:00\n\nBye\n");
	buf_release(&b);
}

static void cannot_sleep(void)
{
	struct world w = {0};

	run(&w, "shutdown -s now");
	CU_ASSERT_PTR_NULL(strstr(w.deeds, "reboot "));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.said, "! shutdown: sleep failed (0xe00002c7)\n"));
}

/* --- the command line -------------------------------------------------------- */

static int read_line(const char *line, struct shutdown_options *o, struct err *e)
{
	char words[256], *argv[ARGS_MAX];

	setenv("TZ", "UTC0", 1);
	snprintf(words, sizeof(words), "%s", line);
	err_clear(e);
	return shutdown_options_read(o, split(words, argv), argv, OCT_10, e);
}

static void reads_times(void)
{
	static const struct {
		const char *text;
		int64_t offset;
	} cases[] = {{"now", 0},
		     {"NOW", 0},
		     {"+0", 0},
		     {"+5", 300},
		     {"1101", 29},
		     {"11:01", 29},
		     {"111100", 86369},
		     {"10111100", 86369},
		     {"1910111100", 86369},
		     {"19101111:00", 86369},
		     {"2001010000", 7131569}};
	static const char *const bad[] = {
	    "",		"+",	    "+x",	    "1",	   "110",    "2400",
	    "1160",	"11:0",	    "1:100",	    "tomorrow",	   "320000", "000000",
	    "13010000", "00010000", "201001010000", "+99999999999"};
	struct shutdown_options o;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "-r %s", cases[i].text);
		ASSERT_OK(read_line(line, &o, &e), &e);
		CU_ASSERT_EQUAL(o.offset, cases[i].offset);
		CU_ASSERT_EQUAL(o.at, OCT_10 + cases[i].offset);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char flag[] = "-r", text[32], *argv[] = {flag, text, NULL};

		snprintf(text, sizeof(text), "%s", bad[i]);
		ASSERT_FAILS(shutdown_options_read(&o, 2, argv, OCT_10, &e), E_CORRUPT);
		CU_ASSERT_STRING_EQUAL(e.msg, "bad time format");
	}
	ASSERT_FAILS(read_line("-r 1059", &o, &e), E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg, "that time is already past.");
}

static void reads_options(void)
{
	static const struct {
		const char *line;
		const char *why;
	} bad[] = {{"", ""},
		   {"-h", ""},
		   {"now", "-h, -r, -s, or -k is required"},
		   {"-hr now", "incompatible switches -h, -k, -r, and -s"},
		   {"-r -u now", "-u requires -h"},
		   {"-x now", "illegal option -- x"}};
	struct shutdown_options o;
	struct reboot_options b;
	struct err e = ERR_INIT;
	char x[] = "-x", *argv[] = {x, NULL};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ASSERT_FAILS(read_line(bad[i].line, &o, &e), E_INVAL);
		CU_ASSERT_STRING_EQUAL(e.msg, bad[i].why);
	}
	ASSERT_OK(read_line("- -hun now", &o, &e), &e);
	CU_ASSERT_TRUE(o.read_message);
	CU_ASSERT_TRUE(o.ups);
	CU_ASSERT_EQUAL(o.action, SHUTDOWN_HALT);
	CU_ASSERT_STRING_EQUAL(o.message, "");
	ASSERT_OK(read_line("-r now one -h two", &o, &e), &e);
	CU_ASSERT_STRING_EQUAL(o.message, "one -h two\n");
	CU_ASSERT_EQUAL(o.action, SHUTDOWN_RESTART);
	ASSERT_FAILS(reboot_options_read(&b, 1, argv, &e), E_INVAL);
}

/* Words that do not fit are left out; nothing is written behind the message. */
static void cuts_a_long_message(void)
{
	static char word[SHUTDOWN_MESSAGE_MAX + 2];
	struct shutdown_options o;
	struct err e = ERR_INIT;
	char flag[] = "-r", now[] = "now", first[] = "first";
	char *argv[] = {flag, now, first, word, NULL};

	for (size_t len = SHUTDOWN_MESSAGE_MAX - 12; len < SHUTDOWN_MESSAGE_MAX + 1;
	     len++) {
		memset(word, 'w', len);
		ASSERT_OK(shutdown_options_read(&o, 4, argv, OCT_10, &e), &e);
		CU_ASSERT_PTR_NOT_NULL_FATAL(memchr(o.message, 0, sizeof(o.message)));
		CU_ASSERT_EQUAL(strncmp(o.message, "first", 5), 0);
		CU_ASSERT_EQUAL(o.message[strlen(o.message) - 1], '\n');
	}
	CU_ASSERT_STRING_EQUAL(o.message, "first\n");
}

TEST_MAIN("shutdown", {"locks before it tells launchd", locks_before_it_tells_launchd},
	  {"waits for a busy volume", waits_for_a_busy_volume},
	  {"goes down without kextd", goes_down_without_kextd},
	  {"goes down in doubt", goes_down_in_doubt},
	  {"stays when kextd refuses", stays_when_kextd_refuses},
	  {"tells when launchd refuses", tells_when_launchd_refuses},
	  {"reboot locks unless quick", reboot_locks_unless_quick},
	  {"counts down", counts_down}, {"forbids logins", forbids_logins},
	  {"cannot sleep", cannot_sleep}, {"reads times", reads_times},
	  {"reads options", reads_options}, {"cuts a long message", cuts_a_long_message})
