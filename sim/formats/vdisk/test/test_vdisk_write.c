/* SPDX-License-Identifier: MIT */
/* Writing to disks in place; what a qcow2 image holds then is for qemu-img to say. */
#include "sim/base/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/vdisk/vdisk.h"

#define MIB 1048576u

static struct err e;

static bool have_qemu(void)
{
	return test_shell("command -v qemu-img qemu-io >/dev/null 2>&1") == 0;
}

/* Does qemu-img find the bytes of @want in @image, and nothing wrong with it? */
static bool holds(const char *image, const uint8_t *want, size_t size)
{
	struct buf got = BUF_INIT;
	bool same;

	if (test_shell("qemu-img check -q %s && qemu-img convert -O raw %s %s", image,
		       image, test_path("flat")) != 0)
		return false;
	ASSERT_OK(fsio_read(test_path("flat"), 64 * MIB, &got, &e), &e);
	same = got.len == size && memcmp(got.data, want, size) == 0;
	buf_release(&got);
	return same;
}

/* Pieces of all sizes at places of all kinds, the same in the image and in memory. */
static void scribble(const char *image, size_t size)
{
	uint8_t *want = malloc(size), *piece = malloc(300000);
	struct vdisk *d;

	CU_ASSERT_FATAL(want && piece);
	srandom(7);
	ASSERT_OK(vdisk_open_rw(image, &d, &e), &e);
	CU_ASSERT_EQUAL_FATAL(d->size, size);
	ASSERT_OK(vdisk_read(d, 0, want, size, &e), &e);
	for (int i = 0; i < 60; i++) {
		size_t len = 1 + (size_t)random() % (i % 4 ? 5000 : 300000);
		size_t off = (size_t)random() % (size - len);

		memset(piece, i + 1, len);
		memcpy(want + off, piece, len);
		ASSERT_OK(vdisk_write(d, off, piece, len, &e), &e);
		/* What was written is read. */
		ASSERT_OK(vdisk_read(d, off, piece, len, &e), &e);
		CU_ASSERT_EQUAL(memcmp(want + off, piece, len), 0);
	}
	ASSERT_OK(vdisk_flush(d, &e), &e);
	vdisk_close(d);
	CU_ASSERT_TRUE(holds(image, want, size));
	free(want);
	free(piece);
}

static void raw_file(void)
{
	struct vdisk *d;
	uint8_t b[4];

	ASSERT_OK(fsio_write_atomic(test_path("r"), "0123456789", 10, 0600, &e), &e);
	ASSERT_OK(vdisk_open_rw(test_path("r"), &d, &e), &e);
	ASSERT_OK(vdisk_write(d, 6, "abcd", 4, &e), &e);
	ASSERT_FAILS(vdisk_write(d, 7, "abcd", 4, &e), E_OVERFLOW);
	ASSERT_FAILS(vdisk_write(d, UINT64_MAX, "abcd", 4, &e), E_OVERFLOW);
	ASSERT_OK(vdisk_flush(d, &e), &e);
	vdisk_close(d);
	ASSERT_OK(vdisk_open(test_path("r"), &d, &e), &e);
	ASSERT_OK(vdisk_read(d, 6, b, 4, &e), &e);
	CU_ASSERT_EQUAL(memcmp(b, "abcd", 4), 0);
	ASSERT_FAILS(vdisk_write(d, 0, "abcd", 4, &e), E_PERM);
	vdisk_close(d);
}

static void overlays(void)
{
	static const char *const clusters[] = {"512", "4k", "64k", "2M"};

	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	CU_ASSERT_EQUAL(test_shell("cd %s && rm -f base && truncate -s 9000000 base && "
				   "qemu-io -f raw -c 'write -P 0x11 0 3M' "
				   "-c 'write -P 0x22 8M 100k' base >/dev/null && "
				   "cp base before",
				   test_tmpdir()),
			0);
	for (size_t i = 0; i < sizeof(clusters) / sizeof(clusters[0]); i++) {
		CU_ASSERT_EQUAL(
			test_shell(
				"cd %s && rm -f over && qemu-img create -q -f qcow2 "
				"-o cluster_size=%s -b base -F raw over 12M && "
				"qemu-io -f qcow2 -c 'write -P 0x33 1000000 5000' "
				"-c 'write -z 2M 128k' -c 'write -P 0x44 11M 64k' over "
				">/dev/null",
				test_tmpdir(), clusters[i]),
			0);
		scribble(test_path("over"), 12 * MIB);
	}
	/* Of a chain only the first file is written to. */
	CU_ASSERT_EQUAL(test_shell("cd %s && cmp base before", test_tmpdir()), 0);
}

static void without_backing(void)
{
	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f alone && qemu-img create -q -f qcow2 alone 10M",
		   test_tmpdir());
	scribble(test_path("alone"), 10 * MIB);
	/* QEMU goes on where we stopped. */
	CU_ASSERT_EQUAL(
		test_shell("cd %s && qemu-io -f qcow2 -c 'write -P 9 1M 2M' alone "
			   ">/dev/null && qemu-img check -q alone",
			   test_tmpdir()),
		0);
	scribble(test_path("alone"), 10 * MIB);
}

/* A writer that dies leaves an image that QEMU mends, with what was flushed in it. */
static void a_writer_that_dies(void)
{
	static uint8_t want[10 * MIB];
	struct vdisk *d;

	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f dies && qemu-img create -q -f qcow2 dies 10M",
		   test_tmpdir());
	ASSERT_OK(vdisk_open_rw(test_path("dies"), &d, &e), &e);
	memset(want + 3 * MIB, 5, 700000);
	ASSERT_OK(vdisk_write(d, 3 * MIB, want + 3 * MIB, 700000, &e), &e);
	ASSERT_OK(vdisk_flush(d, &e), &e);
	CU_ASSERT_EQUAL(test_shell("cd %s && cp dies dead", test_tmpdir()), 0);
	vdisk_close(d);
	/* Not to be made worse. */
	ASSERT_FAILS(vdisk_open_rw(test_path("dead"), &d, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "qemu-img check"));
	test_shell("qemu-img check -q -r all %s", test_path("dead"));
	CU_ASSERT_TRUE(holds(test_path("dead"), want, sizeof(want)));
	scribble(test_path("dead"), 10 * MIB);
}

/* A running machine's disk is not touched, and ours not by a machine. */
static void one_writer_at_a_time(void)
{
	struct vdisk *d, *other;

	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	test_shell("cd %s && rm -f busy && qemu-img create -q -f qcow2 busy 1M",
		   test_tmpdir());
	ASSERT_OK(vdisk_open_rw(test_path("busy"), &d, &e), &e);
	ASSERT_FAILS(vdisk_open_rw(test_path("busy"), &other, &e), E_BUSY);
	CU_ASSERT_NOT_EQUAL(
		test_shell("qemu-io -f qcow2 -c 'write 0 512' %s >/dev/null 2>&1",
			   test_path("busy")),
		0);
	ASSERT_OK(vdisk_open(test_path("busy"), &other, &e), &e);
	vdisk_close(other);
	vdisk_close(d);
	/* Until qemu-io has it. */
	test_shell("cd %s && { qemu-io -f qcow2 -c 'sleep 60000' busy >/dev/null 2>&1 & "
		   "echo $! "
		   ">pid; }",
		   test_tmpdir());
	int rc = 0;

	for (int i = 0; i < 200 && rc == 0; i++) {
		rc = vdisk_open_rw(test_path("busy"), &d, &e);
		if (rc == 0)
			vdisk_close(d);
		usleep(50000);
	}
	CU_ASSERT_EQUAL(rc, -E_BUSY);
	test_shell("cd %s && kill $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do "
		   "sleep "
		   "0.05; done",
		   test_tmpdir());
	ASSERT_OK(vdisk_open_rw(test_path("busy"), &d, &e), &e);
	vdisk_close(d);
}

static void what_is_not_written_to(void)
{
	static const char *const how[] = {"-o compat=0.10", "-o refcount_bits=1"};
	struct vdisk *d;

	if (!have_qemu())
		TEST_SKIP("no qemu-img");
	for (size_t i = 0; i < 2; i++) {
		test_shell("cd %s && rm -f no && qemu-img create -q -f qcow2 %s no 1M",
			   test_tmpdir(), how[i]);
		ASSERT_FAILS(vdisk_open_rw(test_path("no"), &d, &e), E_UNSUPPORTED);
		ASSERT_OK(vdisk_open(test_path("no"), &d, &e), &e);
		vdisk_close(d);
	}
	test_shell("cd %s && rm -f no && qemu-img create -q -f qcow2 no 1M && "
		   "qemu-img snapshot -c one no",
		   test_tmpdir());
	ASSERT_FAILS(vdisk_open_rw(test_path("no"), &d, &e), E_UNSUPPORTED);
}

TEST_MAIN("vdisk write", {"a raw file", raw_file}, {"overlays on a raw base", overlays},
	  {"an image without backing file", without_backing},
	  {"a writer that dies", a_writer_that_dies},
	  {"one writer at a time", one_writer_at_a_time},
	  {"what is not written to", what_is_not_written_to})
