/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "images/sparse.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define CHUNK 65536u

/* Between file systems that cannot do it themselves. */
static int copy_by_hand(int in, int out, off_t from, off_t to, struct err *e)
{
	uint8_t *buf = malloc(CHUNK);
	int r = buf ? 0 : err_set(e, E_NOMEM, "out of memory");

	while (from < to && !r) {
		size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;

		r = fsio_pread_all(in, buf, n, (uint64_t)from, "the original", e);
		if (!r)
			r = fsio_pwrite_all(out, buf, n, (uint64_t)from, "the copy", e);
		from += (off_t)n;
	}
	free(buf);
	return r;
}

static int copy_range(int in, int out, off_t from, off_t to, struct err *e)
{
	while (from < to) {
		off_t at = from;
		ssize_t n = copy_file_range(in, &from, out, &at, (size_t)(to - from), 0);

		if (n < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS ||
			      errno == EINVAL))
			return copy_by_hand(in, out, from, to, e);
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

static bool all_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static bool hash_chunk(EVP_MD_CTX *md, const uint8_t *p, size_t n, uint64_t off)
{
	return all_zero(p, n) || (EVP_DigestUpdate(md, &off, sizeof(off)) == 1 &&
				  EVP_DigestUpdate(md, p, n) == 1);
}

static int hash_range(int fd, EVP_MD_CTX *md, uint8_t *buf, uint64_t from, uint64_t to,
		      uint64_t size, struct err *e)
{
	for (; from < to; from += CHUNK) {
		size_t n = size - from < CHUNK ? (size_t)(size - from) : CHUNK;
		int r = fsio_pread_all(fd, buf, n, from, "file", e);

		if (r)
			return r;
		if (!hash_chunk(md, buf, n, from))
			return err_set(e, E_NOMEM, "SHA-256 failed");
	}
	return 0;
}

/* In chunks that are counted from the file's beginning, wherever its data begins. */
static int hash_data(int fd, EVP_MD_CTX *md, uint8_t *buf, uint64_t size, struct err *e)
{
	uint64_t done = 0;
	int r = 0;

	while (done < size && !r) {
		off_t data = lseek(fd, (off_t)done, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, "looking for data");
		if ((uint64_t)data > done)
			done = (uint64_t)data / CHUNK * CHUNK;
		r = hash_range(fd, md, buf, done, (uint64_t)hole, size, e);
		done = ((uint64_t)hole + CHUNK - 1) / CHUNK * CHUNK;
	}
	return r;
}

int sparse_hash(const char *path, char ret[static SPARSE_HASH_LEN], struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE], *buf = malloc(CHUNK);
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;
	uint64_t size;

	if (fd < 0 || fstat(fd, &st))
		r = err_sys(e, "opening %s", path);
	else if (!buf || !md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		r = err_set(e, E_NOMEM, "SHA-256 is not available");
	if (!r) {
		size = (uint64_t)st.st_size;
		EVP_DigestUpdate(md, &size, sizeof(size));
		r = hash_data(fd, md, buf, size, e);
		if (r)
			err_ctx(e, "%s", path);
	}
	if (!r && EVP_DigestFinal_ex(md, digest, NULL) != 1)
		r = err_set(e, E_NOMEM, "SHA-256 failed");
	for (size_t i = 0; !r && i < 32; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	EVP_MD_CTX_free(md);
	free(buf);
	if (fd >= 0)
		close(fd);
	return r;
}
