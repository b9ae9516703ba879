/* SPDX-License-Identifier: MIT */
/* The whole of launchd in a child process, with jobs that are shell scripts. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/launchd/bootstrap.h"
#include "components/launchd/launchd.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define PATIENCE_MS 5000
#define HOW_OFFSET  10 /* launchd's exit status says how it would have gone down */

struct mac {
	char dir[PATH_MAX / 4];
	char jobs[PATH_MAX / 2];
	char socket[PATH_MAX / 2];
	char console[PATH_MAX / 2];
	pid_t pid;
};

/* --- the system that launchd acts on ------------------------------------------------ */

static int kill_nobody(void *arg, int sig)
{
	(void)arg;
	(void)sig;
	errno = ESRCH;
	return -1;
}

static int remount_nothing(void *arg, bool writable)
{
	(void)arg;
	(void)writable;
	return 0;
}

static bool is_read_only(void *arg)
{
	(void)arg;
	return false;
}

static int leave(void *arg, enum teardown_how how)
{
	(void)arg;
	_exit(HOW_OFFSET + (int)how);
}

static void child(const struct mac *m)
{
	const char *const dirs[] = {m->jobs, NULL};
	char nothing[PATH_MAX];
	struct launchd_options o = {
		.job_dirs = dirs,
		.socket = m->socket,
		.port_dir = m->dir,
		.system =
			{
				.kill_all = kill_nobody,
				.remount_root = remount_nothing,
				.root_is_writable = is_read_only,
				.power = leave,
				.kernel_socket = nothing,
				.shell = "/bin/true",
				.install_dir = nothing,
			},
		.waits = {.factor = 0.02},
	};
	struct err e = ERR_INIT;

	snprintf(nothing, sizeof(nothing), "%s/nothing", m->dir);
	o.console = open(m->console, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (o.console < 0 || launchd_run(&o, &e))
		fprintf(stderr, "launchd: %s\n", e.msg);
	_exit(1);
}

/* --- driving it ------------------------------------------------------------------------
 */

static void make_mac(struct mac *m, const char *name)
{
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	snprintf(m->dir, sizeof(m->dir), "%s/%s", test_tmpdir(), name);
	snprintf(m->jobs, sizeof(m->jobs), "%s/jobs", m->dir);
	snprintf(m->socket, sizeof(m->socket), "%s/bootstrap", m->dir);
	snprintf(m->console, sizeof(m->console), "%s/console", m->dir);
	ASSERT_OK(fsio_mkdirs(m->jobs, 0755, &e), &e);
}

/* @keys is the rest of the dictionary; $D in @script is the folder of this Mac. */
static void add_job(const struct mac *m, const char *where, const char *label,
		    const char *keys, const char *script)
{
	char path[PATH_MAX], text[2 * PATH_MAX];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s.plist", where, label);
	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><dict><key>Label</key><string>%s</string>"
		 "<key>ProgramArguments</key><array><string>/bin/sh</string>"
		 "<string>-c</string><string>%s</string></array>"
		 "<key>EnvironmentVariables</key><dict><key>D</key><string>%s</string>"
		 "</dict>%s</dict></plist>",
		 label, script, m->dir, keys);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
}

static void start(struct mac *m)
{
	m->pid = fork();
	if (!m->pid)
		child(m);
	for (int ms = 0; ms < PATIENCE_MS && !fsio_exists(m->socket); ms += 5)
		usleep(5000);
	CU_ASSERT_FATAL(fsio_exists(m->socket));
}

/* errno of the reply; -1 when there is none. *@ret, unless NULL, gets the reply. */
static int ask(const struct mac *m, json_t *request, json_t **ret)
{
	json_t *reply = NULL;
	struct err e = ERR_INIT;
	int fd, error = -1;

	ASSERT_OK(packet_connect(m->socket, &fd, &e), &e);
	if (!packet_call(fd, request, PATIENCE_MS, &reply, &e))
		error = packet_errno(reply);
	close(fd);
	json_decref(request);
	if (ret)
		*ret = reply;
	else
		json_decref(reply);
	return error;
}

static int ask_for(const struct mac *m, const char *op, const char *key,
		   const char *value)
{
	return ask(m, json_pack("{s:s,s:s}", "op", op, key, value), NULL);
}

/* Ask for a shutdown; launchd's own status says what came of it. */
static int go_down(struct mac *m, const char *how)
{
	int status = 0;

	CU_ASSERT_EQUAL(ask_for(m, "reboot", "how", how), 0);
	waitpid(m->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) - HOW_OFFSET : -1;
}

static bool said(const struct mac *m, const char *text)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool found =
		!fsio_read(m->console, 1u << 20, &b, &e) && strstr(buf_str(&b), text);

	buf_release(&b);
	return found;
}

/* How many bytes has the file that a job writes to? -1: it is not there. */
static long size_of(const struct mac *m, const char *name)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	long n = -1;

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	if (!fsio_read(path, 1u << 20, &b, &e))
		n = (long)b.len;
	buf_release(&b);
	return n;
}

static bool grows_to(const struct mac *m, const char *name, long size)
{
	for (int ms = 0; ms < PATIENCE_MS && size_of(m, name) < size; ms += 5)
		usleep(5000);
	return size_of(m, name) >= size;
}

/* pid of a job, 0 when it does not run, -1 when launchd does not know it. */
static int pid_of(const struct mac *m, const char *label)
{
	json_t *reply, *jobs, *j;
	size_t i;
	int pid = -1;

	CU_ASSERT_EQUAL(ask(m, json_pack("{s:s}", "op", "list"), &reply), 0);
	jobs = json_object_get(reply, "jobs");
	json_array_foreach(jobs, i, j)
	{
		if (!strcmp(json_string_value(json_object_get(j, "label")), label))
			pid = (int)json_integer_value(json_object_get(j, "pid"));
	}
	json_decref(reply);
	return pid;
}

static bool pid_becomes(const struct mac *m, const char *label, bool running)
{
	for (int ms = 0; ms < PATIENCE_MS && (pid_of(m, label) > 0) != running; ms += 5)
		usleep(5000);
	return (pid_of(m, label) > 0) == running;
}

/* launchd obeys root, whom its jobs belong to. */
#define NEEDS_ROOT()                                                                     \
	do {                                                                             \
		if (geteuid() != 0)                                                      \
			TEST_SKIP("needs root");                                         \
	} while (0)

#define AT_LOAD	 "<key>RunAtLoad</key><true/>"
#define SLEEPING "exec sleep 60"

/* --- tests
 * -------------------------------------------------------------------------------- */

static void starts_what_runs_at_load(void)
{
	static struct mac m;
	char out[2 * PATH_MAX], bad[PATH_MAX];
	struct err e = ERR_INIT;

	NEEDS_ROOT();
	make_mac(&m, "load");
	snprintf(out, sizeof(out),
		 AT_LOAD "<key>StandardOutPath</key><string>%s/out</string>", m.dir);
	add_job(&m, m.jobs, "com.example.now", out, "echo $XPC_SERVICE_NAME $PATH");
	add_job(&m, m.jobs, "com.example.later", "", "echo never &gt; $D/later");
	snprintf(bad, sizeof(bad), "%s/bad.plist", m.jobs);
	ASSERT_OK(fsio_write_atomic(bad, "nonsense", 8, 0644, &e), &e);
	start(&m);
	CU_ASSERT(grows_to(
		&m, "out",
		(long)strlen("com.example.now /usr/bin:/bin:/usr/sbin:/sbin\n")));
	CU_ASSERT_EQUAL(pid_of(&m, "com.example.later"), 0);
	CU_ASSERT_EQUAL(pid_of(&m, "com.example.none"), -1);
	CU_ASSERT_EQUAL(go_down(&m, "restart"), TEARDOWN_RESTART);
	CU_ASSERT_EQUAL(size_of(&m, "later"), -1);
	CU_ASSERT(said(&m, "bad.plist"));
	CU_ASSERT(said(&m, "Userspace teardown took"));
}

/* 10 s of throttle are 0.2 s here. */
static void restarts_no_sooner_than_the_throttle_allows(void)
{
	static struct mac m;

	NEEDS_ROOT();
	make_mac(&m, "throttle");
	add_job(&m, m.jobs, "com.example.short", "<key>KeepAlive</key><true/>",
		"printf x &gt;&gt; $D/runs; exit 3");
	start(&m);
	CU_ASSERT(grows_to(&m, "runs", 1));
	usleep(100000);
	CU_ASSERT_EQUAL(size_of(&m, "runs"), 1);
	CU_ASSERT(grows_to(&m, "runs", 3));
	CU_ASSERT_EQUAL(go_down(&m, "halt"), TEARDOWN_HALT);
	CU_ASSERT(said(&m, "]) <Notice>: Service exited with abnormal code: 3\n"));
	CU_ASSERT(said(&m,
		       "(com.example.short) <Notice>: Service only ran for 0 seconds. "
		       "Pushing respawn out by 1 seconds.\n"));
}

static void restarts_after_a_crash_only(void)
{
#define WHEN_CRASHED AT_LOAD "<key>KeepAlive</key><dict><key>Crashed</key><true/></dict>"
	static struct mac m;
	int before;

	NEEDS_ROOT();
	make_mac(&m, "crash");
	add_job(&m, m.jobs, "com.example.ends", WHEN_CRASHED,
		"printf x &gt;&gt; $D/ends");
	add_job(&m, m.jobs, "com.example.crashes", WHEN_CRASHED,
		"printf x &gt;&gt; $D/crashes; " SLEEPING);
	start(&m);
	CU_ASSERT(grows_to(&m, "ends", 1) && grows_to(&m, "crashes", 1));
	before = pid_of(&m, "com.example.crashes");
	CU_ASSERT_FATAL(before > 0);
	kill(before, SIGSEGV);
	CU_ASSERT(grows_to(&m, "crashes", 2));
	CU_ASSERT_NOT_EQUAL(pid_of(&m, "com.example.crashes"), before);
	CU_ASSERT_EQUAL(size_of(&m, "ends"), 1);
	CU_ASSERT_EQUAL(go_down(&m, "poweroff"), TEARDOWN_POWER_OFF);
	CU_ASSERT(said(&m, "Service exited due to SEGV"));
}

static void does_what_it_is_asked(void)
{
	static struct mac m;
	char path[PATH_MAX];

	NEEDS_ROOT();
	make_mac(&m, "control");
	add_job(&m, m.jobs, "com.example.idle", "", SLEEPING);
	add_job(&m, m.dir, "com.example.more", AT_LOAD, SLEEPING);
	snprintf(path, sizeof(path), "%s/com.example.more.plist", m.dir);
	start(&m);
	CU_ASSERT_EQUAL(ask_for(&m, "kickstart", "label", "com.example.idle"), 0);
	CU_ASSERT(pid_becomes(&m, "com.example.idle", true));
	CU_ASSERT_EQUAL(ask_for(&m, "load", "path", path), 0);
	CU_ASSERT(pid_becomes(&m, "com.example.more", true));
	CU_ASSERT_EQUAL(ask_for(&m, "load", "path", path), EALREADY);
	CU_ASSERT_EQUAL(ask_for(&m, "load", "path", "/does/not/exist.plist"), ENOENT);
	CU_ASSERT_EQUAL(ask_for(&m, "bootout", "label", "com.example.more"), 0);
	CU_ASSERT(pid_becomes(&m, "com.example.more", false));
	CU_ASSERT_EQUAL(pid_of(&m, "com.example.more"), -1);
	CU_ASSERT_EQUAL(ask_for(&m, "bootout", "label", "com.example.more"), ESRCH);
	CU_ASSERT_EQUAL(ask_for(&m, "kickstart", "label", "com.example.more"), ESRCH);
	CU_ASSERT_EQUAL(ask_for(&m, "reboot", "how", "sideways"), EINVAL);
	CU_ASSERT_EQUAL(ask_for(&m, "dance", "how", "now"), EINVAL);
	CU_ASSERT_EQUAL(go_down(&m, "restart"), TEARDOWN_RESTART);
}

/* All processes begin anew, also those of jobs that nobody restarts; launchd stays. */
static void starts_userspace_anew(void)
{
	static struct mac m;
	int before;

	NEEDS_ROOT();
	make_mac(&m, "userspace");
	add_job(&m, m.jobs, "com.example.once", AT_LOAD, "printf x &gt;&gt; $D/once");
	add_job(&m, m.jobs, "com.example.stays", AT_LOAD,
		"printf x &gt;&gt; $D/stays; " SLEEPING);
	start(&m);
	CU_ASSERT(grows_to(&m, "once", 1) && grows_to(&m, "stays", 1));
	before = pid_of(&m, "com.example.stays");
	CU_ASSERT_EQUAL(ask_for(&m, "reboot", "how", "userspace"), 0);
	CU_ASSERT(grows_to(&m, "once", 2) && grows_to(&m, "stays", 2));
	CU_ASSERT(pid_becomes(&m, "com.example.stays", true));
	CU_ASSERT_NOT_EQUAL(pid_of(&m, "com.example.stays"), before);
	CU_ASSERT_EQUAL(kill(before, 0), -1);
	CU_ASSERT_EQUAL(waitpid(m.pid, NULL, WNOHANG), 0);
	CU_ASSERT_EQUAL(go_down(&m, "restart"), TEARDOWN_RESTART);
}

/* Who calls before the daemon is up waits for it; nonsense hurts only its sender. */
static void holds_the_port_of_a_service(void)
{
	static struct mac m;
	char port[PATH_MAX];
	struct err e = ERR_INIT;
	int fd;

	NEEDS_ROOT();
	make_mac(&m, "port");
	add_job(&m, m.jobs, "com.example.server",
		"<key>MachServices</key><dict><key>com.example.port</key><true/></dict>",
		"test -S /dev/fd/3 &amp;&amp; printf x &gt; $D/has-port");
	snprintf(port, sizeof(port), "%s/com.example.port", m.dir);
	start(&m);
	ASSERT_OK(packet_connect(port, &fd, &e), &e);
	close(fd);
	ASSERT_OK(packet_connect(m.socket, &fd, &e), &e);
	CU_ASSERT(write(fd, "nonsense", 8) == 8);
	CU_ASSERT_EQUAL(ask_for(&m, "kickstart", "label", "com.example.server"), 0);
	CU_ASSERT(grows_to(&m, "has-port", 1));
	close(fd);
	CU_ASSERT_EQUAL(go_down(&m, "restart"), TEARDOWN_RESTART);
}

static void obeys_root_only(void)
{
	static const char *const for_root[] = {"reboot", "load", "bootout", "kickstart"};
	struct launchd_log log;
	struct supervisor s;
	struct bootstrap b = {.supervisor = &s};
	const struct waits waits = WAITS_REAL;
	json_t *request, *reply;

	launchd_log_init(&log, -1);
	supervisor_init(&s, &log, waits, test_tmpdir());
	for (size_t i = 0; i < sizeof(for_root) / sizeof(for_root[0]); i++) {
		request = json_pack("{s:s,s:s}", "op", for_root[i], "how", "restart");
		reply = bootstrap_handle(&b, request, 501);
		CU_ASSERT_EQUAL(packet_errno(reply), EPERM);
		json_decref(reply);
		json_decref(request);
	}
	CU_ASSERT(!b.shutdown);
	request = json_pack("{s:s}", "op", "list");
	reply = bootstrap_handle(&b, request, 501);
	CU_ASSERT_EQUAL(packet_errno(reply), 0);
	json_decref(reply);
	json_decref(request);
	supervisor_release(&s);
	launchd_log_release(&log);
}

TEST_MAIN("launchd", {"starts what runs at load", starts_what_runs_at_load},
	  {"restarts no sooner than the throttle allows",
	   restarts_no_sooner_than_the_throttle_allows},
	  {"restarts after a crash only", restarts_after_a_crash_only},
	  {"does what it is asked", does_what_it_is_asked},
	  {"holds the port of a service", holds_the_port_of_a_service},
	  {"starts userspace anew", starts_userspace_anew},
	  {"obeys root only", obeys_root_only})
