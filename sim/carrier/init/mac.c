/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/carrier/control.h"
#include "sim/carrier/init/init.h"
#include "sim/carrier/layout.h"

#define DISK_WAIT_MS 5000
#define SEED_MAX     256

static const char *text_of(const json_t *msg, const char *key, const char *missing)
{
	const char *s = json_string_value(json_object_get(msg, key));

	return s ? s : missing;
}

static void send_boot(struct init *in, json_t *msg)
{
	char *text = json_dumps(msg, JSON_COMPACT);

	if (!text || send(in->mac.sock.fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		note("boot cannot be told: %s", strerror(errno));
	free(text);
	json_decref(msg);
}

/* Answer the host's boot request, once. @error NULL: the Mac is up. */
static void answer(struct init *in, const char *error)
{
	json_t *id = in->mac.boot_id;

	if (!id)
		return;
	if (error)
		ctl_refuse(in, id, NULL, error);
	else
		ctl_send(in, json_pack("{s:O,s:b}", "id", id, "ok", 1));
	json_decref(id);
	in->mac.boot_id = NULL;
}

static void panic(struct init *in, const char *reason) __attribute__((noreturn));
static void panic(struct init *in, const char *reason)
{
	answer(in, reason);
	/* Nothing is unmounted: a panic leaves the disk as it is. */
	power_down(in, "panic", reason);
}

/* ---- what boot says --------------------------------------------------------------- */

static void msg_ready(struct init *in, const json_t *msg, int fd)
{
	(void)msg;
	(void)fd;
	/* How long the carrier thinks that it took: the host knows better. */
	ctl_event(in, "ready", json_pack("{s:I}", "up_ns", (json_int_t)clock_ns()));
}

static void msg_event(struct init *in, const json_t *msg, int fd)
{
	json_t *ev = json_object_get(msg, "event");

	(void)fd;
	ctl_event(in, text_of(ev, "event", "boot"), json_deep_copy(ev));
}

static void msg_console(struct init *in, const json_t *msg, int fd)
{
	(void)fd;
	console_print(in, text_of(msg, "text", ""));
}

static void msg_refused(struct init *in, const json_t *msg, int fd)
{
	const char *reason = text_of(msg, "reason", "boot gave no reason");

	(void)fd;
	ctl_event(in, "boot.refused", json_pack("{s:s}", "reason", reason));
	answer(in, reason);
	sync();
	power_down(in, "refused", reason);
}

static int tell_child(struct init *in, int console, struct err *e)
{
	struct stat pipe_st, ns_st;

	if (fstat(console, &pipe_st) < 0 || fstat(in->mac.pid_ns, &ns_st) < 0)
		return err_sys(e, "stat of the Mac's console");
	send_boot(in, json_pack("{s:s,s:i,s:I,s:I,s:I}", "type", BOOT_CHILD, "pid",
				(int)in->mac.launchd, "pid_ns", (json_int_t)ns_st.st_ino,
				"console_ino", (json_int_t)pipe_st.st_ino, "console_dev",
				(json_int_t)pipe_st.st_dev));
	return 0;
}

static void msg_launch(struct init *in, const json_t *msg, int fd)
{
	json_t *no_env = json_array(), *env = json_object_get(msg, "env");
	struct launch l = {
		.root = text_of(msg, "root", ""),
		.hostname = text_of(msg, "hostname", "Mac"),
		.argv = json_object_get(msg, "argv"),
		.env = env ? env : no_env,
		.console = -1,
	};
	struct err e = ERR_INIT;
	int r;

	r = console_pipe(in, &l.console, &e);
	if (!r && fd >= 0)
		r = console_ring(in, fd, &e);
	if (!r)
		r = launch_prepare(in, &l, &e);
	if (!r)
		r = tell_child(in, l.console, &e);
	/* From now on the pipe ends when the Mac's last process does. */
	if (l.console >= 0)
		close(l.console);
	json_decref(no_env);
	if (r)
		panic(in, e.msg);
}

static void msg_go(struct init *in, const json_t *msg, int fd)
{
	struct err e = ERR_INIT;

	(void)msg;
	(void)fd;
	if (in->mac.go < 0)
		panic(in, "boot said go before launch");
	if (launch_go(in, &e))
		panic(in, e.msg);
	in->state = ST_UP;
}

static void msg_up(struct init *in, const json_t *msg, int fd)
{
	(void)msg;
	(void)fd;
	answer(in, NULL);
	ctl_event(in, "up", NULL);
}

static void msg_panic(struct init *in, const json_t *msg, int fd)
{
	(void)fd;
	panic(in, text_of(msg, "reason", "the Mac's kernel panicked"));
}

static void msg_done(struct init *in, const json_t *msg, int fd)
{
	const char *error = text_of(msg, "error", NULL);

	(void)fd;
	if (error)
		ctl_event(in, "carrier.error", json_pack("{s:s}", "error", error));
	sync();
	power_down(in, in->mac.how, "");
}

static const struct {
	const char *type;
	unsigned states; /* bits: where it is in place */
	void (*run)(struct init *in, const json_t *msg, int fd);
} messages[] = {
	{BOOT_READY, 1u << ST_READY, msg_ready},
	{BOOT_EVENT, ~0u, msg_event},
	{BOOT_CONSOLE, ~0u, msg_console},
	{BOOT_REFUSED, 1u << ST_BOOTING, msg_refused},
	{BOOT_LAUNCH, 1u << ST_BOOTING, msg_launch},
	{BOOT_GO, 1u << ST_BOOTING, msg_go},
	{BOOT_UP, 1u << ST_UP, msg_up},
	{BOOT_PANIC, ~0u, msg_panic},
	{BOOT_DONE, 1u << ST_SHUTDOWN, msg_done},
};

static void handle(struct init *in, const char *packet, size_t len, int fd)
{
	json_error_t je;
	json_t *msg = json_loadb(packet, len, 0, &je);
	const char *type = text_of(msg, "type", "");
	char why[128];

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++)
		if (!strcmp(messages[i].type, type) &&
		    messages[i].states & 1u << in->state) {
			messages[i].run(in, msg, fd);
			json_decref(msg);
			return;
		}
	snprintf(why, sizeof(why), "boot sent '%.40s' at the wrong time", type);
	panic(in, why);
}

static void on_boot(struct init *in, void *arg)
{
	static char packet[BOOT_PACKET_MAX];
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(in->mac.sock.fd, &m, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c;
	int fd = -1;

	(void)arg;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		loop_drop(in, &in->mac.sock);
		panic(in, "boot ended");
	}
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	handle(in, packet, (size_t)n, fd);
}

/* ---- starting --------------------------------------------------------------------- */

/*
 * All machines restored from one template have the same random generator; the host's
 * bytes make them differ, for UUIDs above all.
 */
static void stir_random(const json_t *req)
{
	const char *text = text_of(req, "seed", "");
	struct {
		struct rand_pool_info info;
		uint8_t bytes[SEED_MAX];
	} pool = {.info = {0, 0}};
	struct buf seed = BUF_INIT;
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (!control_b64_decode(text, strlen(text), &seed, NULL) && seed.len &&
	    seed.len <= SEED_MAX && fd >= 0) {
		pool.info.entropy_count = (int)seed.len * 8;
		pool.info.buf_size = (int)seed.len;
		memcpy(pool.bytes, seed.data, seed.len);
		if (ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
			note("random: %s", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	buf_release(&seed);
}

static int prepare(const json_t *req, struct err *e)
{
	json_int_t ns = json_integer_value(json_object_get(req, "time_ns"));
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	int r;

	if (ns > 0 && clock_settime(CLOCK_REALTIME, &t) < 0)
		return err_sys(e, "setting the clock");
	stir_random(req);
	r = load_modules(CARRIER_MODULES_LATE, e);
	if (r)
		return r;
	for (int ms = 0; !fsio_exists(CARRIER_DISK); ms++) {
		if (ms >= DISK_WAIT_MS)
			return err_set(e, E_TIMEOUT, "there is no disk " CARRIER_DISK);
		poll(NULL, 0, 1);
	}
	return 0;
}

int mac_spawn_boot(struct init *in, struct err *e)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, "socketpair");
	in->mac.boot = fork();
	if (in->mac.boot < 0)
		return err_sys(e, "fork");
	if (in->mac.boot == 0) {
		child_reset();
		/* dup2 clears CLOEXEC, but not when both are the same. */
		if (sv[1] == BOOT_FD)
			fcntl(BOOT_FD, F_SETFD, 0);
		else
			dup2(sv[1], BOOT_FD);
		execl(BOOT_PATH, "boot", (char *)NULL);
		note("%s: %s", BOOT_PATH, strerror(errno));
		_exit(127);
	}
	close(sv[1]);
	in->mac.sock = (struct watch){.fd = sv[0], .ready = on_boot};
	loop_add(in, &in->mac.sock, EPOLLIN);
	return 0;
}

/* What of the host's request is boot's business is passed on as it is. */
static json_t *start_packet(const json_t *req)
{
	static const char *const keys[] = {"machine", "button", "hold"};
	const json_t *factor = json_object_get(req, "time_factor");
	json_t *p = json_pack("{s:s,s:f}", "type", BOOT_START, "time_factor",
			      json_is_number(factor) ? json_number_value(factor) : 1.0);

	for (size_t i = 0; p && i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(p, keys[i], json_object_get(req, keys[i]));
	return p;
}

void mac_boot(struct init *in, const json_t *req)
{
	json_t *id = json_object_get(req, "id");
	struct err e = ERR_INIT;
	int r;

	if (in->state != ST_READY) {
		ctl_refuse(in, id, NULL, "the Mac was started before");
		return;
	}
	in->boot_ns = clock_ns();
	in->state = ST_BOOTING;
	in->mac.boot_id = json_incref(id);
	r = prepare(req, &e);
	if (r)
		panic(in, e.msg);
	send_boot(in, start_packet(req));
}

/* ---- the end ---------------------------------------------------------------------- */

/* reboot(2) in a PID namespace ends its process 1 by signal (pid_namespaces(7)). */
static const char *asked_for(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP)
		return "restart";
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		return "halt";
	return NULL;
}

static void launchd_ended(struct init *in, int status)
{
	char why[96];

	in->mac.launchd = 0;
	in->mac.how = asked_for(status);
	if (!in->mac.how) {
		snprintf(why, sizeof(why), "launchd %s %d",
			 WIFEXITED(status) ? "exited with status"
					   : "was killed by signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		panic(in, why);
	}
	in->state = ST_SHUTDOWN;
	console_drain(in);
	/* The namespaces hold mounts of the volumes. */
	close(in->mac.mnt_ns);
	close(in->mac.pid_ns);
	close(in->mac.uts_ns);
	close(in->mac.ipc_ns);
	in->mac.deadline = clock_ns() + BOOT_SHUTDOWN_MS * INT64_C(1000000);
	send_boot(in, json_pack("{s:s,s:s}", "type", BOOT_SHUTDOWN, "how", in->mac.how));
}

bool mac_reaped(struct init *in, pid_t pid, int status)
{
	if (pid == in->mac.launchd && in->mac.exec_error < 0) {
		launchd_ended(in, status);
		return true;
	}
	/* What boot said last is still in the socket, and its end is seen there. */
	return pid == in->mac.boot;
}

int64_t mac_deadline(struct init *in, int64_t now)
{
	if (!in->mac.deadline)
		return INT64_MAX;
	if (in->mac.deadline <= now)
		panic(in, "boot did not finish the shutdown in time");
	return in->mac.deadline;
}
