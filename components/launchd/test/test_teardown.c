/* SPDX-License-Identifier: MIT */
/*
 * A whole teardown in a child process: the console is a pipe, the kernel is another
 * child behind a socket, and what would hurt this machine is a function that notes it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/launchd/teardown.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define APFS_LINE                                                                        \
	"apfs_vfsop_mount:1125: Updating mount from /dev/disk1s7 to read/write mode is " \
	"not allowed\n"
#define STAMP "Thu Oct 10 11:00:31 2019 Catalina-Mac com.apple.xpc.launchd[1] "

/* How the world of one teardown is, and what came of it. */
struct world {
	bool refuse_remount;
	bool no_kernel;
	const char *kernel_says; /* the kernel refuses; NULL: it does not */
	bool writable;	      /* the system volume, now */
	const char *jobs;     /* folder of property lists; NULL: none */
	const char *ready[2]; /* files that the jobs make when they listen to signals */
	int64_t hook_limit_ns;
	int console;	    /* write end */
	char dir[PATH_MAX]; /* everything of this world */
	char console_text[65536];
	char deeds[4096]; /* what was done to the machine */
};

static time_t oct_10(void)
{
	return 1570705231; /* 2019-10-10 11:00:31 UTC */
}

/* Deeds go through a file, because they happen in another process. */
static void note_deed(const struct world *w, const char *what)
{
	char path[PATH_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/deeds", w->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || write(fd, what, strlen(what)) < 0)
		_exit(99);
	close(fd);
}

static int kill_all(void *arg, int sig)
{
	if (sig)
		note_deed(arg, sig == SIGKILL ? "kill9 " : "kill15 ");
	errno = ESRCH;
	return -1;
}

static int remount_root(void *arg, bool writable)
{
	struct world *w = arg;

	note_deed(w, writable ? "rw " : "ro ");
	if (writable && w->refuse_remount) {
		if (write(w->console, APFS_LINE, strlen(APFS_LINE)) < 0)
			_exit(98);
		errno = EPERM;
		return -1;
	}
	w->writable = writable;
	return 0;
}

static bool root_is_writable(void *arg)
{
	const struct world *w = arg;

	return w->writable;
}

static int power(void *arg, enum teardown_how how)
{
	note_deed(arg, how == TEARDOWN_RESTART ? "restart" : "halt");
	_exit(0);
}

/* Answers one request, and notes it. */
static pid_t start_kernel(struct world *w, const char *socket_path)
{
	struct err e = ERR_INIT;
	json_t *request = NULL;
	int listener, fd;
	pid_t pid;

	if (packet_listen(socket_path, &listener, &e))
		return -1;
	pid = fork();
	if (pid) {
		close(listener);
		return pid;
	}
	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0);
	if (packet_recv(fd, 5000, &request, &e))
		_exit(1);
	note_deed(w, json_string_value(json_object_get(request, "op")));
	note_deed(w, " ");
	_exit(packet_send(fd, packet_reply(w->kernel_says ? EBUSY : 0, w->kernel_says),
			  &e)
		      ? 1
		      : 0);
}

static bool exists_soon(const char *path)
{
	for (int i = 0; i < 200 && !fsio_exists(path); i++)
		usleep(10000);
	return fsio_exists(path);
}

static void child(struct world *w, const char *kernel)
{
	char install[PATH_MAX + 16];
	struct teardown_system system = {
		.kill_all = kill_all,
		.remount_root = remount_root,
		.root_is_writable = root_is_writable,
		.power = power,
		.arg = w,
		.kernel_socket = kernel,
		.shell = "/bin/bash",
		.install_dir = install,
	};
	struct waits waits = {.factor = 0.001};
	struct launchd_log log;
	struct supervisor s;
	struct teardown t = {.system = &system, .supervisor = &s};
	struct err e = ERR_INIT;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	setenv("TZ", "UTC", 1);
	unsetenv("LC_ALL");
	snprintf(install, sizeof(install), "%s/install", w->dir);
	launchd_log_init(&log, w->console);
	log.pid = 1;
	log.clock = oct_10;
	snprintf(log.host, sizeof(log.host), "Catalina-Mac");
	supervisor_init(&s, &log, waits, w->dir);
	if (w->jobs) {
		supervisor_load_dir(&s, w->jobs);
		supervisor_start_all(&s);
		for (size_t i = 0; i < 2; i++)
			if (!exists_soon(w->ready[i]))
				_exit(95);
	}
	t.limits = teardown_default_limits(&waits);
	t.limits.least = 50000000;
	if (w->hook_limit_ns)
		t.limits.hook = w->hook_limit_ns;
	_exit(teardown_run(&t, &e) ? 97 : 96);
}

static void read_deeds(struct world *w)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/deeds", w->dir);
	ASSERT_OK(fsio_read(path, sizeof(w->deeds), &b, &e), &e);
	snprintf(w->deeds, sizeof(w->deeds), "%s", buf_str(&b));
	buf_release(&b);
}

static void run_world(struct world *w)
{
	char kernel[PATH_MAX + 8];
	size_t len = 0;
	ssize_t n;
	int p[2], status;
	pid_t kernel_pid = 0, pid;

	snprintf(kernel, sizeof(kernel), "%s/kernel", w->dir);
	if (!w->no_kernel)
		kernel_pid = start_kernel(w, kernel);
	CU_ASSERT_EQUAL_FATAL(pipe2(p, O_CLOEXEC), 0);
	w->console = p[1];
	pid = fork();
	if (!pid)
		child(w, kernel);
	close(p[1]);
	while ((n = read(p[0], w->console_text + len,
			 sizeof(w->console_text) - 1 - len)) > 0)
		len += (size_t)n;
	close(p[0]);
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	if (kernel_pid)
		waitpid(kernel_pid, &status, 0);
	read_deeds(w);
}

static void make_world(struct world *w, const char *name)
{
	struct err e = ERR_INIT;
	char path[PATH_MAX + 16];

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "%s/%s", test_tmpdir(), name);
	snprintf(path, sizeof(path), "%s/install", w->dir);
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
}

static void add_hook(const struct world *w, const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/install/%s", w->dir, name);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0700, &e), &e);
}

/* The time that the last line tells differs from run to run. */
static void check_console(struct world *w, const char *expected)
{
	const char *last = STAMP "(com.apple.xpc.launchd.domain.system) <Notice>: "
				 "Userspace teardown took ";
	size_t len = strlen(expected);
	int ms = -1, end = 0;

	if (strncmp(w->console_text, expected, len)) {
		fprintf(stderr, "--- expected\n%s--- got\n%s---\n", expected,
			w->console_text);
		CU_FAIL("console differs");
		return;
	}
	CU_ASSERT_EQUAL(strncmp(w->console_text + len, last, strlen(last)), 0);
	sscanf(w->console_text + len + strlen(last), "%d ms%n", &ms, &end);
	CU_ASSERT(ms >= 0 && end > 0);
	CU_ASSERT_STRING_EQUAL(w->console_text + len + strlen(last) + end, "\n");
}

/* The lines of 10.15.0, as far as they are launchd's, bash's and the remount's. */
static void prints_the_lines_of_10_15_0(void)
{
	static struct world w;
	char expected[3 * PATH_MAX];

	make_world(&w, "bug");
	w.refuse_remount = true;
	add_hook(&w, "shove_kernels", "#!/bin/sh\necho copying\nexit 0");
	run_world(&w);
	snprintf(
		expected, sizeof(expected),
		"bash: %s/install/shutdown_installer_tasks: No such file or "
		"directory\n" STAMP
		"<Notice>: shutdown_installer_taksks: optional boot task not present\n"
		"bash: %s/install/deferred_install: No such file or directory\n" APFS_LINE
			STAMP
		"<Notice>: deferred_install: optional boot task not present\n" STAMP
		"<Error>: prepare_deferred_kcinstall: mounting root as read-write "
		"failed: 1 - Operation not permitted\n"
		"copying\n",
		w.dir, w.dir);
	check_console(&w, expected);
	/* shutdown_begin first; what could not be made writable is not made read-only. */
	CU_ASSERT_STRING_EQUAL(w.deeds, "shutdown_begin kill15 kill9 rw kill9 restart");
}

static void makes_root_writable_for_the_script_only(void)
{
	static struct world w;
	char expected[3 * PATH_MAX];

	make_world(&w, "fixed");
	add_hook(&w, "shove_kernels", "echo copying\nexit 3\n");
	run_world(&w);
	snprintf(expected, sizeof(expected),
		 "bash: %s/install/shutdown_installer_tasks: No such file or "
		 "directory\n" STAMP
		 "<Notice>: shutdown_installer_taksks: optional boot task not present\n"
		 "bash: %s/install/deferred_install: No such file or directory\n" STAMP
		 "<Notice>: deferred_install: optional boot task not present\n"
		 "copying\n" STAMP
		 "<Error>: deferred_kcinstall: boot task exited with status 3\n",
		 w.dir, w.dir);
	check_console(&w, expected);
	CU_ASSERT_STRING_EQUAL(w.deeds,
			       "shutdown_begin kill15 kill9 rw kill9 ro restart");
}

static void leaves_a_writable_root_as_it_is(void)
{
	static struct world w;

	make_world(&w, "writable");
	w.writable = true;
	add_hook(&w, "shove_kernels", "#!/bin/sh\nexit 0\n");
	run_world(&w);
	CU_ASSERT_STRING_EQUAL(w.deeds, "shutdown_begin kill15 kill9 rw kill9 restart");
}

static void does_not_remount_without_a_script(void)
{
	static struct world w;
	char expected[3 * PATH_MAX];

	make_world(&w, "none");
	add_hook(&w, "deferred_install", "echo installing\n");
	run_world(&w);
	snprintf(expected, sizeof(expected),
		 "bash: %s/install/shutdown_installer_tasks: No such file or "
		 "directory\n" STAMP
		 "<Notice>: shutdown_installer_taksks: optional boot task not present\n"
		 "installing\n",
		 w.dir);
	check_console(&w, expected);
	CU_ASSERT_PTR_NULL(strstr(w.deeds, "rw"));
}

/* 127 of a script that is there is its own business. */
static void tells_a_failing_script_from_a_missing_one(void)
{
	static struct world w;

	make_world(&w, "127");
	add_hook(&w, "deferred_install", "exit 127\n");
	run_world(&w);
	CU_ASSERT_PTR_NULL(strstr(w.console_text, "deferred_install: optional"));
	CU_ASSERT_PTR_NOT_NULL(strstr(
		w.console_text, "deferred_install: boot task exited with status 127"));
}

static void does_not_wait_for_ever(void)
{
	static struct world w;

	make_world(&w, "hang");
	w.no_kernel = true;
	w.hook_limit_ns = 200000000;
	add_hook(&w, "deferred_install", "#!/bin/sh\ntrap '' TERM HUP\nsleep 600\n");
	add_hook(&w, "shove_kernels", "echo still\n");
	run_world(&w);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.console_text, "telling the kernel"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.console_text, "deferred_install: killed after"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.console_text, "still\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.deeds, "restart"));
}

/* Why it refuses is what a person has to know. */
static void says_why_the_kernel_refuses(void)
{
	static struct world w;

	make_world(&w, "refused");
	w.kernel_says = "disk3s5 is in use";
	run_world(&w);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.console_text,
				      "telling the kernel of the shutdown failed: "
				      "disk3s5 is in use"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.deeds, "restart"));
}

static void add_job(const char *dir, const char *label, const char *script)
{
	char path[PATH_MAX + 64], text[4 * PATH_MAX];
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	snprintf(path, sizeof(path), "%s/%s.plist", dir, label);
	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><dict><key>Label</key><string>%s</string>"
		 "<key>ProgramArguments</key><array><string>/bin/sh</string>"
		 "<string>-c</string><string>%s</string></array>"
		 "<key>KeepAlive</key><true/><key>ExitTimeOut</key><integer>100</integer>"
		 "</dict></plist>",
		 label, script);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
}

/* One daemon ends when it is told to, one has to be killed; neither is started again. */
static void stops_daemons(void)
{
	static struct world w;
	static char polite[3 * PATH_MAX], stubborn[2 * PATH_MAX];
	char jobs[PATH_MAX + 16], ready[2][PATH_MAX + 32], asked[PATH_MAX + 16];

	make_world(&w, "jobs");
	snprintf(jobs, sizeof(jobs), "%s/jobs", w.dir);
	snprintf(asked, sizeof(asked), "%s/asked", w.dir);
	for (int i = 0; i < 2; i++) {
		snprintf(ready[i], sizeof(ready[i]), "%s/ready%d", w.dir, i);
		w.ready[i] = ready[i];
	}
	snprintf(polite, sizeof(polite),
		 "trap ': &gt; %s; exit 0' TERM; : &gt; %s; while :; do sleep 0.01; done",
		 asked, ready[0]);
	snprintf(stubborn, sizeof(stubborn),
		 "trap '' TERM; : &gt; %s; while :; do sleep 0.01; done", ready[1]);
	add_job(jobs, "com.example.polite", polite);
	add_job(jobs, "com.example.stubborn", stubborn);
	w.jobs = jobs;
	run_world(&w);
	CU_ASSERT(fsio_exists(asked));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.console_text,
				      "(com.example.stubborn) <Notice>: Exit timeout "
				      "elapsed (100 seconds). Killing"));
	CU_ASSERT_PTR_NULL(strstr(w.console_text, "(com.example.polite)"));
	CU_ASSERT_PTR_NULL(strstr(w.console_text, "Pushing respawn"));
}

TEST_MAIN("launchd teardown",
	  {"prints the lines of 10.15.0", prints_the_lines_of_10_15_0},
	  {"makes root writable for the script only",
	   makes_root_writable_for_the_script_only},
	  {"leaves a writable root as it is", leaves_a_writable_root_as_it_is},
	  {"does not remount without a script", does_not_remount_without_a_script},
	  {"tells a failing script from a missing one",
	   tells_a_failing_script_from_a_missing_one},
	  {"does not wait for ever", does_not_wait_for_ever},
	  {"says why the kernel refuses", says_why_the_kernel_refuses},
	  {"stops daemons", stops_daemons})
