/* SPDX-License-Identifier: MIT */
/* The channels of a machine against a peer that is a child process with a script. */
#define _GNU_SOURCE
#include "sim/base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/vm/process.h"
#include "sim/vm/qemu.h"
#include "sim/vm/recorder.h"
#include "sim/vm/rpc.h"

/* ---- a peer --------------------------------------------------------------------------- */

struct peer {
	pid_t pid;
	int fd; /* our end */
};

/* A child that runs @script with its end of a socket as standard input and output. */
static struct peer peer_start(const char *script)
{
	struct peer p;
	int sv[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	p.pid = fork();
	if (p.pid == 0) {
		dup2(sv[1], 0);
		dup2(sv[1], 1);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(sv[1]);
	p.fd = sv[0];
	return p;
}

static void peer_end(struct peer *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

struct client {
	struct peer peer;
	struct rpc rpc;
	struct pump pump;
	struct buf events;
};

static void on_event(void *arg, const json_t *event)
{
	struct client *c = arg;
	const char *name = json_string_value(json_object_get(event, "event"));

	if (buf_printf(&c->events, NULL, "%s ", name ? name : "?"))
		CU_FAIL("out of memory");
}

static void client_init(struct client *c, const char *script)
{
	memset(c, 0, sizeof(*c));
	c->peer = peer_start(script);
	rpc_init(&c->rpc, c->peer.fd);
	c->rpc.name = "peer";
	c->rpc.line_max = 4096;
	c->rpc.on_event = on_event;
	c->rpc.arg = c;
	c->pump = (struct pump){.sources = {&c->rpc.source}, .n = 1, .stop_fd = -1};
}

static void client_release(struct client *c)
{
	rpc_release(&c->rpc);
	peer_end(&c->peer);
	buf_release(&c->events);
}

/* The result of a request, and its reply's "v" in *@v. */
static int ask(struct client *c, unsigned ms, json_int_t *v, struct err *e)
{
	json_t *req = json_pack("{s:s}", "op", "x"), *reply = NULL;
	int r = rpc_call(&c->rpc, &c->pump, req, -1, pump_after_ms(ms), &reply, e);

	*v = json_integer_value(json_object_get(reply, "v"));
	json_decref(req);
	json_decref(reply);
	return r;
}

static void asks_and_is_told(void)
{
	struct err e = ERR_INIT;
	struct client c;
	json_int_t v;

	/* A greeting, events before and after, a reply to nobody, and one in two pieces. */
	client_init(&c, "echo '{\"event\":\"hello\"}'; read l; echo '{\"event\":\"a\"}';"
			"echo '{\"id\":77,\"v\":1}'; printf '{\"id\":1,'; sleep 0.05;"
			"echo '\"v\":5}'; echo '{\"event\":\"b\"}'; read l;"
			"case $l in *'\"id\":2'*) echo '{\"id\":2,\"v\":6}';; esac; read l");
	ASSERT_OK(ask(&c, 5000, &v, &e), &e);
	CU_ASSERT_EQUAL(v, 5);
	ASSERT_OK(ask(&c, 5000, &v, &e), &e);
	CU_ASSERT_EQUAL(v, 6);
	CU_ASSERT_STRING_EQUAL(buf_str(&c.events), "hello a b ");
	client_release(&c);
}

static void late_replies_are_dropped(void)
{
	struct err e = ERR_INIT;
	struct client c;
	json_int_t v;

	client_init(&c, "read l; read l; echo '{\"id\":1,\"v\":1}'; echo '{\"id\":2,\"v\":2}';"
			"read l");
	ASSERT_FAILS(ask(&c, 30, &v, &e), E_TIMEOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "peer"));
	ASSERT_OK(ask(&c, 5000, &v, &e), &e);
	CU_ASSERT_EQUAL(v, 2);
	client_release(&c);
}

/* Each of these peers breaks the protocol in its own way. */
static void bad_peers(void)
{
	static const char *const scripts[] = {
		"exit 0",
		"read l; exit 0",
		"echo 'not JSON'; read l",
		"echo '[1]'; read l",
		"head -c 10000 /dev/zero | tr '\\0' x; sleep 5",
		"echo '{\"id\":1'; read l",
	};
	struct err e = ERR_INIT;
	json_int_t v;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct client c;

		client_init(&c, scripts[i]);
		ASSERT_FAILS(ask(&c, 5000, &v, &e), E_INFRA);
		/* And it stays so. */
		ASSERT_FAILS(ask(&c, 5000, &v, &e), E_INFRA);
		client_release(&c);
	}
}

static void stops_when_told(void)
{
	struct err e = ERR_INIT;
	struct client c;
	json_int_t v;
	int stop[2];

	client_init(&c, "read l; sleep 10");
	CU_ASSERT_EQUAL(pipe(stop), 0);
	CU_ASSERT_EQUAL(write(stop[1], "", 1), 1);
	c.pump.stop_fd = stop[0];
	ASSERT_FAILS(ask(&c, 5000, &v, &e), E_CANCELED);
	close(stop[0]);
	close(stop[1]);
	client_release(&c);
}

static void too_long_requests(void)
{
	char text[5000];
	json_t *req, *reply = NULL;
	struct err e = ERR_INIT;
	struct client c;

	memset(text, 'a', sizeof(text));
	client_init(&c, "read l; sleep 10");
	req = json_pack("{s:s#}", "op", text, (int)sizeof(text));
	ASSERT_FAILS(rpc_call(&c.rpc, &c.pump, req, -1, pump_after_ms(1000), &reply, &e),
		     E_OVERFLOW);
	json_decref(req);
	client_release(&c);
}

/* A request larger than any socket buffer, to a peer that is slow to read. */
static void large_requests_get_through(void)
{
	size_t len = 8u << 20;
	char *text = malloc(len);
	json_t *req, *reply = NULL;
	struct err e = ERR_INIT;
	struct client c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'a', len);
	client_init(&c, "sleep 0.1; n=$(head -n 1 | wc -c); echo \"{\\\"id\\\":1,\\\"v\\\":$n}\"");
	c.rpc.line_max = 16u << 20;
	req = json_pack("{s:s#}", "op", text, (int)len);
	ASSERT_OK(rpc_call(&c.rpc, &c.pump, req, -1, pump_after_ms(20000), &reply, &e), &e);
	CU_ASSERT_TRUE(json_integer_value(json_object_get(reply, "v")) > (json_int_t)len);
	json_decref(req);
	json_decref(reply);
	free(text);
	client_release(&c);
}

/* ---- QMP ------------------------------------------------------------------------------ */

static void qmp_of(struct qemu *q, struct client *c, const char *script)
{
	memset(q, 0, sizeof(*q));
	client_init(c, script);
	q->qmp = c->rpc;
	q->qmp.source.arg = &q->qmp;
	q->qmp.line_max = 1u << 20;
	q->pump = (struct pump){.sources = {&q->qmp.source}, .n = 1, .stop_fd = -1};
	c->rpc.source.fd = -1;
}

static void qmp_refusals_are_told(void)
{
	struct err e = ERR_INIT;
	json_t *ret = NULL;
	struct client c;
	struct qemu q;

	qmp_of(&q, &c, "read l; echo '{\"id\":1,\"error\":{\"class\":\"GenericError\","
		       "\"desc\":\"no such thing\"}}'; read l;"
		       "echo '{\"id\":2,\"return\":{\"status\":\"running\"}}'; read l");
	ASSERT_FAILS(qemu_command(&q, "frob", NULL, -1, 5000, &ret, &e), E_INFRA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "frob: no such thing"));
	ASSERT_OK(qemu_command(&q, "query-status", NULL, -1, 5000, &ret, &e), &e);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(ret, "status")), "running");
	json_decref(ret);
	rpc_release(&q.qmp);
	client_release(&c);
}

/* A fake QEMU that saves: it reports progress, then what @last says. */
static int save_with(const char *last, struct err *e)
{
	char script[1024];
	struct client c;
	struct qemu q;
	int r, fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	snprintf(script, sizeof(script),
		 "for i in 1 2 3; do read l; echo \"{\\\"id\\\":$i,\\\"return\\\":{}}\"; done;"
		 "read l; echo '{\"id\":4,\"return\":{\"status\":\"active\"}}';"
		 "read l; echo '{\"id\":5,\"return\":{\"status\":\"%s\"}}'; read l", last);
	qmp_of(&q, &c, script);
	r = qemu_save(&q, fd, 5000, e);
	close(fd);
	rpc_release(&q.qmp);
	client_release(&c);
	return r;
}

static void qmp_save(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(save_with("completed", &e), &e);
	ASSERT_FAILS(save_with("failed", &e), E_INFRA);
}

/* ---- recorder -------------------------------------------------------------------------- */

struct lines {
	struct buf text;
	double last;
};

static void on_line(void *arg, double t, const char *line)
{
	struct lines *l = arg;

	CU_ASSERT_TRUE(t >= l->last);
	l->last = t;
	if (buf_printf(&l->text, NULL, "%s|", line))
		CU_FAIL("out of memory");
}

static bool ended(void *arg)
{
	return ((const struct recorder *)arg)->source.fd < 0;
}

static void record(struct recorder *rec, const char *script, const char *file,
		   struct lines *l)
{
	struct peer p = peer_start(script);
	struct pump pump = {.sources = {&rec->source}, .n = 1, .stop_fd = -1};
	struct err e = ERR_INIT;

	ASSERT_OK(recorder_init(rec, p.fd, file, clock_ns(), &e), &e);
	l->last = 0;
	rec->on_line = on_line;
	rec->arg = l;
	ASSERT_OK(pump_until(&pump, pump_after_ms(5000), ended, rec, &e), &e);
	peer_end(&p);
}

static void records_to_the_last_byte(void)
{
	static struct recorder rec;
	struct lines l = {.text = BUF_INIT};
	struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];

	snprintf(path, sizeof(path), "%s/console.log", test_tmpdir());
	record(&rec, "printf 'one\\r\\ntwo\\n\\nthr'; sleep 0.05; printf 'ee\\nno end'", path,
	       &l);
	CU_ASSERT_STRING_EQUAL(buf_str(&l.text), "one|two||three|no end|");
	CU_ASSERT_STRING_EQUAL(recorder_line(&rec, 4), "no end");
	CU_ASSERT_PTR_NULL(recorder_line(&rec, 5));
	recorder_release(&rec);
	ASSERT_OK(fsio_read(path, 4096, &file, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&file), "[   0.0"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&file), "] no end\n"));
	buf_release(&file);
	buf_release(&l.text);
}

static void cuts_long_lines_and_forgets_old(void)
{
	static struct recorder rec;
	struct lines l = {.text = BUF_INIT};

	record(&rec, "head -c 8192 /dev/zero | tr '\\0' x; echo;"
		     "head -c 8193 /dev/zero | tr '\\0' y; echo; echo z", NULL, &l);
	CU_ASSERT_EQUAL(rec.n, 4);
	CU_ASSERT_EQUAL(strlen(recorder_line(&rec, 0)), 8192);
	CU_ASSERT_EQUAL(strlen(recorder_line(&rec, 1)), 8192);
	CU_ASSERT_STRING_EQUAL(recorder_line(&rec, 2), "y");
	recorder_release(&rec);
	record(&rec, "seq 1 5000", NULL, &l);
	CU_ASSERT_EQUAL(rec.n, 5000);
	CU_ASSERT_PTR_NULL(recorder_line(&rec, 5000 - RECORDER_LINES - 1));
	CU_ASSERT_STRING_EQUAL(recorder_line(&rec, 5000 - RECORDER_LINES), "905");
	CU_ASSERT_STRING_EQUAL(recorder_line(&rec, 4999), "5000");
	recorder_release(&rec);
	buf_release(&l.text);
}

static void says_that_the_log_is_full(void)
{
	static struct recorder rec;
	struct lines l = {.text = BUF_INIT};

	record(&rec, "echo one; echo two", "/dev/full", &l);
	CU_ASSERT_EQUAL(rec.lost.code, E_NOSPC);
	CU_ASSERT_STRING_EQUAL(buf_str(&l.text), "one|two|");
	recorder_release(&rec);
	buf_release(&l.text);
}

/* ---- process ---------------------------------------------------------------------------- */

static bool process_ended(void *arg)
{
	return ((const struct process *)arg)->ended;
}

static void runs_a_process(void)
{
	const char *const argv[] = {"sh", "-c", "echo said; exit 3", NULL};
	const char *const nothing[] = {"/nonexistent/qemu", NULL};
	struct pump pump = {.n = 1, .stop_fd = -1};
	struct buf log = BUF_INIT;
	struct err e = ERR_INIT;
	struct process p;
	char path[4096], how[64];

	snprintf(path, sizeof(path), "%s/log", test_tmpdir());
	ASSERT_OK(process_start(&p, argv, NULL, 0, path, &e), &e);
	pump.sources[0] = &p.source;
	ASSERT_OK(pump_until(&pump, pump_after_ms(5000), process_ended, &p, &e), &e);
	process_how(&p, how, sizeof(how));
	CU_ASSERT_STRING_EQUAL(how, "exited with status 3");
	CU_ASSERT_TRUE(p.max_rss_kib > 0);
	process_kill(&p);
	ASSERT_OK(fsio_read(path, 4096, &log, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&log), "said\n");
	ASSERT_FAILS(process_start(&p, nothing, NULL, 0, path, &e), E_NOTFOUND);
	CU_ASSERT_TRUE(p.ended);
	buf_release(&log);
}

static void kills_a_process(void)
{
	const char *const argv[] = {"sleep", "100", NULL};
	struct err e = ERR_INIT;
	struct process p;
	char path[4096], how[64];

	snprintf(path, sizeof(path), "%s/log", test_tmpdir());
	ASSERT_OK(process_start(&p, argv, NULL, 0, path, &e), &e);
	process_kill(&p);
	process_how(&p, how, sizeof(how));
	CU_ASSERT_STRING_EQUAL(how, "was killed by signal 9");
	process_kill(&p);
}

/* ---- arguments --------------------------------------------------------------------------- */

static void arguments_of_qemu(void)
{
	static const int fds[QEMU_CHANNELS] = {11, 12, 13, 14};
	const struct qemu_machine m = {
		.accel = "tcg",
		.kernel = "k",
		.initramfs = "i",
		.disks = {{.path = "/a,b", .format = "qcow2"}},
		.n_disks = 2,
		.incoming = 15,
	};
	struct buf all = BUF_INIT;
	struct err e = ERR_INIT;
	char **args;

	ASSERT_OK(qemu_args(&m, fds, &args, &e), &e);
	for (char **a = args; *a; a++)
		ASSERT_OK(buf_printf(&all, &e, "%s ", *a), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&all), "file=/a,,b,format=qcow2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&all), "id=disk1,driver=null-co"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&all), "-incoming fd:15"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&all), "socket,id=control,fd=13"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&all), "-no-reboot"));
	qemu_args_free(args);
	buf_release(&all);
}

static void a_clock_that_runs_ahead_is_noticed(void)
{
	const int64_t s = 1000000000;
	struct err e = ERR_INIT;

	ASSERT_OK(qemu_check_clock(2 * s, 3 * s, &e), &e);
	ASSERT_OK(qemu_check_clock(0, 3 * s, &e), &e); /* slow to start */
	ASSERT_OK(qemu_check_clock(s, s / 10, &e), &e);
	ASSERT_FAILS(qemu_check_clock(120 * s, 3 * s, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "it counted 120.0 s in 3.0 s"));
}

TEST_MAIN("channels", {"asks and is told", asks_and_is_told},
	  {"late replies are dropped", late_replies_are_dropped},
	  {"peers that break the protocol", bad_peers}, {"stops when told", stops_when_told},
	  {"requests that are too long", too_long_requests},
	  {"large requests get through", large_requests_get_through},
	  {"QMP: refusals are told", qmp_refusals_are_told}, {"QMP: saving", qmp_save},
	  {"records to the last byte", records_to_the_last_byte},
	  {"cuts long lines and forgets old ones", cuts_long_lines_and_forgets_old},
	  {"says that the log's disk is full", says_that_the_log_is_full},
	  {"runs a process", runs_a_process}, {"kills a process", kills_a_process},
	  {"arguments of QEMU", arguments_of_qemu},
	  {"a clock that runs ahead is noticed", a_clock_that_runs_ahead_is_noticed})
