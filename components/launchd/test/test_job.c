/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/launchd/job.h"
#include "components/launchd/supervisor.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define PLIST(body) "<plist version=\"1.0\"><dict>" body "</dict></plist>"
#define LABEL	    "<key>Label</key><string>com.example.a</string>"
#define ARGS                                                                             \
	"<key>ProgramArguments</key><array><string>/bin/a</string><string>-x</string></" \
	"array>"

/* Statuses as waitpid gives them. */
#define EXITED(n) ((n) << 8)

static struct job *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct job *j = NULL;

	ASSERT_OK(job_parse(text, strlen(text), "test", &j, &e), &e);
	return j;
}

static void reads_kextd(void)
{
	struct job *j = parse(PLIST(
		"<key>Label</key><string>com.apple.kextd</string>"
		"<key>ProgramArguments</key><array><string>/usr/libexec/kextd</string></"
		"array>"
		"<key>RunAtLoad</key><true/>"
		"<key>KeepAlive</key><dict><key>Crashed</key><true/></dict>"
		"<key>POSIXSpawnType</key><string>App</string>"
		"<key>MachServices</key><dict><key>com.apple.KernelExtensionServer</key>"
		"<dict><key>HostSpecialPort</key><integer>15</integer></dict></dict>"));

	CU_ASSERT_STRING_EQUAL(j->label, "com.apple.kextd");
	CU_ASSERT_STRING_EQUAL(j->program, "/usr/libexec/kextd");
	CU_ASSERT_STRING_EQUAL(j->argv[0], "/usr/libexec/kextd");
	CU_ASSERT_PTR_NULL(j->argv[1]);
	CU_ASSERT(j->run_at_load);
	CU_ASSERT_EQUAL(j->exit_timeout_s, 20);
	CU_ASSERT_EQUAL(j->throttle_s, 10);
	CU_ASSERT(job_wants_restart(j, SIGSEGV));
	CU_ASSERT(!job_wants_restart(j, SIGKILL));
	CU_ASSERT(!job_wants_restart(j, EXITED(1)));
	job_free(j);
}

static void reads_everything_else(void)
{
	struct job *j = parse(PLIST(
		LABEL ARGS "<key>Program</key><string>/bin/b</string>"
			   "<key>EnvironmentVariables</key><dict><key>A</key>"
			   "<string>1</string><key>B</key><string>2 3</string></dict>"
			   "<key>StandardOutPath</key><string>/tmp/o</string>"
			   "<key>StandardErrorPath</key><string>/tmp/e</string>"
			   "<key>ExitTimeOut</key><integer>3</integer>"
			   "<key>ThrottleInterval</key><integer>0</integer>"));

	CU_ASSERT_STRING_EQUAL(j->program, "/bin/b");
	CU_ASSERT_STRING_EQUAL(j->argv[0], "/bin/a");
	CU_ASSERT_STRING_EQUAL(j->argv[1], "-x");
	CU_ASSERT_STRING_EQUAL(j->env[0], "A=1");
	CU_ASSERT_STRING_EQUAL(j->env[1], "B=2 3");
	CU_ASSERT_PTR_NULL(j->env[2]);
	CU_ASSERT_STRING_EQUAL(j->out_path, "/tmp/o");
	CU_ASSERT_STRING_EQUAL(j->err_path, "/tmp/e");
	CU_ASSERT_EQUAL(j->exit_timeout_s, 3);
	CU_ASSERT_EQUAL(j->throttle_s, 0);
	CU_ASSERT(!j->run_at_load);
	CU_ASSERT(!job_wants_restart(j, SIGSEGV));
	job_free(j);
}

static void keeps_alive_by_its_conditions(void)
{
#define KEEP(v)	     PLIST(LABEL ARGS "<key>KeepAlive</key>" v)
#define WHEN(key, v) KEEP("<dict><key>" key "</key><" v "/></dict>")
	static const struct {
		const char *plist;
		bool at_load, after_success, after_failure, after_crash;
	} cases[] = {
		{KEEP("<true/>"), true, true, true, true},
		{KEEP("<false/>"), false, false, false, false},
		{WHEN("SuccessfulExit", "true"), true, true, false, false},
		{WHEN("SuccessfulExit", "false"), true, false, true, true},
		{WHEN("Crashed", "true"), false, false, false, true},
		{WHEN("Crashed", "false"), false, true, true, false},
		{WHEN("NetworkState", "true"), false, false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job *j = parse(cases[i].plist);

		CU_ASSERT_EQUAL(j->run_at_load, cases[i].at_load);
		CU_ASSERT_EQUAL(job_wants_restart(j, EXITED(0)), cases[i].after_success);
		CU_ASSERT_EQUAL(job_wants_restart(j, EXITED(1)), cases[i].after_failure);
		CU_ASSERT_EQUAL(job_wants_restart(j, SIGABRT), cases[i].after_crash);
		job_free(j);
	}
}

static void refuses_bad_lists(void)
{
	static const char *const bad[] = {
		"",
		"not a property list",
		"<plist version=\"1.0\"><array/></plist>",
		PLIST(ARGS),
		PLIST(LABEL),
		PLIST(LABEL "<key>ProgramArguments</key><array/>"),
		PLIST(LABEL "<key>ProgramArguments</key><string>/bin/a</string>"),
		PLIST(LABEL "<key>ProgramArguments</key><array><true/></array>"),
		PLIST("<key>Label</key><string></string>" ARGS),
		PLIST(LABEL ARGS "<key>KeepAlive</key><string>yes</string>"),
		PLIST(LABEL ARGS "<key>RunAtLoad</key><integer>1</integer>"),
		PLIST(LABEL ARGS "<key>ExitTimeOut</key><integer>999999</integer>"),
		PLIST(LABEL ARGS "<key>EnvironmentVariables</key><dict><key>A</key>"
				 "<true/></dict>"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		struct job *j = NULL;

		ASSERT_FAILS(job_parse(bad[i], strlen(bad[i]), "bad", &j, &e), E_CORRUPT);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "bad"));
	}
}

static void refuses_what_others_could_have_written(void)
{
	static const char text[] = PLIST(LABEL ARGS);
	struct err e = ERR_INIT;
	struct job *j = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/a.plist", test_tmpdir());
	ASSERT_FAILS(job_load(path, &j, &e), E_NOTFOUND);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0664, &e), &e);
	ASSERT_FAILS(job_load(path, &j, &e), E_PERM);
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	ASSERT_OK(job_load(path, &j, &e), &e);
	job_free(j);
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(chown(path, 1, 1), 0);
		ASSERT_FAILS(job_load(path, &j, &e), E_PERM);
	}
}

/* Who calls before the daemon runs is heard, and the port is the job's descriptor 3. */
static void holds_the_port_of_a_service(void)
{
	static const char plist[] =
		"<plist version=\"1.0\"><dict><key>Label</key><string>l</string>"
		"<key>ProgramArguments</key><array><string>/bin/sh</string><string>-c</"
		"string>"
		"<string>test -S /dev/fd/3 &amp;&amp; : &gt; %s/up</string></array>"
		"<key>MachServices</key><dict><key>com.example.service</key><true/></"
		"dict>"
		"</dict></plist>";
	const struct waits real = WAITS_REAL;
	struct supervisor s;
	struct launchd_log log;
	struct err e = ERR_INIT;
	struct job *j;
	char path[4096], text[4096];
	int fd, status;

	snprintf(text, sizeof(text), plist, test_tmpdir());
	snprintf(path, sizeof(path), "%s/port.plist", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
	launchd_log_init(&log, STDERR_FILENO);
	supervisor_init(&s, &log, real, test_tmpdir());
	ASSERT_OK(supervisor_load(&s, path, &j, &e), &e);
	snprintf(path, sizeof(path), "%s/com.example.service", test_tmpdir());
	ASSERT_OK(packet_connect(path, &fd, &e), &e);
	close(fd);
	ASSERT_OK(supervisor_start(&s, j, &e), &e);
	CU_ASSERT_EQUAL(waitpid(j->pid, &status, 0), j->pid);
	snprintf(path, sizeof(path), "%s/up", test_tmpdir());
	CU_ASSERT_TRUE(fsio_exists(path));
	supervisor_release(&s);
	launchd_log_release(&log);
}

TEST_MAIN("launchd job", {"holds the port of a service", holds_the_port_of_a_service},
	  {"reads kextd's", reads_kextd},
	  {"reads everything else", reads_everything_else},
	  {"keeps alive by its conditions", keeps_alive_by_its_conditions},
	  {"refuses bad lists", refuses_bad_lists},
	  {"refuses what others could have written",
	   refuses_what_others_could_have_written})
