/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/* The machine as a whole, with QEMU and the carrier; needs no Mac. */
#include "sim/base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/carrier/control.h"
#include "sim/vm/doctor.h"
#include "sim/vm/test/vm_fixture.h"

#define SKIP_WITHOUT_VM()                                                                \
	do {                                                                             \
		const char *missing_ = fixture_missing();                                \
		if (missing_)                                                            \
			TEST_SKIP(missing_);                                             \
	} while (0)

/* Waits for a word in /tmp/end and then reboots or halts. */
#define LAUNCHD                                                                          \
	"#!/bin/bash\n"                                                                  \
	"echo launchd runs as $$\n"                                                      \
	"while [ ! -s /tmp/end ]; do /bin/busybox usleep 20000; done\n"                  \
	"echo going down\n"                                                              \
	"for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i of the end; done\n"              \
	"/bin/busybox $(</tmp/end) -f\n"

static void runs_programs(void)
{
	struct vm_result r = {.status = -1};
	struct vm_config cfg;
	struct fixture f;
	struct vm *vm;
	enum vm_down how;
	struct err e = ERR_INIT;
	struct buf line = BUF_INIT;
	size_t from = 0;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	vm = fixture_up(&cfg);
	ASSERT_OK(vm_wait_console(vm, "launchd runs as [0-9]+", &from, 5000, &line, &e),
		  &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&line), "launchd runs as 1");
	CU_ASSERT_EQUAL(fixture_sh(vm, "echo out; echo err >&2; /bin/busybox hostname; "
				       "/bin/busybox date +%Y; exit 7", &r), 7);
	CU_ASSERT_STRING_EQUAL(buf_str(&r.out), "out\nTestMac\n2019\n");
	CU_ASSERT_STRING_EQUAL(buf_str(&r.err), "err\n");
	vm_result_release(&r);
	CU_ASSERT_EQUAL(fixture_sh(vm, "kill -SEGV $$", &r), 0);
	CU_ASSERT_EQUAL(r.signal, SIGSEGV);
	vm_result_release(&r);
	/* The carrier is out of sight. */
	CU_ASSERT_EQUAL(fixture_sh(vm, "[ ! -e /init ] && [ ! -e /mac ] && "
				       "[ ! -e /../../init ]", &r), 0);
	vm_result_release(&r);
	CU_ASSERT_EQUAL(fixture_sh(vm, "echo reboot > /tmp/end", &r), 0);
	vm_result_release(&r);
	ASSERT_OK(vm_wait_down(vm, 10000, &how, &e), &e);
	CU_ASSERT_EQUAL(how, VM_RESTART);
	CU_ASSERT_STRING_EQUAL(buf_str(&f.events), "boot.stage up down ");
	vm_free(vm);
	buf_release(&line);
	fixture_release(&f);
}

static void keeps_the_last_lines(void)
{
	struct vm_config cfg;
	struct vm_result r = {.status = -1};
	struct fixture f;
	const char *lines[32];
	enum vm_down how;
	struct err e = ERR_INIT;
	struct vm *vm;
	char text[4096];
	struct buf log = BUF_INIT;
	size_t n;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	vm = fixture_up(&cfg);
	CU_ASSERT_EQUAL(fixture_sh(vm, "echo poweroff > /tmp/end", &r), 0);
	ASSERT_OK(vm_wait_down(vm, 10000, &how, &e), &e);
	CU_ASSERT_EQUAL(how, VM_HALT);
	n = vm_last_lines(vm, lines, 3);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CU_ASSERT_STRING_EQUAL(lines[0], "line 9 of the end");
	CU_ASSERT_STRING_EQUAL(lines[1], "line 10 of the end");
	/* No newline was sent behind this one. */
	CU_ASSERT_STRING_EQUAL(lines[2], "unmounted");
	snprintf(text, sizeof(text), "%s/console.log", test_tmpdir());
	ASSERT_OK(fsio_read(text, 1 << 20, &log, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&log), "] unmounted\n"));
	CU_ASSERT_TRUE(vm_times(vm)->max_rss_kib > 1024);
	vm_free(vm);
	buf_release(&log);
	vm_result_release(&r);
	fixture_release(&f);
}

static void passes_much_data(void)
{
	const char *const argv[] = {"/bin/busybox", "sha256sum", NULL};
	const char *const cat[] = {"/bin/busybox", "head", "-c", "20000000", "/dev/zero",
				   NULL};
	size_t len = 8u << 20;
	struct vm_exec x = {.argv = argv, .in_len = len};
	struct vm_result r = {.status = -1};
	struct vm_config cfg;
	struct err e = ERR_INIT;
	struct fixture f;
	struct vm *vm;
	void *zeros;

	SKIP_WITHOUT_VM();
	zeros = calloc(1, len);
	x.in = zeros;
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	vm = fixture_up(&cfg);
	ASSERT_OK(vm_exec(vm, &x, &r, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&r.out), "2daeb1f36095b44b318410b3f4e8b5d989dcc7bb0"
						"23d1426c492dab0a3053e74  -\n");
	vm_result_release(&r);
	CU_ASSERT_EQUAL(fixture_sh(vm, "/bin/busybox mknod /dev/zero c 1 5", &r), 0);
	vm_result_release(&r);
	x = (struct vm_exec){.argv = cat};
	free(zeros);
	ASSERT_OK(vm_exec(vm, &x, &r, &e), &e);
	CU_ASSERT_TRUE(r.truncated);
	CU_ASSERT_EQUAL(r.out.len, CONTROL_OUTPUT_MAX);
	vm_result_release(&r);
	vm_free(vm);
	fixture_release(&f);
}

static void keeps_time(void)
{
	const char *const sleeps[] = {"/bin/bash", "-c", "echo begun; "
				      "/bin/busybox sleep 100", NULL};
	const char *const nothing[] = {"/bin/nothing", NULL};
	struct vm_exec x = {.argv = sleeps, .timeout_ms = 2000};
	struct vm_result r = {.status = -1};
	struct vm_config cfg;
	struct err e = ERR_INIT;
	struct fixture f;
	struct vm *vm;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	vm = fixture_up(&cfg);
	ASSERT_FAILS(vm_exec(vm, &x, &r, &e), E_TIMEOUT);
	CU_ASSERT_STRING_EQUAL(buf_str(&r.out), "begun\n");
	vm_result_release(&r);
	/* Its child was killed with it. */
	CU_ASSERT_EQUAL(fixture_sh(vm, "/bin/busybox killall -0 sleep", &r), 1);
	vm_result_release(&r);
	x = (struct vm_exec){.argv = nothing};
	ASSERT_FAILS(vm_exec(vm, &x, &r, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "No such file"));
	vm_result_release(&r);
	ASSERT_FAILS(vm_wait(vm, 50, NULL, NULL, &e), E_TIMEOUT);
	vm_free(vm);
	fixture_release(&f);
}

static void tells_that_it_went_down(void)
{
	struct vm_result r = {.status = -1};
	struct vm_config cfg;
	struct err e = ERR_INIT;
	struct fixture f;
	enum vm_down how;
	struct vm *vm;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	vm = fixture_up(&cfg);
	CU_ASSERT_EQUAL(fixture_sh(vm, "echo reboot > /tmp/end; "
				       "/bin/busybox sleep 9", &r), -E_BUSY);
	ASSERT_OK(vm_wait_down(vm, 10000, &how, &e), &e);
	CU_ASSERT_EQUAL(how, VM_RESTART);
	CU_ASSERT_EQUAL(fixture_sh(vm, "true", &r), -E_BUSY);
	vm_result_release(&r);
	vm_free(vm);
	fixture_release(&f);
}

#define BOOT_TIME (INT64_C(1570000000) * 1000000000)

/* How a machine with @launchd and @mode goes down, and whether it came up at all. */
static enum vm_down ending(const char *mode, const char *launchd, const char *reason,
			   int want)
{
	const struct vm_boot b = {.time_ns = BOOT_TIME, .time_factor = 1};
	enum vm_down how = VM_RUNNING;
	struct err e = ERR_INIT;
	struct vm_config cfg;
	char *refused = NULL;
	struct fixture f;
	struct vm *vm;

	fixture_init(&f, mode, launchd);
	cfg = fixture_config(&f);
	/* A template for each would be made and never used again. */
	cfg.cold = true;
	ASSERT_OK(vm_start(&cfg, &vm, &e), &e);
	ASSERT_OK(vm_boot(vm, &b, &refused, &e), &e);
	CU_ASSERT_EQUAL(vm_wait_down(vm, 10000, &how, &e), want);
	CU_ASSERT_PTR_NOT_NULL(strstr(want ? e.msg : vm_down_reason(vm), reason));
	free(refused);
	vm_free(vm);
	fixture_release(&f);
	return how;
}

static void tells_how_it_ended(void)
{
	SKIP_WITHOUT_VM();
	CU_ASSERT_EQUAL(ending("refuse", LAUNCHD, "the kernel is corrupt", 0), VM_REFUSED);
	CU_ASSERT_EQUAL(ending("die", LAUNCHD, "boot ended", 0), VM_PANIC);
	CU_ASSERT_EQUAL(ending("no-launchd", LAUNCHD, "cannot be executed", 0), VM_PANIC);
	CU_ASSERT_EQUAL(ending("", "#!/bin/bash\nexit 3\n", "exited with status 3", 0),
			VM_PANIC);
	ending("bad-nvram", "#!/bin/bash\n/bin/busybox reboot -f\n",
	       "NVRAM cannot be written", -E_INFRA);
}

static void loses_power(void)
{
	struct vm_config cfg;
	struct err e = ERR_INIT;
	struct fixture f;
	enum vm_down how;
	struct vm *vm;
	json_t *req, *reply = NULL;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	vm = fixture_up(&cfg);
	vm_cut_power(vm);
	CU_ASSERT_TRUE(vm_is_down(vm, &how));
	CU_ASSERT_EQUAL(how, VM_CUT);
	vm_stop(vm);
	vm_free(vm);
	vm = fixture_up(&cfg);
	req = json_pack("{s:s,s:s}", "op", "power", "how", "cut");
	ASSERT_FAILS(vm_request(vm, req, 5000, &reply, &e), E_BUSY);
	ASSERT_OK(vm_wait_down(vm, 5000, &how, &e), &e);
	CU_ASSERT_EQUAL(how, VM_CUT);
	json_decref(req);
	vm_free(vm);
	fixture_release(&f);
}

static void starts_from_a_template(void)
{
	const char *const uuid[] = {"/bin/busybox", "head", "-c", "16", "/dev/urandom",
				    NULL};
	const struct vm_exec x = {.argv = uuid};
	struct vm_result a = {.status = -1}, b = {.status = -1};
	struct vm_config cfg;
	struct err e = ERR_INIT;
	struct fixture f;
	struct vm *vm;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	for (int i = 0; i < 2; i++) {
		struct vm_result *r = i ? &b : &a, made = {.status = -1};

		vm = fixture_up(&cfg);
		CU_ASSERT_TRUE(vm_times(vm)->from_template);
		CU_ASSERT_EQUAL(fixture_sh(vm, "/bin/busybox mknod /dev/urandom c 1 9",
					   &made), 0);
		vm_result_release(&made);
		ASSERT_OK(vm_exec(vm, &x, r, &e), &e);
		vm_free(vm);
	}
	/* Both were the same machine once; their random numbers are not. */
	CU_ASSERT_EQUAL_FATAL(a.out.len, 16);
	CU_ASSERT_EQUAL_FATAL(b.out.len, 16);
	CU_ASSERT_NOT_EQUAL(memcmp(a.out.data, b.out.data, 16), 0);
	vm_result_release(&a);
	vm_result_release(&b);
	fixture_release(&f);
}

static void survives_a_bad_template(void)
{
	struct vm_config cfg;
	struct fixture f;
	char dir[4096];
	struct vm *vm;

	SKIP_WITHOUT_VM();
	snprintf(dir, sizeof(dir), "%s/cache", test_tmpdir());
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	cfg.cache_dir = dir;
	cfg.accel = "tcg";
	vm = fixture_up(&cfg);
	CU_ASSERT_TRUE(vm_times(vm)->make_template > 0);
	vm_free(vm);
	CU_ASSERT_EQUAL(test_shell("truncate -s 1000000 %s/templates/*.state", dir), 0);
	vm = fixture_up(&cfg);
	CU_ASSERT_FALSE(vm_times(vm)->from_template);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&f.notes), "booting cold"));
	vm_free(vm);
	/* The bad one was thrown away, so this makes a new one. */
	vm = fixture_up(&cfg);
	CU_ASSERT_TRUE(vm_times(vm)->from_template);
	vm_free(vm);
	fixture_release(&f);
}

static void explains_failures(void)
{
	struct vm_config cfg;
	struct err e = ERR_INIT;
	struct fixture f;
	struct vm *vm;
	int stop[2];

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	cfg = fixture_config(&f);
	cfg.cold = true;
	cfg.disks[0].path = "/nonexistent,x/disk.qcow2";
	ASSERT_FAILS(vm_start(&cfg, &vm, &e), E_INFRA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "/nonexistent,x/disk.qcow2"));
	fixture_release(&f);
	fixture_init(&f, "not-ready", LAUNCHD);
	cfg = fixture_config(&f);
	cfg.cold = true;
	ASSERT_FAILS(vm_start(&cfg, &vm, &e), E_INFRA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "boot ended"));
	cfg.qemu = "/nonexistent/qemu";
	cfg.accel = "tcg";
	ASSERT_FAILS(vm_start(&cfg, &vm, &e), E_NOTFOUND);
	cfg = fixture_config(&f);
	CU_ASSERT_EQUAL(pipe(stop), 0);
	CU_ASSERT_EQUAL(write(stop[1], "", 1), 1);
	cfg.use_stop_fd = true;
	cfg.stop_fd = stop[0];
	ASSERT_FAILS(vm_start(&cfg, &vm, &e), E_CANCELED);
	close(stop[0]);
	close(stop[1]);
	fixture_release(&f);
}

/* The host's disk is full: that is not the Mac's affair, and ends the wait at once. */
static void reports_a_full_host(void)
{
	struct vm_result r = {.status = -1};
	char rules[4096], disk[9000];
	struct err e = ERR_INIT;
	struct vm_config cfg;
	enum vm_down how;
	struct fixture f;
	struct vm *vm;
	const char *conf = "[inject-error]\nevent = \"write_aio\"\nerrno = \"28\"\n";

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	snprintf(rules, sizeof(rules), "%s/rules.conf", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(rules, conf, strlen(conf), 0644, &e), &e);
	snprintf(disk, sizeof(disk), "blkdebug:%s:%s", rules, f.disk);
	cfg = fixture_config(&f);
	cfg.disks[0].path = disk;
	vm = fixture_up(&cfg);
	CU_ASSERT_EQUAL(fixture_sh(vm, "/bin/busybox dd if=/sbin/launchd of=/dev/vda "
				       "conv=fsync", &r), -E_NOSPC);
	ASSERT_FAILS(vm_wait_down(vm, 5000, &how, &e), E_NOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "No space left"));
	vm_result_release(&r);
	vm_free(vm);
	fixture_release(&f);
}

/* All of them without a template yet: one makes it, the others wait for it. */
static void starts_several_at_once(void)
{
	struct fixture f;
	char dir[4096];
	pid_t pids[4];
	int status, good = 0;

	SKIP_WITHOUT_VM();
	fixture_init(&f, "", LAUNCHD);
	snprintf(dir, sizeof(dir), "%s/several", test_tmpdir());
	fflush(NULL);
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct vm_config cfg = fixture_config(&f);
			struct err e = ERR_INIT;
			struct vm *vm = NULL;
			int r;

			cfg.cache_dir = dir;
			cfg.accel = "tcg";
			cfg.n_disks = 0;
			r = vm_start(&cfg, &vm, &e);
			r = r || !vm_times(vm)->from_template;
			vm_free(vm);
			_exit(r);
		}
	}
	for (size_t i = 0; i < 4; i++)
		good += waitpid(pids[i], &status, 0) == pids[i] && status == 0;
	CU_ASSERT_EQUAL(good, 4);
	CU_ASSERT_EQUAL(test_shell("set -- %s/templates/*.state; [ $# = 1 ]", dir), 0);
	fixture_release(&f);
}

/* The QEMU processes that have @disk in their command line. */
static int qemus_of(const char *disk)
{
	return test_shell("for p in /proc/[0-9]*; do cat $p/cmdline 2>/dev/null"
			  " | tr '\\0' ' '"
			  " | grep -q '^qemu-system.*%s' && exit 1; done; exit 0", disk);
}

static void leaves_no_qemu_behind(void)
{
	struct fixture f;
	int ready[2], status;
	char byte;
	pid_t pid;

	SKIP_WITHOUT_VM();
	if (!fsio_exists("/proc/self/cmdline"))
		TEST_SKIP("no /proc");
	fixture_init(&f, "", LAUNCHD);
	CU_ASSERT_EQUAL(pipe2(ready, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct vm_config cfg = fixture_config(&f);
		struct err e = ERR_INIT;
		struct vm *vm;

		if (vm_start(&cfg, &vm, &e) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
	CU_ASSERT_NOT_EQUAL(qemus_of(f.disk), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	for (int i = 0; i < 100 && qemus_of(f.disk); i++)
		usleep(20000);
	CU_ASSERT_EQUAL(qemus_of(f.disk), 0);
	close(ready[0]);
	fixture_release(&f);
}

static void note_check(void *arg, const struct vm_check *c)
{
	CU_ASSERT_TRUE(c->detail[0] != '\0');
	CU_ASSERT_EQUAL(c->advice == NULL, c->ok);
	if (buf_printf(arg, NULL, "%s:%d ", c->name, c->ok))
		CU_FAIL("out of memory");
}

static void examines_the_host(void)
{
	const struct vm_doctor_options bad = {
		.cache_dir = "/nonexistent",
		.guest_dir = "build/guest",
		.qemu = "/no/qemu",
	};
	struct buf got = BUF_INIT;

	CU_ASSERT_TRUE(vm_doctor(&bad, note_check, &got) >= 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&got), "qemu:0 carrier:0 accelerator:0 "));
	buf_release(&got);
}

TEST_MAIN("vm", {"examines the host", examines_the_host},
	  {"runs programs in the Mac", runs_programs},
	  {"keeps the last lines of the console", keeps_the_last_lines},
	  {"passes much data both ways", passes_much_data},
	  {"keeps time limits", keeps_time},
	  {"tells a program's end from the machine's", tells_that_it_went_down},
	  {"tells how the Mac ended", tells_how_it_ended},
	  {"loses power", loses_power},
	  {"starts from a template", starts_from_a_template},
	  {"survives a bad template", survives_a_bad_template},
	  {"explains failures", explains_failures},
	  {"reports a full host", reports_a_full_host},
	  {"starts several at once", starts_several_at_once},
	  {"leaves no QEMU behind when killed", leaves_no_qemu_behind})
