/* SPDX-License-Identifier: MIT */
/* kextcache's side of kextd's locks, against a server that answers from a list. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/kextcache/lock.h"
#include "sim/base/test.h"

static char socket_path[512], said[4096];

static void take(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(said);

	(void)arg;
	(void)level;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static struct component_log log_said = {.line = take, .max = CLOG_PROGRESS};

static struct kc_world world(void)
{
	said[0] = '\0';
	return (struct kc_world){
		.root = "/",
		.kextd_socket = socket_path,
		.waits = {.factor = 0},
		.log = &log_said,
	};
}

/*
 * Serve one client: the answers in @errnos, in their order. Ends with the number of
 * requests that were not of the form expected by "lock..., unlock".
 */
static int serve(int listener, const int *errnos, size_t n)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct err e = ERR_INIT;
	int fd, wrong = 0;

	if (poll(&p, 1, 5000) != 1)
		return 99;
	fd = accept(listener, NULL, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *op, *want = i + 1 == n && errnos[i] == 0 && n > 1
						? "unlock_volume"
						: "lock_volume";
		json_t *req = NULL, *reply = packet_reply(errnos[i], NULL);

		if (packet_recv(fd, 5000, &req, &e))
			return 98;
		op = json_string_value(json_object_get(req, "op"));
		wrong += !op || strcmp(op, want);
		/* Having been told EBUSY, it has to wait. */
		if (i && errnos[i - 1] == EBUSY)
			wrong += !json_is_true(json_object_get(req, "wait"));
		wrong += packet_send(fd, reply, &e) != 0;
		json_decref(req);
		json_decref(reply);
	}
	return wrong;
}

static pid_t start_server(const int *errnos, size_t n)
{
	struct err e = ERR_INIT;
	int listener;
	pid_t pid;

	snprintf(socket_path, sizeof(socket_path), "%s/kextd", test_tmpdir());
	ASSERT_OK(packet_listen(socket_path, &listener, &e), &e);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(serve(listener, errnos, n));
	close(listener);
	return pid;
}

static int server_status(pid_t pid)
{
	int st = -1;

	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static void waits_while_busy(void)
{
	static const int errnos[] = {EAGAIN, EBUSY, 0, 0};
	struct kc_world w = world();
	struct kc_lock lock = KC_LOCK_INIT, inner = KC_LOCK_INIT;
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	pid = start_server(errnos, 4);
	CU_ASSERT_EQUAL(kc_lock_take(&lock, &w, "/proc"), 0);
	CU_ASSERT_TRUE(lock.held);
	/* What runs inside takes no lock of its own. */
	CU_ASSERT_EQUAL(kc_lock_take(&inner, &w, "/proc"), 0);
	CU_ASSERT_FALSE(inner.held);
	kc_lock_put(&inner, &w, 0);
	CU_ASSERT_TRUE(w.locks_held);
	kc_lock_put(&lock, &w, 0);
	CU_ASSERT_FALSE(w.locks_held);
	CU_ASSERT_EQUAL(server_status(pid), 0);
	CU_ASSERT_STRING_EQUAL(
		said, "kextd wasn't ready; waiting 10 seconds and trying again.\n"
		      "/proc locked; waiting for lock.\n"
		      "Lock acquired; proceeding.\n");
}

static void not_watched(void)
{
	static const int errnos[] = {ENOENT};
	struct kc_world w = world();
	struct kc_lock lock = KC_LOCK_INIT;
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	pid = start_server(errnos, 1);
	CU_ASSERT_EQUAL(kc_lock_take(&lock, &w, "/proc"), 0);
	CU_ASSERT_FALSE(lock.held);
	CU_ASSERT_STRING_EQUAL(said,
			       "Note: kextd not watching /proc; proceeding w/o lock\n");
	CU_ASSERT_EQUAL(server_status(pid), 0);
}

static void reboot_in_progress(void)
{
	static const int errnos[] = {ENOLCK};
	struct kc_world w = world();
	struct kc_lock lock = KC_LOCK_INIT;
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	pid = start_server(errnos, 1);
	CU_ASSERT_EQUAL(kc_lock_take(&lock, &w, "/proc"), ENOLCK);
	CU_ASSERT_STRING_EQUAL(said, "Couldn't lock /proc: No locks available\n");
	CU_ASSERT_EQUAL(server_status(pid), 0);
}

static void nobody_there(void)
{
	struct kc_world w = world();
	struct kc_lock lock = KC_LOCK_INIT;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	snprintf(socket_path, sizeof(socket_path), "%s/nobody", test_tmpdir());
	CU_ASSERT_EQUAL(kc_lock_take(&lock, &w, "/proc"), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Warning: kextd unavailable; proceeding w/o lock"));
}

TEST_MAIN("kextcache lock", {"waits while busy", waits_while_busy},
	  {"not watched", not_watched}, {"reboot in progress", reboot_in_progress},
	  {"nobody there", nobody_there})
