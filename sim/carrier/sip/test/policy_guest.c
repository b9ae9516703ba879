/* SPDX-License-Identifier: MIT */
/*
 * /init of a virtual machine that has nothing but this program: it builds a toy Mac of
 * tmpfs, loads the policy, and makes every attempt of probes.c in a PID namespace of its
 * own. For each it prints "pass|fail<TAB>name<TAB>detail", in the end "done", and powers
 * off. test_policy.c reads that from the serial port.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "sim/carrier/sip/event_text.h"
#include "sim/carrier/sip/sip.h"
#include "sim/carrier/sip/test/probes.h"
#include "sim/platform/csr.h"

#define MAC     "/mac"
#define REFUSED 101 /* exit status: execve did not */
#define DIE_IF(cond)                                                                     \
	do {                                                                             \
		if (cond)                                                                \
			die(#cond, __LINE__);                                            \
	} while (0)

static const char *const subject_path[SUBJECT_MAX] = {"/bin/plain", "/usr/installer",
						      "/usr/stager"};
static struct sip *policy;
static struct sip_config config;
static struct err e;
/* The newest event of each kind. */
static struct sip_event last_line, last_denied;
static unsigned console_bytes;

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
}

static void die(const char *what, int line)
{
	printf("fail\tset-up\tline %d: %s: %s %s\n", line, what, strerror(errno), e.msg);
	fflush(stdout);
	power_off();
}

static void report(bool ok, const char *name, const char *detail)
{
	printf("%s\t%s\t%s\n", ok ? "pass" : "fail", name, detail);
}

/* ---- the toy Mac ---- */

static void folder(const char *path)
{
	DIE_IF(mkdir(path, 0755) && errno != EEXIST);
}

static void file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	DIE_IF(fd < 0);
	close(fd);
}

static void copy_self(const char *to)
{
	char buf[65536];
	ssize_t n;
	int in = open("/init", O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);

	DIE_IF(in < 0 || out < 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		DIE_IF(write(out, buf, (size_t)n) != n);
	close(in);
	close(out);
}

static void make_system(void)
{
	static const char *const folders[] = {"/System",
					      "/System/a",
					      "/System/a/b",
					      "/System/a/b/c",
					      "/System/a/b/c/d",
					      "/System/empty",
					      "/System/Library",
					      "/System/Library/Caches",
					      "/System/Library/Extensions",
					      "/System/Library/Extensions/Apple.kext",
					      "/usr",
					      "/bin",
					      "/free",
					      "/ro",
					      "/dev",
					      "/Library",
					      "/Data",
					      "/private",
					      "/proc"};
	char path[256];

	folder("/vol");
	DIE_IF(mount("system", "/vol", "tmpfs", 0, NULL));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "/vol%s", folders[i]);
		folder(path);
	}
	file("/vol/System/f");
	file("/vol/System/keep");
	DIE_IF(setxattr("/vol/System/keep", "trusted.keep", "1", 1, 0));
	for (int i = 0; i < SUBJECT_MAX; i++) {
		snprintf(path, sizeof(path), "/vol%s", subject_path[i]);
		copy_self(path);
	}
}

static void make_data(void)
{
	static const char *const folders[] = {
		"/data", "/data/free", "/data/Library", "/data/Library/Apple",
		"/data/Library/StagedExtensions", "/data/private", "/data/private/var",
		"/data/private/var/install"};

	folder("/data");
	DIE_IF(mount("data", "/data", "tmpfs", 0, NULL));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		folder(folders[i]);
	copy_self("/data/free/foreign");
}

static void make_xnu(void)
{
	folder(MAC "/dev/xnu");
	DIE_IF(mount("xnu", MAC "/dev/xnu", "tmpfs", 0, NULL));
	file(MAC "/dev/xnu/csr_active_config");
	folder(MAC "/dev/xnu/nvram");
	folder(MAC "/dev/xnu/proc");
	DIE_IF(mount("proc", MAC "/dev/xnu/proc", "proc", MS_RDONLY, NULL));
	DIE_IF(mount("proc", MAC "/proc", "proc", 0, NULL));
	file(MAC "/dev/xnu/nvram/GUID:old");
	DIE_IF(mknod(MAC "/dev/null", S_IFCHR | 0666, makedev(1, 3)));
	DIE_IF(mknod(MAC "/dev/disk", S_IFBLK | 0600, makedev(250, 77)));
}

/* The mounts as boot makes them: / is a bind mount, and so are the firmlinks. */
static void make_mac(void)
{
	make_system();
	make_data();
	folder(MAC);
	DIE_IF(mount("/vol", MAC, NULL, MS_BIND, NULL));
	DIE_IF(mount("/data", MAC "/Data", NULL, MS_BIND, NULL));
	DIE_IF(mount("/data/Library", MAC "/Library", NULL, MS_BIND, NULL));
	DIE_IF(mount("/data/private", MAC "/private", NULL, MS_BIND, NULL));
	DIE_IF(mount(MAC "/System", MAC "/ro", NULL, MS_BIND, NULL));
	DIE_IF(mount(NULL, MAC "/ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	DIE_IF(mount("dev", MAC "/dev", "tmpfs", 0, NULL));
	make_xnu();
}

/* Things that an earlier attempt may have removed or moved. */
static void mend(void)
{
	file(MAC "/System/f");
	file("/vol/free/mine");
	DIE_IF(setxattr("/vol/System/keep", "trusted.keep", "1", 1, 0));
}

/* ---- the policy ---- */

static void mark(const char *path, unsigned kind, unsigned long long classes)
{
	struct stat st;

	DIE_IF(stat(path, &st) || sip_mark(policy, &st, kind, classes, &e));
}

static void fill_marks(void)
{
	mark(MAC "/System", SIP_RESTRICTED, 0);
	mark(MAC "/usr", SIP_RESTRICTED, 0);
	mark(MAC "/System/Library/Caches", SIP_EXCEPTION, 0);
	mark(MAC "/System/Library/Extensions", SIP_EXCEPTION, 0);
	mark(MAC "/System/Library/Extensions/Apple.kext", SIP_RESTRICTED, 0);
	mark(MAC "/Library/Apple", SIP_RESTRICTED, 0);
	mark(MAC "/Library/StagedExtensions", SIP_RESTRICTED, 1);
	mark(MAC "/Library", SIP_NOUNLINK, 0);
}

static void entitle(enum subject who, unsigned bits, unsigned long long classes)
{
	struct sip_entitlements ent = {.bits = bits, .classes = classes};
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), MAC "%s", subject_path[who]);
	DIE_IF(stat(path, &st) || sip_entitle(policy, &st, &ent, &e));
}

static void load_policy(int console)
{
	struct sip_name_rule service = {.entitlements = SIP_ENT_SHUTDOWN_MOUNT};
	struct sip_name_rule variable = {.csr_any = CSR_ALLOW_UNRESTRICTED_NVRAM};
	struct stat st;

	folder("/sys"); /* the kernel's BTF is there */
	DIE_IF(mount("sys", "/sys", "sysfs", 0, NULL));
	DIE_IF(sip_open(&policy, &e));
	fill_marks();
	entitle(INSTALLER, SIP_ENT_INSTALL | SIP_ENT_SHUTDOWN_MOUNT, 0);
	entitle(STAGER, 0, 1);
	DIE_IF(sip_name_rule(policy, "bootstrap", &service, &e));
	DIE_IF(sip_name_rule(policy, "GUID:csr-active-config", &variable, &e));
	strcpy(config.remount_refused, "apfs_vfsop_mount:1125: not allowed");
	strcpy(config.allowing_script, "allowing script: ");
	strcpy(config.allowing_process, "allowing process: ");
	DIE_IF(stat(MAC, &st));
	config.root_dev = sip_dev(st.st_dev);
	DIE_IF(stat("/init", &st));
	config.carrier_dev = sip_dev(st.st_dev);
	DIE_IF(stat(MAC "/dev/xnu/nvram", &st));
	config.xnu_dev = sip_dev(st.st_dev);
	config.nvram_ino = st.st_ino;
	DIE_IF(sip_configure(policy, &config, &e));
	DIE_IF(fstat(console, &st) || sip_arm(policy, st.st_dev, st.st_ino, &e));
}

static void set_csr(unsigned csr, bool honours)
{
	config.csr = csr;
	config.honours_shutdown_remount = honours;
	DIE_IF(sip_configure(policy, &config, &e));
}

/* ---- making attempts ---- */

/* In the Mac: run @argv as process 1 of a new PID namespace; its exit status. */
static int run(char *const argv[], int out)
{
	long pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0);
	int status;

	DIE_IF(pid < 0);
	if (pid == 0) {
		if (chroot(MAC) || chdir("/"))
			_exit(102);
		if (out >= 0)
			dup2(out, STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(REFUSED);
	}
	DIE_IF(waitpid((pid_t)pid, &status, 0) < 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static int attempt(enum subject who, const char *verb, const char *arg)
{
	char path[64], v[32], a[64];
	char *argv[] = {path, v, a, NULL};

	snprintf(path, sizeof(path), "%s", subject_path[who]);
	snprintf(v, sizeof(v), "%s", verb);
	snprintf(a, sizeof(a), "%s", arg);
	return run(argv, -1);
}

static void expect(const char *name, int got, int want)
{
	char detail[128];

	snprintf(detail, sizeof(detail), "got %d, expected %d", got, want);
	report(got == want, name, detail);
}

static int keep_event(void *arg, void *data, size_t size)
{
	const struct sip_event *ev = data;

	(void)arg;
	if (ev->kind == SIP_EVENT_CONSOLE)
		console_bytes += ev->len;
	else if (size == sizeof(*ev))
		*(ev->kind == SIP_EVENT_DENIED ? &last_denied : &last_line) = *ev;
	return 0;
}

static struct ring_buffer *ring;

static void take_events(void)
{
	last_line.text[0] = '\0';
	last_denied.op = SIP_OP_NONE;
	console_bytes = 0;
	ring_buffer__consume(ring);
}

static void all_probes(const char *when, bool off)
{
	static const char *const who[SUBJECT_MAX] = {"plain", "installer", "stager"};
	char name[256], number[24];

	for (size_t i = 0; i < n_probes; i++) {
		for (int s = 0; s < (off ? 1 : SUBJECT_MAX); s++) {
			snprintf(name, sizeof(name), "%s: %s, %s", when, probes[i].name,
				 who[s]);
			snprintf(number, sizeof(number), "%zu", i);
			mend();
			expect(name, attempt(s, "probe", number),
			       off ? probes[i].off : probes[i].on[s]);
		}
	}
}

static void events_tell(void)
{
	char path[256];

	file(MAC "/Library/Apple/f");
	take_events();
	attempt(PLAIN, "write", "/Library/Apple/f");
	take_events();
	sip_event_path(&last_denied, path, sizeof(path));
	report(last_denied.op == SIP_OP_OPEN_WRITE && !strcmp(path, "/Library/Apple/f") &&
		       last_denied.error == EPERM && !strcmp(last_denied.comm, "plain"),
	       "a refusal is told with operation, path, program", path);
}

static void console_is_told(int pipe_out)
{
	char *argv[] = {(char[]){"/bin/plain"}, (char[]){"say"}, NULL};
	char detail[64];

	take_events();
	run(argv, pipe_out);
	take_events();
	snprintf(detail, sizeof(detail), "%u bytes", console_bytes);
	report(console_bytes == 10000, "console writes are told with their size", detail);
}

static void root_read_only(bool on)
{
	DIE_IF(mount(NULL, MAC, NULL, MS_REMOUNT | MS_BIND | (on ? MS_RDONLY : 0), NULL));
}

static void remount(const char *name, enum subject who, unsigned csr, bool honours,
		    int want)
{
	set_csr(csr, honours);
	root_read_only(true);
	take_events();
	expect(name, attempt(who, "remount", "/"), want);
	take_events();
	report(!strcmp(last_line.text, config.remount_refused) == (want != 0),
	       "and the kernel says so when it refuses", last_line.text);
	root_read_only(false);
}

static void remounts(void)
{
	const unsigned off = CSR_ALLOW_UNRESTRICTED_FS;

	remount("remount, SIP on", PLAIN, 0, true, EPERM);
	remount("remount, SIP on, entitled, not shutting down", INSTALLER, 0, true,
		EPERM);
	remount("remount, SIP off", PLAIN, off, false, 0);
	DIE_IF(sip_begin_shutdown(policy, &e));
	remount("remount at shutdown, not entitled", PLAIN, 0, true, EPERM);
	remount("remount at shutdown, entitled, honoured", INSTALLER, 0, true, 0);
	remount("remount at shutdown, entitled, not honoured", INSTALLER, 0, false,
		EPERM);
	remount("remount at shutdown, SIP off, not honoured", INSTALLER, off, false, 0);
}

static void script(const char *path)
{
	static const char text[] = "#!/bin/plain ok\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	DIE_IF(fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1);
	close(fd);
}

static void shutdown_exec(const char *name, const char *path, int want, const char *line)
{
	take_events();
	expect(name, attempt(PLAIN, "exec", path), want);
	take_events();
	report(!strcmp(last_line.text, line), "with the kernel's line", last_line.text);
}

static void shutdown_execs(void)
{
	set_csr(0, false);
	script("/data/private/var/install/hook");
	script("/vol/free/script");
	shutdown_exec("exec at shutdown: the hook", "/private/var/install/hook", 0,
		      "allowing script: /private/var/install/hook");
	shutdown_exec("exec at shutdown: installer", "/usr/installer", 0,
		      "allowing process: /usr/installer");
	shutdown_exec("exec at shutdown: program of the system", "/bin/plain", 0, "");
	shutdown_exec("exec at shutdown: script elsewhere", "/free/script", REFUSED, "");
	shutdown_exec("exec at shutdown: foreign program", "/Data/free/foreign", REFUSED,
		      "");
	set_csr(CSR_ALLOW_UNRESTRICTED_FS, false);
	shutdown_exec("exec at shutdown, SIP off: foreign program", "/Data/free/foreign",
		      0, "");
}

static void carrier_is_exempt(void)
{
	set_csr(0, false);
	expect("the carrier writes system files", attempt_write(MAC "/System/f", NULL),
	       0);
	expect("the carrier writes kernel's files",
	       attempt_write(MAC "/dev/xnu/csr_active_config", NULL), 0);
	expect("the carrier mounts", mount("x", "/free", "tmpfs", 0, NULL), 0);
}

/* The same program inside the toy Mac: make one attempt, exit with its errno. */
static int in_mac(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	static char text[10000];
	size_t i;

	if (!strcmp(verb, "probe") && (i = strtoul(arg, NULL, 10)) < n_probes)
		return probes[i].attempt(probes[i].a, probes[i].b);
	if (!strcmp(verb, "write"))
		return attempt_write(arg, NULL);
	if (!strcmp(verb, "remount"))
		return attempt_remount(arg, NULL);
	if (!strcmp(verb, "say"))
		return write(STDOUT_FILENO, text, sizeof(text)) != sizeof(text);
	if (!strcmp(verb, "ptrace"))
		return attempt_ptrace(NULL, NULL);
	if (!strcmp(verb, "exec"))
		execl(arg, arg, "ok", (char *)NULL);
	return strcmp(verb, "ok") ? REFUSED : 0;
}

int main(int argc, char **argv)
{
	int console[2];

	if (getpid() != 1 || argc > 1)
		return in_mac(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	DIE_IF(pipe(console));
	folder("/free");
	make_mac();
	load_policy(console[1]);
	ring = ring_buffer__new(sip_events_fd(policy), keep_event, NULL, NULL);
	DIE_IF(!ring);
	all_probes("on", false);
	events_tell();
	console_is_told(console[1]);
	set_csr(CSR_ALLOW_UNRESTRICTED_FS | CSR_ALLOW_UNRESTRICTED_NVRAM, false);
	all_probes("off", true);
	remounts();
	shutdown_execs();
	set_csr(0, false);
	expect("ptrace of a program of the system", attempt(PLAIN, "ptrace", ""), EPERM);
	set_csr(CSR_ALLOW_TASK_FOR_PID, false);
	expect("ptrace when allowed", attempt(PLAIN, "ptrace", ""), 0);
	carrier_is_exempt();
	printf("done\n");
	fflush(stdout);
	power_off();
	return 0;
}
