/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kcditto/bom_copier.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COPY_CHUNK (256 * 1024)

/* Whose fault was it? A copy that fails names the source or the destination. */
enum fault { FAULT_NONE, FAULT_SOURCE, FAULT_DESTINATION };

static enum fault copy_data(int in, int out)
{
	enum fault fault = FAULT_NONE;
	char *chunk = malloc(COPY_CHUNK);

	if (!chunk)
		return FAULT_SOURCE;
	while (fault == FAULT_NONE) {
		ssize_t n = read(in, chunk, COPY_CHUNK), done = 0;

		if (n < 0)
			fault = FAULT_SOURCE;
		if (n <= 0)
			break;
		while (done < n) {
			ssize_t w = write(out, chunk + done, (size_t)(n - done));

			if (w < 0) {
				fault = FAULT_DESTINATION;
				break;
			}
			done += w;
		}
	}
	free(chunk);
	return fault;
}

/* Attributes of the carrier (security.*, system.*) are not the Mac's. */
static bool is_mac_xattr(const char *name)
{
	return strncmp(name, "security.", 9) && strncmp(name, "system.", 7);
}

static bool copy_xattr(int in, int out, const char *name)
{
	char value[XATTR_SIZE_MAX];
	ssize_t n = fgetxattr(in, name, value, sizeof(value));

	return n >= 0 && !fsetxattr(out, name, value, (size_t)n, 0);
}

/* A file system without attributes has none to copy. */
static enum fault copy_xattrs(int in, int out)
{
	char names[XATTR_LIST_MAX];
	ssize_t len = flistxattr(in, names, sizeof(names));

	if (len < 0)
		return errno == ENOTSUP ? FAULT_NONE : FAULT_SOURCE;
	for (const char *p = names; p < names + len; p += strlen(p) + 1)
		if (is_mac_xattr(p) && !copy_xattr(in, out, p))
			return FAULT_DESTINATION;
	return FAULT_NONE;
}

/* The owner before the mode, because a change of owner clears set-user-id bits. */
static enum fault copy_metadata(const struct stat *st, int out)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(out, st->st_uid, st->st_gid) || fchmod(out, st->st_mode & 07777) ||
	    futimens(out, times))
		return FAULT_DESTINATION;
	return FAULT_NONE;
}

static enum fault fill(int in, const struct stat *st, int out)
{
	enum fault f = copy_data(in, out);

	if (f == FAULT_NONE)
		f = copy_xattrs(in, out);
	if (f == FAULT_NONE)
		f = copy_metadata(st, out);
	return f;
}

static enum fault copy_file(const char *src, const char *dst, char *tmp)
{
	enum fault f;
	struct stat st;
	int in, out, saved;

	in = open(src, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in < 0)
		return FAULT_SOURCE;
	out = fstat(in, &st) ? -1 : mkostemp(tmp, O_CLOEXEC);
	if (out < 0) {
		saved = errno;
		close(in);
		errno = saved;
		return FAULT_DESTINATION;
	}
	f = fill(in, &st, out);
	saved = errno;
	close(in);
	if (close(out) && f == FAULT_NONE) {
		f = FAULT_DESTINATION;
		saved = errno;
	}
	if (f == FAULT_NONE && rename(tmp, dst)) {
		f = FAULT_DESTINATION;
		saved = errno;
	}
	if (f != FAULT_NONE)
		unlink(tmp);
	errno = saved;
	return f;
}

static enum fault copy_link(const char *src, const char *dst, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlink(src, target, sizeof(target) - 1);

	if (n < 0)
		return FAULT_SOURCE;
	target[n] = '\0';
	if (unlink(dst) && errno != ENOENT)
		return FAULT_DESTINATION;
	if (symlink(target, dst) || lchown(dst, st->st_uid, st->st_gid))
		return FAULT_DESTINATION;
	return FAULT_NONE;
}

static enum fault copy_any(const char *src, const char *dst, char *tmp)
{
	struct stat st;

	if (lstat(src, &st))
		return FAULT_SOURCE;
	if (S_ISREG(st.st_mode))
		return copy_file(src, dst, tmp);
	if (S_ISLNK(st.st_mode))
		return copy_link(src, dst, &st);
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return FAULT_SOURCE;
}

int bom_copy(const struct bom_copier *c, const char *src, const char *dst_dir)
{
	const char *slash = strrchr(src, '/'), *name = slash ? slash + 1 : src;
	char dst[PATH_MAX], tmp[PATH_MAX];

	if (snprintf(dst, sizeof(dst), "%s/%s", dst_dir, name) >= (int)sizeof(dst) ||
	    snprintf(tmp, sizeof(tmp), "%s/" BOM_TEMP_PREFIX "XXXXXX", dst_dir) >=
		    (int)sizeof(tmp)) {
		c->fatal_error(c->arg, "path too long");
		return 1;
	}
	switch (copy_any(src, dst, tmp)) {
	case FAULT_NONE:
		return 0;
	case FAULT_SOURCE:
		c->fatal_file_error(c->arg, errno, src);
		return 1;
	case FAULT_DESTINATION:
		c->file_error(c->arg, errno, dst);
		return 1;
	}
	return 1;
}
