/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextd/test/kextd_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/log.h"
#include "components/common/packet.h"
#include "components/kextd/kextd.h"
#include "components/kextd/protocol.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define EXTENSIONS "/System/Library/Extensions"
#define KERNEL	   "/System/Library/Kernels/kernel"
#define PLK	   "/PrelinkedKernels/prelinkedkernel"
#define BOOTCACHES "/usr/standalone/bootcaches.plist"
#define ANSWER_MS  5000
#define LOOK_US	   2000
#define LOOKS	   2500 /* 5 s */

static const char bootcaches[] =
    "<plist version=\"1.0\"><dict><key>PostBootPaths</key><dict>"
    "<key>Kernelcache v1.5</key><dict>"
    "<key>ExtensionsDir</key><array><string>" EXTENSIONS "</string></array>"
    "<key>Path</key><string>" PLK "</string>"
    "<key>ReadOnlyPath</key><string>/ro" PLK "</string>"
    "<key>KernelPath</key><string>" KERNEL "</string>"
    "<key>KernelsDir</key><string>/System/Library/Kernels</string>"
    "<key>Archs</key><array><string>x86_64</string></array>"
    "<key>Preferred Compression</key><string>lzvn</string>"
    "</dict></dict></dict></plist>\n";

/* Called as "kextcache -F -u <volume>". */
static const char kextcache[] =
    "#!/bin/sh\n"
    "echo \"$*\" >> \"$3/runs\"\n"
    "[ \"$1 $2\" = '-F -u' ] && [ -n \"${KEXTD_SPAWNED+set}\" ] || exit 9\n"
    "[ -p \"$3/go\" ] && read line < \"$3/go\"\n"
    "[ -e \"$3/useless\" ] && exit 1\n"
    "t=$(stat -c %Y \"$3" EXTENSIONS "\")\n"
    "touch -d @$((t + 1)) \"$3" PLK "\"\n";

/* --- files ------------------------------------------------------------------- */

static void in_root(const struct kextd_fixture *f, const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", f->root, path);
}

static void put(const char *path, const char *text, mode_t mode)
{
	struct err e = ERR_INIT;
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), mode, &e), &e);
}

static void put_in_root(const struct kextd_fixture *f, const char *path, const char *text)
{
	char full[PATH_MAX];

	in_root(f, path, full);
	put(full, text, 0644);
}

static void set_mtime(const struct kextd_fixture *f, const char *path, time_t t)
{
	const struct timespec ts[2] = {{.tv_sec = t}, {.tv_sec = t}};
	char full[PATH_MAX];

	in_root(f, path, full);
	CU_ASSERT_EQUAL_FATAL(utimensat(AT_FDCWD, full, ts, 0), 0);
}

static void make_volume(struct kextd_fixture *f)
{
	char full[PATH_MAX];

	snprintf(f->dir, sizeof(f->dir), "%s/XXXXXX", test_tmpdir());
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->dir));
	snprintf(f->root, sizeof(f->root), "%s/root", f->dir);
	snprintf(f->socket, sizeof(f->socket), "%s/socket", f->dir);
	put_in_root(f, BOOTCACHES, bootcaches);
	put_in_root(f, PATH_ROOTLESS_CONF, "/System\n");
	put_in_root(f, KERNEL, "kernel");
	put_in_root(f, PLK, "prelinked");
	put_in_root(f, EXTENSIONS "/A.kext/Info.plist", "");
	set_mtime(f, KERNEL, 1000);
	set_mtime(f, EXTENSIONS, 2000);
	set_mtime(f, PLK, 2001);
	snprintf(full, sizeof(full), "%s/kextcache", f->dir);
	put(full, kextcache, 0755);
	snprintf(full, sizeof(full), "%s/boot_args", f->dir);
	put(full, "<plist version=\"1.0\"><dict/></plist>", 0644);
	kextd_fixture_mount(f, true);
}

void kextd_fixture_mount(struct kextd_fixture *f, bool mounted)
{
	char path[PATH_MAX], text[PATH_MAX];

	snprintf(path, sizeof(path), "%s/volumes", f->dir);
	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><array>%s%s%s</array></plist>",
		 mounted ? "<dict><key>MountPoint</key><string>" : "",
		 mounted ? f->root : "", mounted ? "</string></dict>" : "");
	put(path, text, 0644);
}

void kextd_fixture_touch(struct kextd_fixture *f)
{
	static time_t t = 3000;

	set_mtime(f, EXTENSIONS, t++);
}

void kextd_fixture_make_slow(struct kextd_fixture *f)
{
	char full[PATH_MAX];

	in_root(f, "/go", full);
	CU_ASSERT_EQUAL_FATAL(mkfifo(full, 0600), 0);
}

void kextd_fixture_let_finish(struct kextd_fixture *f)
{
	struct err e = ERR_INIT;
	char full[PATH_MAX];
	int fd;

	in_root(f, "/go", full);
	fd = open(full, O_WRONLY | O_CLOEXEC); /* waits for the reader */
	ASSERT_OK(fsio_write_all(fd, "go\n", 3, full, &e), &e);
	close(fd);
}

void kextd_fixture_make_useless(struct kextd_fixture *f)
{
	put_in_root(f, "/useless", "");
}

int kextd_fixture_runs(const struct kextd_fixture *f)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char full[PATH_MAX];
	int n = 0;

	in_root(f, "/runs", full);
	if (!fsio_read(full, 65536, &b, &e))
		for (const char *p = buf_str(&b); (p = strchr(p, '\n')); p++)
			n++;
	buf_release(&b);
	return n;
}

bool kextd_fixture_said(const struct kextd_fixture *f, const char *text)
{
	char path[PATH_MAX];
	bool found = false;

	snprintf(path, sizeof(path), "%s/log", f->dir);
	for (int i = 0; i < LOOKS && !found; i++) {
		struct buf b = BUF_INIT;
		struct err e = ERR_INIT;

		found = !fsio_read(path, 1 << 20, &b, &e) && strstr(buf_str(&b), text);
		buf_release(&b);
		if (!found)
			usleep(LOOK_US);
	}
	return found;
}

/* --- the process ------------------------------------------------------------- */

static int run(const struct kextd_fixture *f, double factor)
{
	char volumes[PATH_MAX], args[PATH_MAX], log_path[PATH_MAX], tool[PATH_MAX];
	struct log_file file;
	struct component_log log;
	struct err e = ERR_INIT;
	const struct oskext_world os = {.root = f->root,
					.csr_config = "/nonexistent",
					.syspolicy_socket = "/nonexistent",
					.kernel_socket = "/nonexistent",
					.loaded_kexts = "/nonexistent",
					.is_root = true,
					.log = &log};
	struct kextd_options o = {
	    .volumes = volumes,
	    .boot_args = args,
	    .csr_config = "/nonexistent",
	    .proc = "/proc",
	    .os = &os,
	    .kextcache = tool,
	    .installer_pid_file = "/nonexistent",
	    .waits = {.factor = factor},
	    .log = &log,
	    .child_output = -1,
	};

	snprintf(volumes, sizeof(volumes), "%s/volumes", f->dir);
	snprintf(args, sizeof(args), "%s/boot_args", f->dir);
	snprintf(log_path, sizeof(log_path), "%s/log", f->dir);
	snprintf(tool, sizeof(tool), "%s/kextcache", f->dir);
	if (log_file_open(&file, log_path, "kextd", &e))
		return 1;
	log = log_file_sink(&file, CLOG_DETAIL);
	/* what launchd does for it */
	if (packet_listen(f->socket, &o.listener, &e))
		return 1;
	return kextd_run(&o, &e) ? 1 : 0;
}

void kextd_fixture_start(struct kextd_fixture *f, double factor)
{
	make_volume(f);
	fflush(NULL);
	f->pid = fork();
	if (f->pid == 0)
		_exit(run(f, factor));
	CU_ASSERT_TRUE_FATAL(f->pid > 0);
	CU_ASSERT_TRUE_FATAL(kextd_fixture_said(f, "Reading extensions."));
	close(kextd_fixture_connect(f));
}

void kextd_fixture_stop(struct kextd_fixture *f)
{
	int status = -1;

	kill(f->pid, SIGTERM);
	CU_ASSERT_EQUAL(waitpid(f->pid, &status, 0), f->pid);
	CU_ASSERT_EQUAL(status, 0);
}

/* --- requests ---------------------------------------------------------------- */

int kextd_fixture_connect(const struct kextd_fixture *f)
{
	struct err e = ERR_INIT;
	int fd = -1;

	ASSERT_OK(packet_connect(f->socket, &fd, &e), &e);
	return fd;
}

void kextd_fixture_ask(struct kextd_fixture *f, int fd, const char *op, bool wait)
{
	json_t *request =
	    json_pack("{s:s,s:s,s:b}", "op", op, "volume", f->root, "wait", wait);
	struct err e = ERR_INIT;

	ASSERT_OK(packet_send(fd, request, &e), &e);
	json_decref(request);
}

int kextd_fixture_answer(int fd, int timeout_ms)
{
	struct err e = ERR_INIT;
	json_t *reply = NULL;
	int n = -1;

	if (!packet_recv(fd, timeout_ms, &reply, &e))
		n = packet_errno(reply);
	json_decref(reply);
	return n;
}

int kextd_fixture_call(struct kextd_fixture *f, int fd, const char *op)
{
	kextd_fixture_ask(f, fd, op, false);
	return kextd_fixture_answer(fd, ANSWER_MS);
}

int kextd_fixture_unlock(struct kextd_fixture *f, int fd, int status)
{
	json_t *request = json_pack("{s:s,s:s,s:i}", "op", KEXTD_OP_UNLOCK_VOLUME,
				    "volume", f->root, "status", status);
	struct err e = ERR_INIT;

	ASSERT_OK(packet_send(fd, request, &e), &e);
	json_decref(request);
	return kextd_fixture_answer(fd, ANSWER_MS);
}

/* @request is released. */
static json_t *ask_once(const struct kextd_fixture *f, json_t *request)
{
	json_t *reply = NULL;
	int fd = kextd_fixture_connect(f);
	struct err e = ERR_INIT;

	ASSERT_OK(packet_call(fd, request, ANSWER_MS, &reply, &e), &e);
	json_decref(request);
	close(fd);
	return reply;
}

static json_t *get_status(const struct kextd_fixture *f)
{
	return ask_once(f, json_pack("{s:s}", "op", KEXTD_OP_STATUS));
}

int kextd_fixture_load(const struct kextd_fixture *f, const char *path)
{
	json_t *reply =
	    ask_once(f, json_pack("{s:s,s:s}", "op", KEXTD_OP_LOAD_KEXT, "path", path));
	int r = packet_errno(reply)
		    ? -1
		    : (int)json_integer_value(json_object_get(reply, "os_return"));

	json_decref(reply);
	return r;
}

bool kextd_fixture_is(const struct kextd_fixture *f, const char *key)
{
	json_t *reply = get_status(f);
	bool is = json_is_true(json_object_get(reply, key));

	json_decref(reply);
	return is;
}

bool kextd_fixture_becomes(const struct kextd_fixture *f, const char *key)
{
	for (int i = 0; i < LOOKS; i++) {
		if (kextd_fixture_is(f, key))
			return true;
		usleep(LOOK_US);
	}
	return false;
}

int kextd_fixture_count(const struct kextd_fixture *f, const char *key)
{
	json_t *reply = get_status(f);
	const json_t *v = json_array_get(json_object_get(reply, "volumes"), 0);
	int n = v ? (int)json_integer_value(json_object_get(v, key)) : -1;

	json_decref(reply);
	return n;
}
