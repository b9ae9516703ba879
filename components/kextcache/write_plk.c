/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextcache/write_plk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define TEMP_LETTERS 4
#define TEMP_TRIES   100

/*
 * mkstemp of a Mac, which fills as many X as there are; glibc's wants six. How the name
 * looks matters: kcditto copies whatever begins with "prelinkedkernel".
 */
static int open_temp(char *path)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789";
	char *x = path + strlen(path) - TEMP_LETTERS;

	for (int i = 0; i < TEMP_TRIES; i++) {
		unsigned char r[TEMP_LETTERS];
		int fd;

		if (getrandom(r, sizeof(r), 0) != sizeof(r))
			return -1;
		for (int j = 0; j < TEMP_LETTERS; j++)
			x[j] = letters[r[j] % (sizeof(letters) - 1)];
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static bool is_same(const char *path, const struct stat *expect)
{
	struct stat st;

	return !lstat(path, &st) && st.st_dev == expect->st_dev &&
	       st.st_ino == expect->st_ino;
}

static int fill(int fd, const char *temp, const void *data, size_t len, mode_t mode,
		const struct component_log *log)
{
	mode_t mask = umask(0);
	struct err e = ERR_INIT;

	umask(mask);
	if (fchmod(fd, mode & ~mask))
		clog_say(log, CLOG_ERROR, "Can't set permissions on %s - %s.", temp,
			 strerror(errno));
	if (fsio_write_all(fd, data, len, temp, &e)) {
		clog_say(log, CLOG_ERROR, "Error %s", e.msg);
		return EX_OSERR;
	}
	return EX_OK;
}

static int put_in_place(const char *temp, const char *path, const struct stat *expect,
			const struct component_log *log)
{
	if (expect && !is_same(path, expect)) {
		clog_say(log, CLOG_ERROR, "File at path '%s' changed, cannot be used",
			 path);
		return EX_SOFTWARE;
	}
	if (rename(temp, path)) {
		clog_say(log, CLOG_ERROR,
			 "Can't rename temporary file '%s' to '%s' - %s.", temp, path,
			 strerror(errno));
		return EX_OSERR;
	}
	return EX_OK;
}

int kc_write_plk(const char *path, const void *data, size_t len, mode_t mode,
		 const struct stat *expect, const struct timespec times[2],
		 const struct component_log *log)
{
	char temp[PATH_MAX];
	int fd, status;

	if (snprintf(temp, sizeof(temp), "%s.XXXX", path) >= (int)sizeof(temp)) {
		clog_say(log, CLOG_ERROR, "Can't create %s.XXXX - %s.", path,
			 strerror(ENAMETOOLONG));
		return EX_SOFTWARE;
	}
	fd = open_temp(temp);
	if (fd < 0) {
		clog_say(log, CLOG_ERROR, "Can't create %s - %s.", temp, strerror(errno));
		return EX_SOFTWARE;
	}
	status = fill(fd, temp, data, len, mode, log);
	if (close(fd) && !status) {
		clog_say(log, CLOG_ERROR, "Error closing %s: %s", temp, strerror(errno));
		status = EX_OSERR;
	}
	if (!status)
		status = put_in_place(temp, path, expect, log);
	if (status) {
		unlink(temp);
		return status;
	}
	if (times && utimensat(AT_FDCWD, path, times, 0))
		clog_say(log, CLOG_ERROR, "Can't update mod time of %s - %s.", path,
			 strerror(errno));
	return EX_OK;
}
