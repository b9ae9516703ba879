/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/base/fsio.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fsio_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	size_t start = out->len;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "opening %s", path);
	for (;;) {
		ssize_t n;

		r = buf_reserve(out, 65536, e);
		if (r)
			break;
		n = read(fd, out->data + out->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = err_sys(e, "reading %s", path);
			break;
		}
		if (n == 0)
			break;
		out->len += (size_t)n;
		if (out->len - start > max) {
			r = err_set(e, E_OVERFLOW, "%s is larger than %zu bytes", path,
				    max);
			break;
		}
	}
	close(fd);
	return r;
}

int fsio_write_all(int fd, const void *data, size_t len, const char *what, struct err *e)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "writing %s", what);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fsio_pread_all(int fd, void *data, size_t len, uint64_t off, const char *what,
		   struct err *e)
{
	uint8_t *p = data;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "reading %s at offset %llu", what,
				       (unsigned long long)off);
		if (n == 0)
			return err_set(e, E_CORRUPT, "%s ends at offset %llu, %zu bytes early",
				       what, (unsigned long long)off, len);
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int fsio_pwrite_all(int fd, const void *data, size_t len, uint64_t off, const char *what,
		    struct err *e)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "writing %s at offset %llu", what,
				       (unsigned long long)off);
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int fsio_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
		      struct err *e)
{
	char tmp[PATH_MAX];
	int fd, r;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "creating %s", tmp);
	r = fsio_write_all(fd, data, len, path, e);
	if (!r && (fchmod(fd, mode) || fsync(fd)))
		r = err_sys(e, "writing %s", path);
	if (close(fd) && !r)
		r = err_sys(e, "closing %s", path);
	if (!r && rename(tmp, path))
		r = err_sys(e, "renaming to %s", path);
	if (r)
		unlink(tmp);
	return r;
}

int fsio_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	memcpy(part, path, len + 1);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return err_sys(e, "making folder %s", part);
		*p = '/';
	}
	if (mkdir(part, mode) && errno != EEXIST)
		return err_sys(e, "making folder %s", part);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int fsio_remove_tree(const char *path, struct err *e)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) && errno != ENOENT)
		return err_sys(e, "removing %s", path);
	return 0;
}

bool fsio_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

size_t fsio_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) || (path[n] != '/' && path[n]) ? 0 : n;
}

int fsio_join(char *out, size_t size, const char *a, const char *b, struct err *e)
{
	size_t n = strlen(a);

	while (n > 1 && a[n - 1] == '/')
		n--;
	while (*b == '/')
		b++;
	if (snprintf(out, size, "%.*s%s%s", (int)n, a, n == 1 && a[0] == '/' ? "" : "/", b) >=
	    (int)size)
		return err_set(e, E_OVERFLOW, "path too long: %s/%s", a, b);
	return 0;
}
