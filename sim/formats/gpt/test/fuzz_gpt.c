/* SPDX-License-Identifier: MIT */
/* Any bytes as a disk: partition table, with checksums made to fit, and qcow2 image. */
#include <string.h>
#include <zlib.h>

#include "sim/base/bytes.h"
#include "sim/base/ckd.h"
#include "sim/formats/gpt/gpt.h"
#include "sim/formats/vdisk/vdisk_impl.h"

struct mem_disk {
	struct vdisk base;
	uint8_t *data;
};

static int mem_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
{
	(void)e;
	memcpy(buf, ((struct mem_disk *)d)->data + off, len);
	return 0;
}

static void mem_close(struct vdisk *d)
{
	(void)d;
}

static void fit_checksums(uint8_t *p, size_t len)
{
	uint8_t *h = p + 512;
	uint64_t at;
	uint32_t size, bytes;

	if (len < 1024)
		return;
	if (!ckd_mul(&at, get_le64(h + 72), 512ull) &&
	    !ckd_mul(&bytes, get_le32(h + 80), get_le32(h + 84)) &&
	    range_inside(at, bytes, len))
		put_le32(h + 88, (uint32_t)crc32(0, p + at, bytes));
	size = get_le32(h + 12);
	memset(h + 16, 0, 4);
	if (size <= 512)
		put_le32(h + 16, (uint32_t)crc32(0, h, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct vdisk_ops ops = {.read = mem_read, .close = mem_close};
	static uint8_t copy[65536], sector[512];
	struct mem_disk d = {.base = {.ops = &ops, .size = len}, .data = copy};
	struct vdisk *q;
	struct err e;
	struct gpt g;

	if (len > sizeof(copy))
		return 0;
	memcpy(copy, data, len);
	if (!qcow2_open(&d.base, "/nowhere/x", (struct vdisk_how){.depth = 0}, &q, &e)) {
		for (uint64_t off = 0; off < q->size && off < 1u << 20; off += 65536)
			(void)!vdisk_read(q, off, sector, 1, &e);
		if (q->size >= sizeof(sector))
			(void)!vdisk_read(q, q->size - sizeof(sector), sector, sizeof(sector),
					  &e);
		vdisk_close(q);
	}
	fit_checksums(copy, len);
	if (!gpt_read(&d.base, &g, &e)) {
		(void)gpt_find(&g, GPT_TYPE_APFS, 0);
		gpt_release(&g);
	}
	return 0;
}
