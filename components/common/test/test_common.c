/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/boot_args.h"
#include "components/common/log.h"
#include "components/common/packet.h"
#include "components/common/this_release.h"
#include "components/common/unified_log.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

/* In the child that plays a server: the connection and what it asks. */
static int take_request(int listener, json_t **req)
{
	struct err e = ERR_INIT;
	int fd;

	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0);
	if (packet_recv(fd, 2000, req, &e))
		_exit(1);
	return fd;
}

static void answer_one(int listener)
{
	struct err e = ERR_INIT;
	json_t *req = NULL, *reply;
	int fd;

	fd = take_request(listener, &req);
	reply = packet_reply(16, "busy");
	if (packet_peer_uid(fd) != getuid() ||
	    strcmp(json_string_value(json_object_get(req, "op")), "x"))
		_exit(2);
	if (packet_send(fd, reply, &e))
		_exit(3);
	json_decref(req);
	json_decref(reply);
	_exit(0);
}

static void asks_and_is_answered(void)
{
	struct err e = ERR_INIT;
	json_t *req = json_pack("{s:s}", "op", "x"), *reply = NULL;
	int listener, fd, status;
	pid_t pid;

	ASSERT_OK(packet_listen(test_path("s"), &listener, &e), &e);
	pid = fork();
	if (!pid)
		answer_one(listener);
	ASSERT_OK(packet_connect(test_path("s"), &fd, &e), &e);
	ASSERT_OK(packet_call(fd, req, 2000, &reply, &e), &e);
	CU_ASSERT_EQUAL(packet_errno(reply), 16);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(reply, "error")),
			       "busy");
	json_decref(reply);
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	/* The child is gone: a closed peer is told apart from silence. */
	ASSERT_FAILS(packet_recv(fd, 2000, &reply, &e), E_NOTFOUND);
	json_decref(req);
	close(fd);
	close(listener);
	ASSERT_FAILS(packet_connect(test_path("s"), &fd, &e), E_NOTFOUND);
}

static void refuses_bad_packets(void)
{
	static const char *const bad[] = {"[1]", "{", "17", "\xff\xfe", "{} {}"};
	struct err e = ERR_INIT;
	json_t *o = NULL;
	int sv[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	ASSERT_FAILS(packet_recv(sv[0], 10, &o, &e), E_TIMEOUT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT(send(sv[1], bad[i], strlen(bad[i]), 0) > 0);
		ASSERT_FAILS(packet_recv(sv[0], 1000, &o, &e), E_CORRUPT);
	}
	close(sv[0]);
	close(sv[1]);
}

static void write_version(const char *root, const char *build)
{
	char path[PATH_MAX], text[512];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/System/Library/CoreServices", root);
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
	snprintf(path, sizeof(path), "%s%s", root, PATH_SYSTEM_VERSION);
	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><dict><key>ProductBuildVersion</key>"
		 "<string>%s</string></dict></plist>",
		 build);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
}

static void finds_its_release(void)
{
	const struct release *r = NULL;
	struct err e = ERR_INIT;

	ASSERT_FAILS(this_release(test_path("v"), &r, &e), E_NOTFOUND);
	write_version(test_path("v"), "19A583");
	ASSERT_OK(this_release(test_path("v"), &r, &e), &e);
	CU_ASSERT_STRING_EQUAL(r->name, "10.15.0");
	write_version(test_path("v"), "99Z1");
	ASSERT_FAILS(this_release(test_path("v"), &r, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "99Z1"));
}

static void adds_lines_to_a_log(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct component_log log;
	struct log_file f;

	ASSERT_OK(log_file_open(&f, test_path("log/system.log"), "kextd", &e), &e);
	log = log_file_sink(&f, CLOG_BASIC);
	clog_say(&log, CLOG_BASIC, "one %d", 1);
	clog_say(&log, CLOG_DEBUG, "never");
	clog_say(&log, CLOG_ERROR, "two");
	log_file_close(&f);
	clog_say(&log, CLOG_ERROR, "after closing");
	ASSERT_OK(fsio_read(test_path("log/system.log"), 4096, &b, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&b), "]: one 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&b), "]: two\n"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&b), "never"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&b), "after"));
	buf_release(&b);
}

static bool is_text(const json_t *o, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(o, key));

	return got && !strcmp(got, want);
}

/* Plays the kernel for one record: status 0 when it is as said. */
static void take_record(int listener)
{
	struct err e = ERR_INIT;
	json_t *req = NULL, *reply = packet_reply(0, NULL);
	int fd;

	fd = take_request(listener, &req);
	if (!is_text(req, "op", "log") || !is_text(req, "process", "kernelmanagerd") ||
	    !is_text(req, "sender", "KernelManagement") ||
	    !is_text(req, "message", "finding:\n/a\xef\xbf\xbd") ||
	    json_integer_value(json_object_get(req, "mono_ns")) <= 0)
		_exit(2);
	_exit(packet_send(fd, reply, &e) ? 3 : 0);
}

static void logs_to_the_kernel(void)
{
	struct unified_log l;
	struct err e = ERR_INIT;
	int listener, status;
	pid_t pid;

	ASSERT_OK(packet_listen(test_path("k"), &listener, &e), &e);
	pid = fork();
	if (!pid)
		take_record(listener);
	unified_log_init(&l, test_path("k"), "kernelmanagerd");
	unified_log_say(&l, "KernelManagement", "finding:\n/%s", "a\xff");
	CU_ASSERT(l.fd >= 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	close(listener);
	/* The kernel is gone: records are lost, and nothing else happens. */
	unified_log_say(&l, NULL, "lost");
	CU_ASSERT_EQUAL(l.fd, -1);
	unified_log_release(&l);
}

static void what_the_kernel_says_of_its_start(void)
{
	static const char list[] = "<plist version=\"1.0\"><dict><key>Machine</key><string>"
				   "m1-pro</string><key>AppleSilicon</key><true/></dict>"
				   "</plist>";
	struct err e = ERR_INIT;
	char text[8];
	bool flag;

	ASSERT_OK(fsio_write_atomic(test_path("args"), list, sizeof(list) - 1, 0644, &e), &e);
	ASSERT_OK(boot_args_bool(test_path("args"), "AppleSilicon", &flag, &e), &e);
	CU_ASSERT_TRUE(flag);
	ASSERT_OK(boot_args_bool(test_path("args"), "NoSuch", &flag, &e), &e);
	CU_ASSERT_FALSE(flag);
	ASSERT_OK(boot_args_text(test_path("args"), "Machine", text, sizeof(text), &e), &e);
	CU_ASSERT_STRING_EQUAL(text, "m1-pro");
	ASSERT_OK(boot_args_text(test_path("args"), "NoSuch", text, sizeof(text), &e), &e);
	CU_ASSERT_STRING_EQUAL(text, "");
	ASSERT_FAILS(boot_args_text(test_path("args"), "Machine", text, 6, &e), E_OVERFLOW);
	ASSERT_FAILS(boot_args_text(test_path("args"), "AppleSilicon", text, 6, &e), E_CORRUPT);
	ASSERT_FAILS(boot_args_text(test_path("none"), "Machine", text, 6, &e), E_NOTFOUND);
}

TEST_MAIN("common", {"asks and is answered", asks_and_is_answered},
	  {"refuses bad packets", refuses_bad_packets},
	  {"finds its release", finds_its_release},
	  {"adds lines to a log", adds_lines_to_a_log},
	  {"what the kernel says of its start", what_the_kernel_says_of_its_start},
	  {"logs to the kernel, if there is one", logs_to_the_kernel})
