/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/log_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "harness/match.h"
#include "sim/base/clock.h"

struct reader {
	const char *path, *pattern;
	FILE *file; /* NULL: it is not there yet */
	char *line; /* of getline(3) */
	size_t size;
	long at; /* behind the last whole line */
};

static int open_file(struct reader *r, struct err *e)
{
	if (r->file)
		return 0;
	r->file = fopen(r->path, "re");
	return r->file || errno == ENOENT ? 0 : err_sys(e, "%s", r->path);
}

/* Read on. *ret_found: the line is in r->line, without its end. */
static int read_lines(struct reader *r, bool *ret_found, struct err *e)
{
	ssize_t len;
	int ret = open_file(r, e);

	*ret_found = false;
	if (ret || !r->file)
		return ret;
	clearerr(r->file);
	if (fseek(r->file, r->at, SEEK_SET))
		return err_sys(e, "%s", r->path);
	while ((len = getline(&r->line, &r->size, r->file)) > 0 && r->line[len - 1] == '\n') {
		r->at += len;
		r->line[len - 1] = '\0';
		*ret_found = match_like(r->pattern, r->line);
		if (*ret_found)
			return 0;
	}
	return ferror(r->file) ? err_sys(e, "%s", r->path) : 0;
}

/* Look, or be told; the watch was there before the first look, so that nothing is missed. */
static int wait_lines(struct reader *r, int watch, int timeout_ms, struct err *e)
{
	int64_t end = clock_ms() + timeout_ms, left;
	struct pollfd p = {.fd = watch, .events = POLLIN};
	char events[4096];
	bool found = false;
	int ret;

	for (;;) {
		ret = read_lines(r, &found, e);
		if (ret || found)
			return ret;
		left = end - clock_ms();
		if (left <= 0)
			return err_set(e, E_TIMEOUT, "%s has no line like '%s'", r->path,
				       r->pattern);
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
}

static int watch_folder_of(const char *path, int *ret, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!slash || snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path) >=
			      (int)sizeof(folder))
		return err_set(e, E_INVAL, "'%s' is not a full path", path);
	*ret = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (*ret < 0)
		return err_sys(e, "inotify");
	if (inotify_add_watch(*ret, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_sys(e, "%s", folder);
	return 0;
}

int log_wait(const char *path, const char *pattern, int timeout_ms, struct buf *line,
	     struct err *e)
{
	struct reader r = {.path = path, .pattern = pattern};
	int watch = -1, ret = watch_folder_of(path, &watch, e);

	if (!ret)
		ret = wait_lines(&r, watch, timeout_ms, e);
	if (!ret)
		ret = buf_printf(line, e, "%s", r.line);
	if (watch >= 0)
		close(watch);
	if (r.file)
		fclose(r.file);
	free(r.line);
	return ret;
}
