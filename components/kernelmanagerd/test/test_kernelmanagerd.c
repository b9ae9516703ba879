/* SPDX-License-Identifier: MIT */
/* kernelmanagerd with a kernel that is a thread: what it logs, and when it ends. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/kernelmanagerd/kernelmanagerd.h"
#include "components/kernelmanagerd/repositories.h"
#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define CLIENTS_MAX 4
#define GIVE_UP_MS  10000

/* A kernel that publishes two kexts and then wants nothing more. */
struct kernel {
	char socket[256];
	int listener;
	int daemon_errno, load_errno; /* its answers */
	bool silent;		      /* no farewell */
	struct buf log;		      /* messages, "|" between them */
	pthread_t thread;
};

static void reply(int fd, int code)
{
	json_t *msg = packet_reply(code, NULL);
	struct err e = ERR_INIT;

	(void)!packet_send(fd, msg, &e);
	json_decref(msg);
}

static void notify(int fd, const char *what, const char *id)
{
	json_t *msg = json_pack("{s:s,s:s,s:s,s:i}", "notify", what, "id", id, "version",
				"1", "tag", 1);
	struct err e = ERR_INIT;

	(void)!packet_send(fd, msg, &e);
	json_decref(msg);
}

static void serve(struct kernel *k, int fd, const json_t *req)
{
	const char *op = json_string_value(json_object_get(req, "op"));

	if (!strcmp(op, "log")) {
		(void)!buf_printf(&k->log, NULL, "%s|",
				  json_string_value(json_object_get(req, "message")));
		reply(fd, 0);
	} else if (!strcmp(op, "kext_daemon")) {
		reply(fd, k->daemon_errno);
	} else {
		if (!k->load_errno) {
			notify(fd, "kext_loaded", "com.apple.kpi.bsd");
			notify(fd, "kext_loaded", "com.apple.kpi.mach");
		}
		reply(fd, k->load_errno);
		if (!k->silent)
			notify(fd, "exit", "");
	}
}

static void *kernel_main(void *arg)
{
	struct kernel *k = arg;
	struct pollfd set[1 + CLIENTS_MAX] = {{.fd = k->listener, .events = POLLIN}};
	int n = 1, open_ones = 0;

	while (poll(set, (nfds_t)n, GIVE_UP_MS) > 0) {
		if (set[0].revents && n <= CLIENTS_MAX) {
			set[n++] = (struct pollfd){accept(k->listener, NULL, NULL), POLLIN, 0};
			open_ones++;
		}
		for (int i = 1; i < n; i++) {
			struct err e = ERR_INIT;
			json_t *req = NULL;

			if (set[i].fd < 0 || !set[i].revents)
				continue;
			if (packet_recv(set[i].fd, GIVE_UP_MS, &req, &e)) {
				close(set[i].fd);
				set[i].fd = -1;
				open_ones--;
				continue;
			}
			serve(k, set[i].fd, req);
			json_decref(req);
		}
		if (n > 1 && !open_ones)
			break;
	}
	return NULL;
}

static void kernel_start(struct kernel *k)
{
	struct err e = ERR_INIT;

	snprintf(k->socket, sizeof(k->socket), "%s/kernel", test_tmpdir());
	ASSERT_OK(packet_listen(k->socket, &k->listener, &e), &e);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&k->thread, NULL, kernel_main, k), 0);
}

/* It ends when the last client has gone. */
static void kernel_wait(struct kernel *k)
{
	pthread_join(k->thread, NULL);
}

static void kernel_release(struct kernel *k)
{
	close(k->listener);
	unlink(k->socket);
	buf_release(&k->log);
}

static void make_bundle(const char *path, const char *info)
{
	char dir[512], file[600];
	struct err e = ERR_INIT;

	snprintf(dir, sizeof(dir), "%s%s/Contents", test_tmpdir(), path);
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	snprintf(file, sizeof(file), "%s/Info.plist", dir);
	ASSERT_OK(fsio_write_atomic(file, info, strlen(info), 0644, &e), &e);
}

#define INFO(id)                                                                         \
	"<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key><string>" id          \
	"</string><key>CFBundleVersion</key><string>1.0</string>"                        \
	"<key>CFBundlePackageType</key><string>KEXT</string>"                            \
	"<key>IOKitPersonalities</key><dict/></dict></plist>"

static int run(struct kernel *k, bool apple_silicon, struct err *e)
{
	struct unified_log log;
	struct kernelmanagerd_options o = {.root = test_tmpdir(),
					   .socket = k->socket,
					   .version = "262.60.4",
					   .apple_silicon = apple_silicon,
					   .log = &log,
					   .stop_fd = -1};
	int r;

	unified_log_init(&log, k->socket, "kernelmanagerd");
	r = kernelmanagerd_run(&o, e);
	unified_log_release(&log);
	return r;
}

static void from_start_to_farewell(void)
{
	static const char want[] =
		"Starting userland kernel management subsystem "
		"(KernelManagement_executables-262.60.4)|"
		"Disabling kext auditing: We are on Apple Silicon|"
		"Initializing with settings:|"
		"finding bundles in repositories:\n"
		"/Library/Extensions\n"
		"/Library/Apple/System/Library/Extensions\n"
		"/AppleInternal/Library/Extensions\n"
		"/System/AppleInternal/Library/AuxiliaryExtensions\n"
		"/System/AppleInternal/Diagnostics/AuxiliaryExtensions\n"
		"/System/Library/AuxiliaryExtensions\n"
		"/System/Library/DriverExtensions\n"
		"/Library/DriverExtensions|"
		"validating extension at /Library/Extensions/A.kext|"
		"validating extension at /System/Library/DriverExtensions/B.dext|"
		"Preparing collection load into kernel|"
		"Received kext load notification: com.apple.kpi.bsd|"
		"Received kext load notification: com.apple.kpi.mach|"
		"Kernel requested shutdown. Goodbye!|";
	struct kernel k = {.listener = -1};
	struct err e = ERR_INIT;

	make_bundle("/Library/Extensions/A.kext", INFO("com.example.a"));
	make_bundle("/System/Library/DriverExtensions/B.dext", INFO("com.example.b"));
	kernel_start(&k);
	ASSERT_OK(run(&k, true, &e), &e);
	kernel_wait(&k);
	CU_ASSERT_STRING_EQUAL(buf_str(&k.log), want);
	kernel_release(&k);
}

static void invalid_ones_are_named(void)
{
	struct kernel k = {.listener = -1};
	struct err e = ERR_INIT;
	char path[512];

	make_bundle("/Library/Extensions/Bad.kext",
		    "<plist version=\"1.0\"><dict/></plist>");
	snprintf(path, sizeof(path), "%s/Library/DriverExtensions/Empty.dext",
		 test_tmpdir());
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
	kernel_start(&k);
	ASSERT_OK(run(&k, false, &e), &e);
	kernel_wait(&k);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&k.log),
				      "extension at /Library/Extensions/Bad.kext is "
				      "invalid:\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&k.log), "CFBundlePackageType"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&k.log), "/Library/DriverExtensions/Empty.dext is invalid"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&k.log), "Apple Silicon"));
	kernel_release(&k);
}

static void a_second_one_ends(void)
{
	struct kernel k = {.listener = -1, .daemon_errno = 16 /* EBUSY */};
	struct err e = ERR_INIT;

	kernel_start(&k);
	CU_ASSERT_EQUAL(run(&k, false, &e), -E_BUSY);
	kernel_wait(&k);
	kernel_release(&k);
}

static void no_load_is_said(void)
{
	struct kernel k = {.listener = -1, .load_errno = 1 /* EPERM */};
	struct err e = ERR_INIT;

	kernel_start(&k);
	ASSERT_OK(run(&k, false, &e), &e);
	kernel_wait(&k);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&k.log),
		       "Collection load into kernel failed: Operation not permitted"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&k.log), "notification"));
	kernel_release(&k);
}

static void launchd_may_end_it(void)
{
	struct kernel k = {.listener = -1, .silent = true};
	struct unified_log log;
	struct err e = ERR_INIT;
	int stop[2];
	struct kernelmanagerd_options o = {.root = "/nonexistent",
					   .socket = k.socket,
					   .version = "1",
					   .log = &log};

	CU_ASSERT_EQUAL_FATAL(pipe(stop), 0);
	CU_ASSERT_EQUAL(write(stop[1], "x", 1), 1);
	o.stop_fd = stop[0];
	kernel_start(&k);
	unified_log_init(&log, k.socket, "kernelmanagerd");
	ASSERT_OK(kernelmanagerd_run(&o, &e), &e);
	unified_log_release(&log);
	kernel_wait(&k);
	CU_ASSERT_PTR_NULL(strstr(buf_str(&k.log), "Goodbye"));
	close(stop[0]);
	close(stop[1]);
	kernel_release(&k);
}

TEST_MAIN("kernelmanagerd", {"from start to farewell", from_start_to_farewell},
	  {"invalid extensions are named", invalid_ones_are_named},
	  {"a second one ends", a_second_one_ends}, {"no load is said", no_load_is_said},
	  {"launchd may end it", launchd_may_end_it})
