/* SPDX-License-Identifier: MIT */
/* Raw and qcow2 disks; the images are made by qemu-img and qemu-io. */
#include "sim/base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/formats/vdisk/vdisk.h"

#define MIB (1024u * 1024u)

static bool have_qemu(void)
{
	return test_shell("command -v qemu-img qemu-io >/dev/null 2>&1") == 0;
}

/* What lies between the parts that vdisk_data names must be zeros. */
static void copy_data(struct vdisk *d, uint8_t *to)
{
	uint64_t start, end;
	struct err e = ERR_INIT;

	for (uint64_t off = 0; off < d->size; off = end) {
		ASSERT_OK(vdisk_data(d, off, &start, &end, &e), &e);
		CU_ASSERT_FATAL(start >= off && end >= start && end <= d->size);
		if (start == end) {
			CU_ASSERT_EQUAL(end, d->size);
			return;
		}
		ASSERT_OK(vdisk_read(d, start, to + start, end - start, &e), &e);
	}
}

/* Read the whole disk and the same bytes as qemu-img converts them; compare. */
static void same_as_qemu(const char *image)
{
	struct buf expected = BUF_INIT;
	struct vdisk *d;
	struct err e = ERR_INIT;
	uint8_t *got;

	CU_ASSERT_EQUAL_FATAL(test_shell("qemu-img convert -O raw %s %s", image,
					 test_path("flat")), 0);
	ASSERT_OK(fsio_read(test_path("flat"), 64 * MIB, &expected, &e), &e);
	ASSERT_OK(vdisk_open(image, &d, &e), &e);
	CU_ASSERT_EQUAL_FATAL(d->size, expected.len);
	got = malloc(d->size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	/* An odd step, so that reads begin and end anywhere in a cluster. */
	for (uint64_t off = 0; off < d->size; off += 100003) {
		size_t n = d->size - off < 100003 ? d->size - off : 100003;

		ASSERT_OK(vdisk_read(d, off, got + off, n, &e), &e);
	}
	CU_ASSERT_EQUAL(memcmp(got, expected.data, expected.len), 0);
	memset(got, 0, d->size);
	copy_data(d, got);
	CU_ASSERT_EQUAL(memcmp(got, expected.data, expected.len), 0);
	free(got);
	buf_release(&expected);
	vdisk_close(d);
}

static void raw_and_its_end(void)
{
	struct vdisk *d;
	struct err e = ERR_INIT;
	uint8_t b[4];
	int fd;

	ASSERT_OK(fsio_write_atomic(test_path("r"), "0123456789", 10, 0600, &e), &e);
	ASSERT_OK(vdisk_open(test_path("r"), &d, &e), &e);
	CU_ASSERT_EQUAL(d->size, 10);
	ASSERT_OK(vdisk_read(d, 6, b, 4, &e), &e);
	CU_ASSERT_EQUAL(memcmp(b, "6789", 4), 0);
	ASSERT_FAILS(vdisk_read(d, 7, b, 4, &e), E_CORRUPT);
	ASSERT_FAILS(vdisk_read(d, UINT64_MAX, b, 4, &e), E_CORRUPT);
	vdisk_close(d);

	fd = open(test_path("r"), O_RDONLY | O_CLOEXEC);
	ASSERT_OK(vdisk_open_fd(fd, &d, &e), &e);
	ASSERT_OK(vdisk_read(d, 0, b, 4, &e), &e);
	vdisk_close(d);
	CU_ASSERT_EQUAL(close(fd), 0);

	ASSERT_FAILS(vdisk_open(test_path("none"), &d, &e), E_NOTFOUND);
	ASSERT_FAILS(vdisk_open(test_tmpdir(), &d, &e), E_INVAL);
}

static void overlay_on_raw(void)
{
	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f base over && truncate -s 9000000 base && "
		   "qemu-io -f raw -c 'write -P 0x11 0 3M' -c 'write -P 0x22 8M 100k' base "
		   ">/dev/null && qemu-img create -q -f qcow2 -b base -F raw over 20M && "
		   "qemu-io -f qcow2 -c 'write -P 0x33 1000000 5000' -c 'write -z 2M 128k' "
		   "-c 'write -P 0x44 15M 64k' -c 'write -P 0x55 9437184 512' over >/dev/null",
		   test_tmpdir());
	same_as_qemu(test_path("over"));
}

static void chain_with_small_clusters(void)
{
	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f b0 b1 b2 && "
		   "qemu-img create -q -f qcow2 -o cluster_size=4k,compat=0.10 b0 5M && "
		   "qemu-io -c 'write -P 1 0 1M' -c 'write -P 2 4M 1M' b0 >/dev/null && "
		   "qemu-img create -q -f qcow2 -o cluster_size=512 -b b0 -F qcow2 b1 7M && "
		   "qemu-io -c 'write -P 3 100 70000' b1 >/dev/null && "
		   "qemu-img create -q -f qcow2 -o cluster_size=2M -b b1 -F qcow2 b2 && "
		   "qemu-io -c 'write -P 4 6M 1000' b2 >/dev/null",
		   test_tmpdir());
	same_as_qemu(test_path("b2"));
}

/* A raw base that a guest filled with a qcow2 header is raw all the same. */
static void backing_format_is_believed(void)
{
	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f evil eover && qemu-img create -q -f qcow2 -b /etc/passwd "
		   "-F raw evil 1M && truncate -s 1M evil && "
		   "qemu-img create -q -f qcow2 -b evil -F raw eover",
		   test_tmpdir());
	same_as_qemu(test_path("eover"));
}

static void refuses_what_it_cannot_read(void)
{
	struct vdisk *d;
	struct err e = ERR_INIT;
	uint8_t b[16];

	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f flat2 comp && head -c 1M /dev/zero | tr '\\0' x >flat2 && "
		   "qemu-img convert -c -O qcow2 flat2 comp",
		   test_tmpdir());
	ASSERT_OK(vdisk_open(test_path("comp"), &d, &e), &e);
	ASSERT_FAILS(vdisk_read(d, 0, b, sizeof(b), &e), E_UNSUPPORTED);
	vdisk_close(d);

	test_shell("cd %s && rm -f loop && qemu-img create -q -f qcow2 loop 1M && "
		   "qemu-img rebase -u -f qcow2 -b loop -F qcow2 loop",
		   test_tmpdir());
	ASSERT_FAILS(vdisk_open(test_path("loop"), &d, &e), E_CORRUPT);

	test_shell("cd %s && rm -f data d.raw && qemu-img create -q -f qcow2 "
		   "-o data_file=d.raw data 1M",
		   test_tmpdir());
	ASSERT_FAILS(vdisk_open(test_path("data"), &d, &e), E_UNSUPPORTED);

	test_shell("cd %s && rm -f gone && qemu-img create -q -f qcow2 -u -b nowhere -F raw "
		   "gone 1M",
		   test_tmpdir());
	ASSERT_FAILS(vdisk_open(test_path("gone"), &d, &e), E_NOTFOUND);
}

/* Every cut and every changed byte of a header gives an error or a disk, never a crash. */
static void damaged_headers(void)
{
	struct buf image = BUF_INIT;
	struct err e = ERR_INIT;

	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f h && qemu-img create -q -f qcow2 h 1M", test_tmpdir());
	ASSERT_OK(fsio_read(test_path("h"), MIB, &image, &e), &e);
	for (size_t i = 4; i < 112; i++) {
		uint8_t was = image.data[i], b[512];
		struct vdisk *d;

		image.data[i] = 0xff;
		ASSERT_OK(fsio_write_atomic(test_path("h2"), image.data, image.len, 0600, &e), &e);
		if (!vdisk_open(test_path("h2"), &d, &e)) {
			(void)!vdisk_read(d, 0, b, sizeof(b), &e);
			vdisk_close(d);
		}
		image.data[i] = was;
	}
	for (size_t len = 4; len < 104; len += 4) {
		struct vdisk *d;

		ASSERT_OK(fsio_write_atomic(test_path("h2"), image.data, len, 0600, &e), &e);
		CU_ASSERT_NOT_EQUAL(vdisk_open(test_path("h2"), &d, &e), 0);
	}
	buf_release(&image);
}

/* Images of other programs are named, with what to do about them. */
static void names_foreign_images(void)
{
	static const char *const formats[] = {"vmdk", "vdi", "vhdx", "vpc"};
	static uint8_t dmg[4096];
	struct vdisk *d;
	struct err e = ERR_INIT;

	if (!have_qemu())
		TEST_SKIP("qemu-img is not installed");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		CU_ASSERT_EQUAL(test_shell("qemu-img create -q -f %s %s 4M", formats[i],
					   test_path("foreign")),
				0);
		ASSERT_FAILS(vdisk_open(test_path("foreign"), &d, &e), E_UNSUPPORTED);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "qemu-img convert"));
	}
	memcpy(dmg + sizeof(dmg) - 512, "koly", 4);
	ASSERT_OK(fsio_write_atomic(test_path("foreign"), dmg, sizeof(dmg), 0644, &e), &e);
	ASSERT_FAILS(vdisk_open(test_path("foreign"), &d, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, ".dmg"));
	CU_ASSERT_EQUAL(
		test_shell("gzip -c %s >%s.gz", test_path("flat"), test_path("foreign")), 0);
	ASSERT_FAILS(vdisk_open(test_path("foreign.gz"), &d, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "unpacked first"));
	/* The magic of another place is nothing. */
	memset(dmg, 0, sizeof(dmg));
	memcpy(dmg + 512, "KDMV", 4);
	ASSERT_OK(fsio_write_atomic(test_path("foreign"), dmg, sizeof(dmg), 0644, &e), &e);
	ASSERT_OK(vdisk_open(test_path("foreign"), &d, &e), &e);
	vdisk_close(d);
}

TEST_MAIN("vdisk", {"reads a raw image up to its end", raw_and_its_end},
	  {"reads an overlay on a shorter raw base", overlay_on_raw},
	  {"reads a chain with other cluster sizes", chain_with_small_clusters},
	  {"believes the format of a backing file", backing_format_is_believed},
	  {"refuses what it cannot read", refuses_what_it_cannot_read},
	  {"names foreign images", names_foreign_images},
	  {"survives damaged headers", damaged_headers})
