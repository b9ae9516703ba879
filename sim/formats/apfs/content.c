/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SEEK_DATA */
#include "sim/formats/apfs/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/apfs/raw.h"

/* Where bytes come from: memory, or the file @fd. */
struct source {
	const uint8_t *data;
	int fd;
	const char *what;
};

/* A file that is mostly hole is not read for its zeros. */
static bool is_hole(const struct source *s, uint64_t off, size_t len)
{
	off_t data = lseek(s->fd, (off_t)off, SEEK_DATA);

	return data < 0 ? errno == ENXIO : (uint64_t)data >= off + len;
}

static int source_get(const struct source *s, uint64_t off, uint8_t *to, size_t len,
		      struct err *e)
{
	if (!s->data && is_hole(s, off, len)) {
		memset(to, 0, len);
		return 0;
	}
	if (!s->data)
		return fsio_pread_all(s->fd, to, len, off, s->what, e);
	memcpy(to, s->data + off, len);
	return 0;
}

static int copy(struct apfs_out *out, const struct source *s, uint64_t len,
		uint64_t *ret_block, struct err *e)
{
	uint64_t off = 0, block;
	int rc = 0;

	*ret_block = 0;
	while (off < len && rc == 0) {
		uint8_t *mem;
		size_t got, bytes;

		rc = apfs_out_take(out, apfs_blocks_of(len - off), &mem, &got, &block, e);
		if (rc != 0)
			break;
		if (off == 0)
			*ret_block = block;
		bytes = got * APFS_BLOCK_SIZE;
		if (bytes > len - off) {
			bytes = (size_t)(len - off);
			memset(mem + bytes, 0, got * APFS_BLOCK_SIZE - bytes);
		}
		rc = source_get(s, off, mem, bytes, e);
		off += bytes;
	}
	return rc;
}

int apfs_content_bytes(struct apfs_out *out, const void *data, uint64_t len,
		       uint64_t *ret_block, struct err *e)
{
	return copy(out, &(struct source){.data = data}, len, ret_block, e);
}

int apfs_content_file(struct apfs_out *out, const struct fs_node *n, uint64_t *ret_block,
		      struct err *e)
{
	struct source s = {.what = n->host_path};
	struct stat st;
	int rc;

	if (!n->host_path)
		return apfs_content_bytes(out, n->data, n->size, ret_block, e);
	s.fd = open(n->host_path, O_RDONLY | O_CLOEXEC);
	if (s.fd < 0)
		return err_sys(e, "%s", n->host_path);
	if (fstat(s.fd, &st) != 0)
		rc = err_sys(e, "%s", n->host_path);
	else if ((uint64_t)st.st_size != n->size)
		rc = err_set(e, E_CORRUPT, "%s changed while the image was written",
			     n->host_path);
	else
		rc = copy(out, &s, n->size, ret_block, e);
	close(s.fd);
	return rc;
}
