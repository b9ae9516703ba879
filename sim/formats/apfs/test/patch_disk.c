/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SEEK_DATA */
#include "sim/formats/apfs/test/patch_disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/bytes.h"
#include "sim/formats/apfs/common.h"

static struct patch_block **bucket_of(struct patch_disk *p, uint64_t bno)
{
	return &p->bucket[bno * 0x9e3779b97f4a7c15ull >> 52];
}
_Static_assert(PATCH_BUCKETS == 1 << (64 - 52), "the hash fills the buckets");

static struct patch_block *find(struct patch_disk *p, uint64_t bno)
{
	struct patch_block *b = *bucket_of(p, bno);

	while (b && b->bno != bno)
		b = b->next;
	return b;
}

static struct patch_block *add(struct patch_disk *p, uint64_t bno)
{
	struct patch_block *b = calloc(1, sizeof(*b)), **bucket = bucket_of(p, bno);

	if (!b)
		abort();
	b->bno = bno;
	b->next = *bucket;
	*bucket = b;
	return b;
}

static int patch_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
{
	struct patch_disk *p = (struct patch_disk *)d;
	uint8_t *to = buf;

	(void)e;
	while (len > 0) {
		size_t in = off % PATCH_BLOCK;
		size_t n = len < PATCH_BLOCK - in ? len : PATCH_BLOCK - in;
		const struct patch_block *b = find(p, off / PATCH_BLOCK);

		if (b)
			memcpy(to, b->now + in, n);
		else
			memset(to, 0, n);
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int patch_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		       struct err *e)
{
	struct patch_disk *p = (struct patch_disk *)d;
	const uint8_t *from = buf;

	while (len > 0) {
		size_t in = off % PATCH_BLOCK;
		size_t n = len < PATCH_BLOCK - in ? len : PATCH_BLOCK - in;
		struct patch_block *b = find(p, off / PATCH_BLOCK);

		if (!b && p->n_written++ == p->max_written)
			return err_set(e, E_NOSPC, "the disk in memory is full");
		if (!b)
			b = add(p, off / PATCH_BLOCK);
		memcpy(b->now + in, from, n);
		b->changed = true;
		from += n;
		off += n;
		len -= n;
	}
	return 0;
}

static void nothing(struct vdisk *d)
{
	(void)d;
}

static void load_block(struct patch_disk *p, int fd, uint64_t bno)
{
	static const uint8_t zero[PATCH_BLOCK];
	uint8_t data[PATCH_BLOCK] = {0};
	struct patch_block *b;

	if (pread(fd, data, sizeof(data), (off_t)(bno * PATCH_BLOCK)) < 0)
		abort();
	if (memcmp(data, zero, sizeof(data)) == 0)
		return;
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->v = reallocarray(p->v, p->cap, sizeof(struct patch_block *));
		if (!p->v)
			abort();
	}
	b = p->v[p->n++] = add(p, bno);
	memcpy(b->good, data, sizeof(data));
	memcpy(b->now, data, sizeof(data));
	b->summed = apfs_checksum_ok(data, sizeof(data));
}

void patch_disk_load(struct patch_disk *p, int fd)
{
	static const struct vdisk_ops ops = {
		.read = patch_read, .write = patch_write, .close = nothing};
	struct stat st;
	off_t at = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		abort();
	*p = (struct patch_disk){.base = {.ops = &ops, .size = (uint64_t)st.st_size},
				 .max_written = 20000};
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		at -= at % (off_t)PATCH_BLOCK;
		load_block(p, fd, (uint64_t)at / PATCH_BLOCK);
		at += PATCH_BLOCK;
	}
}

static bool is_of_image(const struct patch_block *b)
{
	static const uint8_t zero[PATCH_BLOCK];

	return memcmp(b->good, zero, sizeof(zero)) != 0;
}

void patch_disk_reset(struct patch_disk *p)
{
	for (size_t i = 0; i < PATCH_BUCKETS; i++) {
		struct patch_block **at = &p->bucket[i];

		while (*at) {
			struct patch_block *b = *at;

			if (!is_of_image(b)) {
				*at = b->next;
				free(b);
				continue;
			}
			if (b->changed)
				memcpy(b->now, b->good, sizeof(b->now));
			b->changed = false;
			at = &b->next;
		}
	}
	p->n_written = 0;
}

void patch_disk_release(struct patch_disk *p)
{
	patch_disk_reset(p);
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct patch_disk){.v = NULL};
}

void patch_disk_set(struct patch_disk *p, size_t i, size_t off, const void *bytes,
		    size_t len)
{
	struct patch_block *b = p->v[i];

	if (off >= PATCH_BLOCK)
		return;
	memcpy(b->now + off, bytes, len < PATCH_BLOCK - off ? len : PATCH_BLOCK - off);
	b->changed = true;
}

void patch_disk_seal(struct patch_disk *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->changed && p->v[i]->summed)
			put_le64(p->v[i]->now, apfs_checksum(p->v[i]->now, PATCH_BLOCK));
}
