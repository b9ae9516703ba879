/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/sealed_root.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/apfs/report.h"
#include "sim/base/clock.h"
#include "sim/base/idtext.h"
#include "sim/carrier/layout.h"

#define START_MS  20000 /* on a busy machine, under TCG */
#define STOP_MS	  5000
#define HASH_LEN  32
#define REPORT_FD "3" /* in the server */
#define WORDS_MAX 16
/* The root's server is the last that the kernel may kill for its memory. */
#define OOM_NEVER      "-1000"
#define READ_AHEAD_KIB "1024" /* a round trip costs more than a block */

/* ---- starting ---- */

struct words {
	const char *v[WORDS_MAX];
	char slot[16], hash[2 * HASH_LEN + 1];
};

static void make_words(const struct sealed_root_options *o, struct words *w)
{
	size_t n = 0;

	snprintf(w->slot, sizeof(w->slot), "%u", o->slot);
	w->v[n++] = CARRIER_APFS;
	w->v[n++] = "--report-fd";
	w->v[n++] = REPORT_FD;
	w->v[n++] = "--name";
	w->v[n++] = o->name;
	if (o->root_hash) {
		hex_text(o->root_hash, HASH_LEN, w->hash);
		w->v[n++] = "--root-hash";
		w->v[n++] = w->hash;
	}
	if (o->no_verify)
		w->v[n++] = "--no-verify";
	if (o->snapshot) {
		w->v[n++] = "--snapshot";
		w->v[n++] = o->snapshot;
	}
	w->v[n++] = o->disk;
	w->v[n++] = w->slot;
	w->v[n++] = o->dir;
	w->v[n] = NULL;
}

/* Runs in the child; never returns. Its standard error is the carrier's log. */
static void execute(const struct words *w, int fd)
{
	int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (oom >= 0 && write(oom, OOM_NEVER, strlen(OOM_NEVER)) > 0)
		close(oom);
	setsid();
	if (fd == atoi(REPORT_FD))
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, atoi(REPORT_FD));
	execv(w->v[0], (char *const *)(uintptr_t)w->v);
	fprintf(stderr, "boot: %s: %s\n", w->v[0], strerror(errno));
	_exit(127);
}

static int spawn(const struct sealed_root_options *o, struct sealed_root *s,
		 struct err *e)
{
	struct words w;
	int sv[2];

	make_words(o, &w);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return err_sys(e, "socketpair");
	s->pid = fork();
	if (s->pid == 0)
		execute(&w, sv[1]);
	if (s->pid < 0)
		err_sys(e, "fork");
	close(sv[1]);
	s->fd = sv[0];
	return s->pid < 0 ? -(int)e->code : 0;
}

/* ---- listening ---- */

static int end_of(struct sealed_root *s, struct err *e)
{
	int status = 0;

	close(s->fd);
	s->fd = -1;
	waitpid(s->pid, &status, 0);
	s->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(e, E_INFRA, "the server of %s was killed by signal %d",
			       s->dir, WTERMSIG(status));
	return err_set(e, E_INFRA, "the server of %s ended with status %d", s->dir,
		       WEXITSTATUS(status));
}

/* The text behind @kind, NULL when @packet is of another kind. */
static const char *text_of(const char *packet, const char *kind)
{
	size_t n = strlen(kind);

	return strncmp(packet, kind, n) ? NULL : packet + n;
}

/* "CODE TEXT": it cannot serve, and is about to end. */
static int told_error(struct sealed_root *s, const char *text, struct err *e)
{
	char *end;
	unsigned long code = strtoul(text, &end, 10);

	end_of(s, e);
	if (code == E_OK || code >= E_CODE_MAX)
		code = E_INFRA;
	return err_set(e, (enum err_code)code, "%s", *end == ' ' ? end + 1 : end);
}

static int take_packet(struct sealed_root *s, const char *packet, bool *ready,
		       struct err *e)
{
	const char *text;

	if ((text = text_of(packet, REPORT_ERROR)))
		return told_error(s, text, e);
	if ((text = text_of(packet, REPORT_LOG)) && s->log)
		s->log(s->ctx, text);
	*ready |= text_of(packet, REPORT_READY) != NULL;
	return 0;
}

static int hear(struct sealed_root *s, bool *ready, struct err *e)
{
	static char packet[REPORT_MAX + 1];
	int r = 0;

	while (!r && s->fd >= 0) {
		ssize_t n = recv(s->fd, packet, REPORT_MAX, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return end_of(s, e);
		packet[n] = '\0';
		r = take_packet(s, packet, ready, e);
	}
	return r;
}

int sealed_root_hear(struct sealed_root *s, struct err *e)
{
	bool ready = false;

	return hear(s, &ready, e);
}

static int await_ready(struct sealed_root *s, struct err *e)
{
	int64_t deadline = clock_ns() + START_MS * INT64_C(1000000);
	bool ready = false;
	int r = 0;

	while (!r && !ready) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		int64_t left = (deadline - clock_ns()) / 1000000;

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return err_set(e, E_TIMEOUT, "the server of %s does not serve",
				       s->dir);
		r = hear(s, &ready, e);
	}
	return r;
}

/* What is read in a row is fetched in large pieces. */
static void read_ahead(const struct stat *st)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb",
		 major(st->st_dev), minor(st->st_dev));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Without it reading is slower, and that is all. */
	(void)!write(fd, READ_AHEAD_KIB, strlen(READ_AHEAD_KIB));
	close(fd);
}

int sealed_root_start(const struct sealed_root_options *o, struct sealed_root *ret,
		      struct err *e)
{
	struct sealed_root *s = ret;
	struct err why = ERR_INIT;
	struct stat st;
	int r;

	*s = (struct sealed_root){.fd = -1, .log = o->log, .ctx = o->ctx};
	if (snprintf(s->dir, sizeof(s->dir), "%s", o->dir) >= (int)sizeof(s->dir))
		return err_set(e, E_OVERFLOW, "path too long: %s", o->dir);
	r = spawn(o, s, e);
	if (!r)
		r = await_ready(s, e);
	/* The kernel learns of the root's number with its first look at it. */
	if (!r && stat(s->dir, &st))
		r = err_sys(e, "%s", s->dir);
	if (r)
		(void)!sealed_root_stop(s, &why);
	else
		read_ahead(&st);
	return r ? err_ctx(e, "%s", o->name) : 0;
}

/* ---- the end ---- */

/* What was unmounted ends by itself; what does not is killed. */
static void await_end(struct sealed_root *s)
{
	struct pollfd p = {.fd = s->fd, .events = 0};
	struct err gone;

	if (poll(&p, 1, STOP_MS) != 1)
		kill(s->pid, SIGKILL);
	end_of(s, &gone);
}

int sealed_root_stop(struct sealed_root *s, struct err *e)
{
	struct err gone;

	if (!s->dir[0])
		return 0;
	/* The last lines; whether it still lives is no matter now. */
	(void)!sealed_root_hear(s, &gone);
	/* EINVAL: it never came to be mounted, or was unmounted by others. */
	if (umount2(s->dir, s->pid ? UMOUNT_NOFOLLOW : UMOUNT_NOFOLLOW | MNT_DETACH) &&
	    errno != EINVAL) {
		if (errno == EBUSY)
			return err_set(e, E_BUSY, "%s is in use", s->dir);
		return err_sys(e, "unmounting %s", s->dir);
	}
	if (s->pid > 0)
		await_end(s);
	*s = (struct sealed_root)SEALED_ROOT_INIT;
	return 0;
}
