/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* fallocate */

#include "sim/formats/apfs/blockout.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/apfs/raw.h"

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

static int write_fd(void *ctx, uint64_t block, const void *data, size_t len,
		    struct err *e)
{
	const struct apfs_out *o = ctx;

	return fsio_pwrite_all(o->fd, data, len, o->offset + block * APFS_BLOCK_SIZE,
			       "disk image", e);
}

int apfs_out_init(struct apfs_out *o, int fd, uint64_t offset, uint64_t n_blocks,
		  uint64_t first, struct err *e)
{
	*o = (struct apfs_out){
		.fd = fd,
		.offset = offset,
		.run = {first, n_blocks - first},
		.pool = {.write = write_fd, .ctx = o, .skip_zeros = true},
	};
	int rc = make_hole(fd, offset, n_blocks * APFS_BLOCK_SIZE, e);

	return rc != 0 ? rc : apfs_pool_init(&o->pool, e);
}

int apfs_out_init_space(struct apfs_out *o, const struct apfs_out_space *space,
			struct err *e)
{
	*o = (struct apfs_out){
		.fd = -1,
		.space = *space,
		.pool = {.write = space->write, .ctx = space->ctx, .serial = true},
	};
	return apfs_pool_init(&o->pool, e);
}

void apfs_out_release(struct apfs_out *o)
{
	apfs_pool_release(&o->pool);
	o->batch = NULL;
}

static void submit(struct apfs_out *o)
{
	if (o->batch)
		apfs_pool_submit(&o->pool, o->batch);
	o->batch = NULL;
}

int apfs_out_flush(struct apfs_out *o, struct err *e)
{
	submit(o);
	return apfs_pool_drain(&o->pool, e);
}

int apfs_out_room(struct apfs_out *o, uint64_t want, size_t whole, size_t *ret,
		  struct err *e)
{
	size_t room = o->batch ? APFS_BATCH_BLOCKS - o->batch->n : 0;

	if (room < whole && room < want) {
		submit(o);
		int rc = apfs_pool_get(&o->pool, &o->batch, e);

		if (rc != 0)
			return rc;
		room = APFS_BATCH_BLOCKS;
	}
	*ret = room < want ? room - room % whole : (size_t)want;
	return 0;
}

static int next_run(struct apfs_out *o, uint64_t want, struct err *e)
{
	int rc = 0;

	if (o->run.count == 0 && o->space.next_run)
		rc = o->space.next_run(o->space.ctx, &o->run, e);
	if (rc == 0 && o->run.count == 0)
		rc = err_set(e, E_NOSPC, "container is full: %llu more blocks are needed",
			     (unsigned long long)want);
	return rc;
}

int apfs_out_take(struct apfs_out *o, uint64_t want, uint8_t **ret_mem, size_t *ret_got,
		  uint64_t *ret_block, struct err *e)
{
	size_t got;
	int rc = apfs_out_room(o, want, 1, &got, e);

	if (rc == 0)
		rc = next_run(o, want, e);
	if (rc != 0)
		return rc;
	struct apfs_batch *b = o->batch;

	if (got > o->run.count)
		got = (size_t)o->run.count;
	*ret_mem = b->mem + b->n * APFS_BLOCK_SIZE;
	*ret_got = got;
	*ret_block = o->run.block;
	for (size_t i = 0; i < got; i++)
		b->addr[b->n++] = o->run.block++;
	o->run.count -= got;
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

void apfs_out_hash(struct apfs_out *o, const uint8_t *mem, size_t count, uint8_t *out)
{
	struct apfs_batch *b = o->batch;

	b->hash[b->n_hashes].first = (size_t)(mem - b->mem) / APFS_BLOCK_SIZE;
	b->hash[b->n_hashes].count = count;
	b->hash[b->n_hashes++].out = out;
}

int apfs_out_put(struct apfs_out *o, uint64_t block, const void *data, struct err *e)
{
	return apfs_pool_write(&o->pool, block, data, APFS_BLOCK_SIZE, e);
}
