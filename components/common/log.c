/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/common/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define LINE_MAX_BYTES (ERR_MSG_MAX + 1024)

/* A sink has nobody to tell that it cannot write. */
static void write_line(int fd, const char *line, size_t len)
{
	struct err e = ERR_INIT;

	if (fsio_write_all(fd, line, len, "log", &e))
		err_clear(&e);
}

static void to_stdio(void *arg, enum clog_level level, const char *text)
{
	bool bad = level == CLOG_ERROR || level == CLOG_WARNING;
	char line[LINE_MAX_BYTES];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	(void)arg;
	if (n > 0)
		write_line(bad ? STDERR_FILENO : STDOUT_FILENO, line,
			   (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

const struct component_log log_stdio = {.line = to_stdio, .max = CLOG_DEBUG};

static void to_stderr(void *arg, enum clog_level level, const char *text)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "%s\n", text);
}

struct component_log log_plain_stderr(enum clog_level max)
{
	return (struct component_log){.line = to_stderr, .max = max};
}

int log_file_open(struct log_file *f, const char *path, const char *program,
		  struct err *e)
{
	char dir[PATH_MAX];
	char *slash;

	f->fd = -1;
	f->program = program;
	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		if (fsio_mkdirs(dir, 0755, e))
			return err_ctx(e, "log file");
	}
	f->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	return f->fd < 0 ? err_sys(e, "log file %s", path) : 0;
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static void to_file(void *arg, enum clog_level level, const char *text)
{
	const struct log_file *f = arg;
	time_t now = time(NULL);
	char stamp[32], line[LINE_MAX_BYTES];
	struct utsname u;
	struct tm tm;
	int n;

	(void)level;
	if (f->fd < 0 || uname(&u) || !localtime_r(&now, &tm))
		return;
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s %s %s[%d]: %s\n", stamp, u.nodename,
		     f->program, (int)getpid(), text);
	if (n > 0)
		write_line(f->fd, line,
			   (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

struct component_log log_file_sink(struct log_file *f, enum clog_level max)
{
	return (struct component_log){.line = to_file, .arg = f, .max = max};
}
