/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "images/sparse.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_range(int in, int out, off_t from, off_t to, struct err *e)
{
	while (from < to) {
		off_t at = from;
		ssize_t n = copy_file_range(in, &from, out, &at, (size_t)(to - from), 0);

		if (n < 0)
			return err_sys(e, "copying at offset %lld", (long long)from);
		if (n == 0)
			return err_set(e, E_IO, "file shrank while it was copied");
	}
	return 0;
}

static int copy_data(int in, int out, off_t size, struct err *e)
{
	off_t data = 0, hole = 0;

	while (hole < size) {
		int r;

		data = lseek(in, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, "looking for data");
		r = copy_range(in, out, data, hole, e);
		if (r)
			return r;
	}
	return 0;
}

int sparse_copy(const char *from, const char *to, struct err *e)
{
	struct stat st;
	int in, out = -1, r = 0;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st))
		r = err_sys(e, "opening %s", from);
	if (!r) {
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (out < 0 || ftruncate(out, st.st_size))
			r = err_sys(e, "creating %s", to);
	}
	if (!r) {
		r = copy_data(in, out, st.st_size, e);
		if (r)
			r = err_ctx(e, "%s to %s", from, to);
	}
	if (out >= 0 && close(out) && !r)
		r = err_sys(e, "closing %s", to);
	if (in >= 0)
		close(in);
	return r;
}
