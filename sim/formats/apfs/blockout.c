/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* fallocate */

#include "sim/formats/apfs/blockout.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/apfs/raw.h"

#define BUFFER_BLOCKS                                                                    \
	256u /* 1 MiB: large enough for the disk, small enough for the cache */

static int make_hole(int fd, uint64_t offset, uint64_t size, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, "disk image");
	if (S_ISREG(st.st_mode)) {
		if ((uint64_t)st.st_size < offset + size &&
		    ftruncate(fd, (off_t)(offset + size)) != 0)
			return err_sys(e, "disk image");
		if ((uint64_t)st.st_size <= offset)
			return 0;
	}
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)size) != 0)
		return err_sys(e, "disk image: cannot discard what is there");
	return 0;
}

int apfs_out_init(struct apfs_out *o, int fd, uint64_t offset, uint64_t n_blocks,
		  uint64_t first, struct err *e)
{
	int rc = make_hole(fd, offset, n_blocks * APFS_BLOCK_SIZE, e);

	if (rc != 0)
		return rc;
	*o = (struct apfs_out){
		.fd = fd, .offset = offset, .n_blocks = n_blocks, .next = first};
	o->buf = malloc(BUFFER_BLOCKS * APFS_BLOCK_SIZE);
	if (!o->buf)
		return err_set(e, E_NOMEM, "out of memory for a write buffer");
	return 0;
}

void apfs_out_release(struct apfs_out *o)
{
	free(o->buf);
	o->buf = NULL;
}

static bool is_zero(const uint8_t *block)
{
	/* A block equal to itself moved by one byte has one value throughout. */
	return block[0] == 0 && memcmp(block, block + 1, APFS_BLOCK_SIZE - 1) == 0;
}

int apfs_out_flush(struct apfs_out *o, struct err *e)
{
	uint64_t base = o->next - o->fill;
	int rc = 0;

	for (size_t i = 0, run; i < o->fill && rc == 0; i += run) {
		const uint8_t *p = o->buf + i * APFS_BLOCK_SIZE;

		run = 0;
		while (i + run < o->fill && !is_zero(p + run * APFS_BLOCK_SIZE))
			run++;
		if (run > 0)
			rc = fsio_pwrite_all(o->fd, p, run * APFS_BLOCK_SIZE,
					     o->offset + (base + i) * APFS_BLOCK_SIZE,
					     "disk image", e);
		else
			run = 1;
	}
	o->fill = 0;
	return rc;
}

int apfs_out_take(struct apfs_out *o, uint64_t want, uint8_t **ret_mem, size_t *ret_got,
		  uint64_t *ret_block, struct err *e)
{
	size_t got;

	if (want > o->n_blocks - o->next)
		return err_set(e, E_NOSPC,
			       "container of %llu blocks is full: %llu more are needed",
			       (unsigned long long)o->n_blocks,
			       (unsigned long long)(want - (o->n_blocks - o->next)));
	if (o->fill == BUFFER_BLOCKS) {
		int rc = apfs_out_flush(o, e);

		if (rc != 0)
			return rc;
	}
	got = BUFFER_BLOCKS - o->fill;
	if (got > want)
		got = (size_t)want;
	*ret_mem = o->buf + o->fill * APFS_BLOCK_SIZE;
	*ret_got = got;
	*ret_block = o->next;
	o->fill += got;
	o->next += got;
	return 0;
}

int apfs_out_block(struct apfs_out *o, uint8_t **ret_mem, uint64_t *ret_block,
		   struct err *e)
{
	size_t got;
	int rc = apfs_out_take(o, 1, ret_mem, &got, ret_block, e);

	if (rc == 0)
		memset(*ret_mem, 0, APFS_BLOCK_SIZE);
	return rc;
}

int apfs_out_put(struct apfs_out *o, uint64_t block, const void *data, struct err *e)
{
	return fsio_pwrite_all(o->fd, data, APFS_BLOCK_SIZE,
			       o->offset + block * APFS_BLOCK_SIZE, "disk image", e);
}
