/* SPDX-License-Identifier: MIT */
#include "sim/vm/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"

/* Keep @text as the newest line, take it away from @r->partial. */
static void finish_line(struct recorder *r)
{
	double t = (double)(r->partial_ns - r->zero_ns) / 1e9;
	struct buf stamped = BUF_INIT;
	char *line;

	while (r->partial.len && r->partial.data[r->partial.len - 1] == '\r')
		r->partial.len--;
	line = strndup((const char *)r->partial.data, r->partial.len);
	buf_clear(&r->partial);
	if (!line)
		return;
	if (r->file >= 0 &&
	    (buf_printf(&stamped, &r->lost, "[%8.3f] %s\n", t, line) ||
	     fsio_write_all(r->file, stamped.data, stamped.len, "a console log",
			    &r->lost))) {
		/* Reported by the owner; going on without the file keeps the rest. */
		close(r->file);
		r->file = -1;
	}
	buf_release(&stamped);
	free(r->ring[r->n % RECORDER_LINES]);
	r->ring[r->n % RECORDER_LINES] = line;
	r->n++;
	if (r->on_line)
		r->on_line(r->arg, t, line);
}

static void take(struct recorder *r, const char *data, size_t len)
{
	int64_t now = clock_ns();

	while (len) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) : len;
		size_t room = RECORDER_LINE_MAX - r->partial.len;
		bool cut = n > room;

		if (!r->partial.len)
			r->partial_ns = now;
		if (cut) {
			n = room;
			nl = NULL;
		}
		if (buf_append(&r->partial, data, n, &r->lost))
			return;
		if (nl || cut)
			finish_line(r);
		data += n + (nl ? 1 : 0);
		len -= n + (nl ? 1 : 0);
	}
}

static void end(struct recorder *r)
{
	if (r->source.fd >= 0)
		close(r->source.fd);
	r->source.fd = -1;
	if (r->partial.len)
		finish_line(r);
}

static void on_ready(void *arg, short revents)
{
	struct recorder *r = arg;
	char chunk[16384];
	ssize_t n;

	(void)revents;
	n = read(r->source.fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		take(r, chunk, (size_t)n);
	else
		end(r);
}

int recorder_init(struct recorder *r, int fd, const char *path, int64_t zero_ns,
		  struct err *e)
{
	*r = (struct recorder){
		.source = {.fd = fd, .events = POLLIN, .ready = on_ready, .arg = r},
		.zero_ns = zero_ns,
		.file = -1,
	};
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (!path)
		return 0;
	r->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return r->file < 0 ? err_sys(e, "opening %s", path) : 0;
}

void recorder_release(struct recorder *r)
{
	end(r);
	if (r->file >= 0)
		close(r->file);
	r->file = -1;
	for (size_t i = 0; i < RECORDER_LINES; i++) {
		free(r->ring[i]);
		r->ring[i] = NULL;
	}
	buf_release(&r->partial);
}

const char *recorder_line(const struct recorder *r, size_t i)
{
	if (i >= r->n || r->n - i > RECORDER_LINES)
		return NULL;
	return r->ring[i % RECORDER_LINES];
}
