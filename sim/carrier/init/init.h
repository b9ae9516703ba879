/* SPDX-License-Identifier: MIT */
/*
 * init, PID 1 of the carrier: one thread, one loop.
 *
 * Its parts each own a corner of struct init and call one another through the functions
 * below; what may block (a module, the clock) happens in handlers of requests only.
 */
#ifndef SIM_CARRIER_INIT_INIT_H
#define SIM_CARRIER_INIT_INIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/carrier/console_order.h"
#include "sim/carrier/control.h"

struct init;
struct ring_buffer; /* libbpf */
struct exec;

/* A descriptor in the loop. */
struct watch {
	int fd;
	void (*ready)(struct init *in, void *arg);
	void *arg;
};

enum init_state { ST_READY, ST_BOOTING, ST_UP, ST_SHUTDOWN, ST_DOWN, ST_MAX };

struct ctl {
	struct watch watch;
	struct buf in, out;
	struct control_cut cut;
	size_t out_pos;
	bool skip; /* the rest of a line that was too long */
};

struct console {
	int tty;
	struct watch pipe, ring;
	struct ring_buffer *rb; /* NULL: no policy, packets as they come */
	struct console_order order;
	int64_t idle_since; /* the pipe has bytes and the ring nothing; 0: not so */
};

struct mac {
	pid_t boot, launchd;
	struct watch sock; /* to boot */
	int go;            /* write a byte: launchd may be executed; -1 */
	int exec_error;    /* read end: errno of execve; -1 */
	int pid_ns, mnt_ns, uts_ns, ipc_ns; /* of the Mac; -1 */
	json_t *boot_id;   /* id of the host's request, until it is answered */
	int64_t deadline;  /* of the shutdown; 0: none */
	const char *how;   /* restart, halt: what launchd asked for */
};

struct init {
	int epoll;
	struct watch signals;
	enum init_state state;
	int64_t boot_ns; /* of the boot request, CLOCK_MONOTONIC */
	struct ctl ctl;
	struct console console;
	struct mac mac;
	struct exec *execs; /* running programs of the host */
};

/* main.c */
void loop_add(struct init *in, struct watch *w, uint32_t events);
/* Take @w out of the loop and close its descriptor. Nothing when it has none. */
void loop_drop(struct init *in, struct watch *w);
/* A message for the carrier's log. */
void note(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* What a child has to undo before execve. */
void child_reset(void);

/* modules.c: load all of a folder, in order of names. */
int load_modules(const char *dir, struct err *e) MUST_CHECK;

/* ctl.c */
int ctl_open(struct init *in, struct err *e) MUST_CHECK;
/* Send and release @msg. */
void ctl_send(struct init *in, json_t *msg);
/* {"event":name, "t_ms":…} with the members of @more (released; may be NULL). */
void ctl_event(struct init *in, const char *name, json_t *more);
/* {"id":@id, "ok":false, "error":…, "why":…}; @why may be NULL. Releases nothing. */
void ctl_refuse(struct init *in, const json_t *id, const char *why, const char *error);
/* Wait until all is on its way to the host. */
void ctl_flush(struct init *in);

/* exec.c */
void exec_start(struct init *in, const json_t *req);
/* @pid ended: true when it was a program of the host. */
bool exec_reaped(struct init *in, pid_t pid, int status);
/* Kill what is beyond its time; the next deadline or INT64_MAX. */
int64_t exec_deadlines(struct init *in, int64_t now);

/* mac.c */
/* Start boot, which says when the carrier is ready. */
int mac_spawn_boot(struct init *in, struct err *e) MUST_CHECK;
void mac_boot(struct init *in, const json_t *req);
bool mac_reaped(struct init *in, pid_t pid, int status);
int64_t mac_deadline(struct init *in, int64_t now);

/* launch.c: processes in the Mac's namespaces */
struct launch {
	const char *root, *hostname;
	const json_t *argv, *env; /* arrays of strings */
	int console;              /* standard output and error */
};
/* Make the namespaces and process 1, held back; fills mac's descriptors and launchd. */
int launch_prepare(struct init *in, const struct launch *l, struct err *e) MUST_CHECK;
/* Let it go; an error says that it could not be executed. */
int launch_go(struct init *in, struct err *e) MUST_CHECK;
/* fork into the Mac's PID namespace; the child still has to call launch_enter. */
pid_t launch_fork(struct init *in);
int launch_enter(struct init *in);
/* The strings of a JSON array, NULL-terminated, to be freed; NULL: not strings. */
char **launch_vector(const json_t *array);

/* console.c */
int console_open(struct init *in, struct err *e) MUST_CHECK;
/* The pipe of the Mac's standard output; its write end goes to *@ret_fd. */
int console_pipe(struct init *in, int *ret_fd, struct err *e) MUST_CHECK;
/* Use the policy's ring buffer; takes over @map_fd. */
int console_ring(struct init *in, int map_fd, struct err *e) MUST_CHECK;
void console_print(struct init *in, const char *text);
int64_t console_deadline(struct init *in, int64_t now);
/* Print all that is left and wait until the port has sent it. */
void console_drain(struct init *in);

/* power.c */
void power_down(struct init *in, const char *how, const char *reason)
	__attribute__((noreturn));
void power_now(bool reset) __attribute__((noreturn));

#endif
