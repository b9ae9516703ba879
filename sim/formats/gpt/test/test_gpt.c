/* SPDX-License-Identifier: MIT */
/* Partition tables made by sgdisk. */
#include "sim/base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/gpt/gpt.h"

static char image[4096];

static bool make_disk(void)
{
	snprintf(image, sizeof(image), "%s/disk", test_tmpdir());
	return test_shell("rm -f %s && truncate -s 64M %s && PATH=$PATH:/usr/sbin sgdisk "
			  "-U 11111111-2222-3333-4444-555555555555 "
			  "-n 1:2048:+4M -t 1:EF00 -c 1:'EFI System Partition' "
			  "-n 5:16384:+30M -t 5:7C3457EF-0000-11AA-AA11-00306543ECAC "
			  "-u 5:AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE -c 5:'Behält 🍎' %s "
			  ">/dev/null 2>&1",
			  image, image, image) == 0;
}

static void damage(off_t at)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);
	uint8_t b;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(pread(fd, &b, 1, at), 1);
	b ^= 1;
	CU_ASSERT_EQUAL(pwrite(fd, &b, 1, at), 1);
	close(fd);
}

static int read_image(struct gpt *g, struct err *e)
{
	struct vdisk *d;
	int r = vdisk_open(image, &d, e);

	if (r)
		return r;
	r = gpt_read(d, g, e);
	vdisk_close(d);
	return r;
}

static void reads_parts(void)
{
	const struct gpt_part *p;
	struct err e = ERR_INIT;
	struct gpt g;

	if (!make_disk())
		TEST_SKIP("no sgdisk");
	ASSERT_OK(read_image(&g, &e), &e);
	CU_ASSERT_STRING_EQUAL(g.guid, "11111111-2222-3333-4444-555555555555");
	CU_ASSERT_EQUAL(g.sector_size, 512);
	CU_ASSERT_FALSE(g.from_backup);
	CU_ASSERT_EQUAL(g.n_parts, 2);
	p = gpt_find(&g, "7c3457ef-0000-11aa-aa11-00306543ecac", 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL(p->number, 5);
	CU_ASSERT_EQUAL(p->offset, 16384 * 512);
	CU_ASSERT_EQUAL(p->size, 30 << 20);
	CU_ASSERT_STRING_EQUAL(p->guid, "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE");
	CU_ASSERT_STRING_EQUAL(p->name, "Behält 🍎");
	CU_ASSERT_PTR_NULL(gpt_find(&g, GPT_TYPE_APFS, 2));
	gpt_release(&g);
}

static void takes_the_backup(void)
{
	struct err e = ERR_INIT;
	struct gpt g;

	if (!make_disk())
		TEST_SKIP("no sgdisk");
	damage(512 + 56); /* disk GUID of the primary header */
	ASSERT_OK(read_image(&g, &e), &e);
	CU_ASSERT_TRUE(g.from_backup);
	CU_ASSERT_EQUAL(g.n_parts, 2);
	gpt_release(&g);
	damage((64 << 20) - 512 + 56);
	ASSERT_FAILS(read_image(&g, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "header checksum"));

	make_disk();
	damage(1024 + 40); /* an entry of the primary table */
	ASSERT_OK(read_image(&g, &e), &e);
	CU_ASSERT_TRUE(g.from_backup);
	gpt_release(&g);
}

static void no_table(void)
{
	struct err e = ERR_INIT;
	struct gpt g;

	snprintf(image, sizeof(image), "%s/empty", test_tmpdir());
	CU_ASSERT_EQUAL(test_shell("truncate -s 1M %s", image), 0);
	ASSERT_FAILS(read_image(&g, &e), E_NOTFOUND);
	CU_ASSERT_EQUAL(test_shell("truncate -s 10 %s", image), 0);
	ASSERT_FAILS(read_image(&g, &e), E_NOTFOUND);
}

TEST_MAIN("gpt", {"reads partitions", reads_parts}, {"takes the backup", takes_the_backup},
	  {"says when there is no table", no_table})
