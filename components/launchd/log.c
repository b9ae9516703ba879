/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/launchd/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sim/base/fsio.h"

static const char *const level_names[] = {
	[LAUNCHD_NOTICE] = "Notice",
	[LAUNCHD_WARNING] = "Warning",
	[LAUNCHD_ERROR] = "Error",
};

static time_t system_clock(void)
{
	return time(NULL);
}

void launchd_log_init(struct launchd_log *l, int fd)
{
	struct utsname u;

	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->pid = getpid();
	l->clock = system_clock;
	if (!uname(&u))
		memcpy(l->host, u.nodename, strnlen(u.nodename, sizeof(l->host) - 1));
}

void launchd_log_release(struct launchd_log *l)
{
	buf_release(&l->queue);
}

void launchd_say(struct launchd_log *l, const char *subject, enum launchd_level level,
		 const char *fmt, ...)
{
	char stamp[64] = "", text[ERR_MSG_MAX];
	time_t now = l->clock();
	struct err e = ERR_INIT;
	struct tm tm;
	va_list ap;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%a %b %e %H:%M:%S %Y", &tm);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Without memory for a line there is none to complain either. */
	if (buf_printf(&l->queue, &e, "%s %s com.apple.xpc.launchd[%d] %s%s%s<%s>: %s\n",
		       stamp, l->host, l->pid, subject ? "(" : "", subject ? subject : "",
		       subject ? ") " : "", level_names[level], text) ||
	    buf_append(&l->queue, "", 1, &e))
		err_clear(&e);
}

void launchd_log_drain(struct launchd_log *l)
{
	size_t off = 0;

	while (off < l->queue.len) {
		const char *line = (const char *)l->queue.data + off;
		size_t len = strnlen(line, l->queue.len - off);
		struct err e = ERR_INIT;

		if (fsio_write_all(l->fd, line, len, "console", &e))
			err_clear(&e);
		off += len + 1;
	}
	buf_clear(&l->queue);
}
