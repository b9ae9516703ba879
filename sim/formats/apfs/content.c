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

/*
 * Take @n blocks, which room was made for, for the stream from its block @offset on. They
 * lie behind each other in memory, from *@ret_mem on, though not always on the disk.
 */
static int take(struct apfs_out *out, struct apfs_streams *to, uint64_t id,
		uint64_t offset, size_t n, uint8_t **ret_mem, struct err *e)
{
	int rc = 0;

	*ret_mem = NULL;
	for (size_t done = 0, got; done < n && rc == 0; done += got) {
		struct apfs_run run = {.owner = id, .offset = offset + done};
		uint8_t *mem;

		rc = apfs_out_take(out, n - done, &mem, &got, &run.block, e);
		if (rc != 0)
			break;
		if (done == 0)
			*ret_mem = mem;
		run.count = got;
		rc = apfs_streams_add_run(to, &run, e);
	}
	return rc;
}

/* @hash is that of the first of the pieces that @mem begins with. */
static void hash_pieces(struct apfs_out *out, const uint8_t *mem, size_t n, uint8_t *hash)
{
	for (size_t i = 0; i < n; i += APFS_HASHED_BLOCKS, hash += SHA256_SIZE) {
		size_t left = n - i;

		apfs_out_hash(out, mem + i * APFS_BLOCK_SIZE,
			      left < APFS_HASHED_BLOCKS ? left : APFS_HASHED_BLOCKS,
			      hash);
	}
}

static int copy(struct apfs_out *out, struct apfs_streams *to, uint64_t id,
		const struct source *s, uint64_t len, struct err *e)
{
	const uint64_t n_blocks = apfs_blocks_of(len);
	const size_t whole = to->hashed ? APFS_HASHED_BLOCKS : 1;
	uint8_t *hashes = NULL;
	int rc = 0;

	if (to->hashed && n_blocks > 0)
		rc = apfs_streams_add_hashes(to, id, n_blocks, &hashes, e);
	for (uint64_t at = 0; at < n_blocks && rc == 0;) {
		uint64_t off = at * APFS_BLOCK_SIZE;
		uint8_t *mem;
		size_t n, bytes;

		rc = apfs_out_room(out, n_blocks - at, whole, &n, e);
		if (rc == 0)
			rc = take(out, to, id, at, n, &mem, e);
		if (rc != 0)
			break;
		bytes = n * APFS_BLOCK_SIZE;
		if (bytes > len - off) {
			memset(mem + (len - off), 0, bytes - (size_t)(len - off));
			bytes = (size_t)(len - off);
		}
		rc = source_get(s, off, mem, bytes, e);
		if (rc == 0 && hashes)
			hash_pieces(out, mem, n,
				    hashes + at / APFS_HASHED_BLOCKS * SHA256_SIZE);
		at += n;
	}
	return rc;
}

int apfs_content_bytes(struct apfs_out *out, struct apfs_streams *to, uint64_t id,
		       const void *data, uint64_t len, struct err *e)
{
	return copy(out, to, id, &(struct source){.data = data}, len, e);
}

int apfs_content_file(struct apfs_out *out, struct apfs_streams *to, uint64_t id,
		      const struct fs_node *n, struct err *e)
{
	struct source s = {.what = n->host_path};
	struct stat st;
	int rc;

	if (!n->host_path)
		return apfs_content_bytes(out, to, id, n->data, n->size, e);
	s.fd = open(n->host_path, O_RDONLY | O_CLOEXEC);
	if (s.fd < 0)
		return err_sys(e, "%s", n->host_path);
	if (fstat(s.fd, &st) != 0)
		rc = err_sys(e, "%s", n->host_path);
	else if ((uint64_t)st.st_size != n->size)
		rc = err_set(e, E_CORRUPT, "%s changed while the image was written",
			     n->host_path);
	else
		rc = copy(out, to, id, &s, n->size, e);
	close(s.fd);
	return rc;
}
