/* SPDX-License-Identifier: MIT */
/* The writer's images before independent judges: apfsck, 7-Zip, libfsapfs, Sleuth Kit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/test/image.h"

#define MIB 1048576ull
#define GIB 1073741824ull

static struct err e;

static void add_firmlink(struct fs_tree *t, const char *path, const char *target)
{
	struct fs_node *n;

	ASSERT_OK(fs_tree_mkdir(t, path, 0755, &n, &e), &e);
	n->bsd_flags = SF_FIRMLINK;
	ASSERT_OK(fs_node_set_xattr(n, APFS_XATTR_NAME_FIRMLINK, target, strlen(target),
				    &e),
		  &e);
}

/* Six volumes as on a Mac: a group of System and Data, firmlinks, links, xattrs. */
static void image_of_a_mac(struct image *im, const char *file)
{
	static const struct {
		const char *name;
		uint16_t role;
	} vols[] = {
		{"Macintosh HD", APFS_ROLE_SYSTEM},
		{"Macintosh HD - Data", APFS_ROLE_DATA},
		{"Preboot", APFS_ROLE_PREBOOT},
		{"Recovery", APFS_ROLE_RECOVERY},
		{"VM", APFS_ROLE_VM},
		{"Update", APFS_ROLE_UPDATE},
	};
	struct fs_node *n;

	image_init(im, file, 3 * GIB, 6);
	for (size_t i = 0; i < 6; i++) {
		im->volume[i].name = vols[i].name;
		im->volume[i].role = vols[i].role;
		im->volume[i].in_group = i < 2;
	}
	struct fs_tree *sys = &im->tree[0], *data = &im->tree[1];

	n = image_text(sys, "/System/Library/CoreServices/SystemVersion.plist",
		       "<plist/>\n");
	n->bsd_flags = SF_RESTRICTED;
	n = image_text(sys, "/bin/sh", "#!shell");
	n->mode = S_IFREG | 0755;
	ASSERT_OK(fs_tree_hardlink(sys, "/bin/bash", n, &e), &e);
	ASSERT_OK(fs_tree_hardlink(sys, "/usr/bin/a-shell", n, &e), &e);
	ASSERT_OK(fs_tree_symlink(sys, "/tmp", "private/tmp", NULL, &e), &e);
	image_file(sys, "/empty", NULL, 0);
	add_firmlink(sys, "/Users", "Users");
	add_firmlink(sys, "/Applications", "Applications");
	n = image_text(data, "/Users/alice/Notes.txt", "hello world\n");
	n->uid = 501;
	n->gid = 20;
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.quarantine", "0081;x", 6, &e), &e);
	ASSERT_OK(fs_tree_mkdir(data, "/Applications", 0775, NULL, &e), &e);
	image_text(&im->tree[2], "/60606060-6060-6060-6060-606060606060/boot/active",
		   "AB");
}

static void six_volumes_of_a_mac(void)
{
	struct image im;

	image_of_a_mac(&im, "mac.apfs");
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz"))
		CU_ASSERT_TRUE(extracts_as_written(&im));
	if (have("fsapfsinfo"))
		CU_ASSERT_EQUAL(
			test_shell("fsapfsinfo '%s' | grep -q 'Number of volumes.*: 6'",
				   im.path),
			0);
	image_release(&im);
}

/* Sleuth Kit prints flags, links and xattrs of the System volume's inodes. */
static void sleuthkit_sees_flags_and_links(void)
{
	struct image im;

	if (!have("pstat") || !have("fls") || !have("istat"))
		TEST_SKIP("no Sleuth Kit");
	image_of_a_mac(&im, "mac.apfs");
	image_must_write(&im);
	CU_ASSERT_EQUAL(
		test_shell("set -e; cd '%s'; b=$(pstat mac.apfs | awk '/APSB Block/ "
			   "{print $NF; "
			   "exit}'); fls -r -P apfs -B $b mac.apfs >list; "
			   "grep -q 'SystemVersion.plist$' list; "
			   "i=$(sed -n 's/^d.d \\([0-9]*\\):.Users$/\\1/p' list); "
			   "istat -P apfs -B $b mac.apfs $i >users; "
			   "grep -q 'com.apple.fs.firmlink' users; grep -qi '0x00800000' "
			   "users; "
			   "rm list users",
			   test_tmpdir()),
		0);
	image_release(&im);
}

static void same_spec_same_bytes(void)
{
	struct image a, b;

	image_of_a_mac(&a, "a.apfs");
	image_of_a_mac(&b, "b.apfs");
	image_must_write(&a);
	image_must_write(&b);
	/* All that is used lies in front. */
	CU_ASSERT_EQUAL(test_shell("cd '%s' && cmp -n 64M a.apfs b.apfs", test_tmpdir()),
			0);
	/* Only what is not zero takes room: areas, trees, a few files. */
	CU_ASSERT_EQUAL(test_shell("test $(du -k '%s' | cut -f1) -lt 2048", a.path), 0);
	image_release(&a);
	image_release(&b);
}

/* Many folders and one of 6000 files: trees and object maps of several levels. */
static void thousands_of_files(void)
{
	struct image im;
	char path[300], text[6000];

	memset(text, 'x', sizeof(text));
	image_init(&im, "many.apfs", GIB, 1);
	for (int i = 0; i < 9200; i++) {
		if (i % 2 == 0)
			snprintf(path, sizeof(path),
				 "/flat/file-with-a-rather-long-name-%06d", i);
		else
			snprintf(path, sizeof(path), "/tree/%d/%d/f%d", i % 17, i % 101,
				 i);
		image_file(&im.tree[0], path, text, (size_t)(i * 37 % 6000));
	}
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz")) {
		CU_ASSERT_TRUE(folder_extracts_as_written(&im, "/tree/7"));
		CU_ASSERT_EQUAL(test_shell("7zz l '%s' | tail -1 | grep -q ' 9200 files'",
					   im.path),
				0);
	}
	image_release(&im);
}

/* More than two chunks of 128 MiB, in a container with two chunk-info blocks. */
static void large_file_over_chunks(void)
{
	struct image im;

	image_init(&im, "large.apfs", 20 * GIB, 1);
	image_large_file(&im, 2048); /* holes stayed holes */
	image_release(&im);
}

static void names_of_all_kinds(void)
{
	static const char *const names[] = {
		"/caf\xc3\xa9",	  /* composed */
		"/nai\xcc\x88ve", /* decomposed */
		"/STRA\xe1\xba\x9e"
		"E", /* capital sharp s: folds to ss */
		"/\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82", /* Greek,
										both
										sigmas */
		"/\xed\x95\x9c\xea\xb8\x80", /* Hangul: decomposed by rule */
		"/\xe6\x97\xa5\xe6\x9c\xac", /* Kanji */
		"/\xf0\x9f\x8d\x8e.txt",     /* beyond the BMP */
		"/a\xcc\xa3\xcc\x87",	     /* two marks in canonical order */
		"/b\xcc\x87\xcc\xa3",	     /* and not */
		"/with space, and 'quotes' \"too\"",
		"/MixedCase.TXT",
	};
	struct image im;
	char longest[257] = "/";

	memset(longest + 1, 'L', 255);
	image_init(&im, "names.apfs", GIB, 2);
	im.volume[1].case_sensitive = true;
	for (size_t v = 0; v < 2; v++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			image_text(&im.tree[v], names[i], names[i]);
		image_text(&im.tree[v], longest, "long");
		/* One hash; sorted by bytes, the longer name is first. */
		image_text(&im.tree[v], "/file-4", "4");
		image_text(&im.tree[v], "/file-253510", "253510");
	}
	image_text(&im.tree[1], "/mixedcase.txt", "another file here");
	/* Alpha with psili and iota below: apfsck does not fold the iota, Macs do. */
	image_text(&im.tree[1], "/\xe1\xbe\x80", "not folded here");
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz"))
		CU_ASSERT_TRUE(extracts_as_written(&im));
	image_release(&im);
}

static void xattrs_of_all_sizes(void)
{
	static const size_t sizes[] = {0, 1, 100, 3803, 3804, 3805, 4096, 100000};
	static uint8_t value[100000];
	struct image im;
	struct fs_node *n, *dir, *link;
	char name[128] = "x";

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 31 + 1);
	image_init(&im, "xattr.apfs", GIB, 1);
	n = image_text(&im.tree[0], "/f", "f");
	ASSERT_OK(fs_tree_mkdir(&im.tree[0], "/d", 0700, &dir, &e), &e);
	ASSERT_OK(fs_tree_symlink(&im.tree[0], "/l", "f", &link, &e), &e);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(name, sizeof(name), "org.kextlab.%zu", sizes[i]);
		ASSERT_OK(fs_node_set_xattr(n, name, value, sizes[i], &e), &e);
		ASSERT_OK(fs_node_set_xattr(dir, name, value, sizes[i], &e), &e);
	}
	memset(name, 'n', 127);
	ASSERT_OK(fs_node_set_xattr(n, name, value, 3804, &e), &e);
	ASSERT_OK(fs_node_set_xattr(link, "on.a.link", value, 5, &e), &e);
	ASSERT_OK(fs_node_set_xattr(im.tree[0].root, "on.the.root", value, 5, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, APFS_XATTR_NAME_RSRC_FORK, value, 5000, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, APFS_XATTR_NAME_FINDER_INFO, value, 32, &e), &e);
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz")) {
		CU_ASSERT_TRUE(extracts_as_written(&im));
		CU_ASSERT_EQUAL(
			test_shell(
				"7zz x -so '%s' f:org.kextlab.100000 | wc -c | grep -qx "
				"100000",
				im.path),
			0);
	}
	image_release(&im);
}

/* A file with content that fills blocks exactly, and all the sizes around. */
static void sizes_around_blocks(void)
{
	static const size_t sizes[] = {0,    1,	      4095, 4096,   4097,
				       8192, MIB - 1, MIB,  MIB + 1};
	static uint8_t data[MIB + 1];
	struct image im;
	char path[32];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i ^ i >> 8);
	image_init(&im, "sizes.apfs", GIB, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(path, sizeof(path), "/s%zu", sizes[i]);
		image_file(&im.tree[0], path, data, sizes[i]);
	}
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz"))
		CU_ASSERT_TRUE(extracts_as_written(&im));
	image_release(&im);
}

static void empty_volumes_and_none(void)
{
	static const uint64_t sizes[] = {APFS_MIN_CONTAINER, 600 * MIB, GIB + 4096,
					 5 * GIB, APFS_MAX_CONTAINER};
	struct image im;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		image_init(&im, "empty.apfs", sizes[i], i == 1 ? 0 : 1);
		image_must_write(&im);
		CU_ASSERT_TRUE(judges_accept(im.path));
		image_release(&im);
	}
}

/* In a partition, over old data: what is around stays, what was there is gone. */
static void in_a_partition_over_garbage(void)
{
	struct image im;

	image_init(&im, "part", 128 * MIB, 1);
	image_text(&im.tree[0], "/f", "content");
	CU_ASSERT_EQUAL_FATAL(
		test_shell("head -c 130M /dev/zero | tr '\\0' '\\377' >'%s'", im.path),
		0);
	ASSERT_OK(image_write(&im, MIB, &e), &e);
	CU_ASSERT_EQUAL(
		test_shell(
			"set -e; cd '%s'; for s in 0 129; do dd if=part bs=1M count=1 "
			"skip=$s status=none | tr -d '\\377' | wc -c | grep -qx 0; done; "
			"dd if=part of=inner bs=1M skip=1 count=128 conv=sparse "
			"status=none",
			test_tmpdir()),
		0);
	char inner[300];

	snprintf(inner, sizeof(inner), "%s/inner", test_tmpdir());
	CU_ASSERT_TRUE(judges_accept(inner));
	unlink(inner);
	image_release(&im);
}

/*
 * The first checkpoint alone: take the second one and the copy in block 0 away. What is
 * left must be a container without volumes.
 */
static void first_checkpoint_is_whole(void)
{
	struct image im;

	if (!have("apfsck"))
		TEST_SKIP("no apfsck");
	image_of_a_mac(&im, "first.apfs");
	image_must_write(&im);
	CU_ASSERT_EQUAL(
		test_shell("d='dd bs=4096 conv=notrunc status=none of=%s'; "
			   "$d if=/dev/zero seek=3 count=2; $d if='%s' skip=2 count=1",
			   im.path, im.path),
		0);
	CU_ASSERT_EQUAL(test_shell("apfsck -cuw '%s'", im.path), 0);
	CU_ASSERT_EQUAL(
		test_shell("fsapfsinfo '%s' 2>&1 | grep -q 'volumes.*: [1-9]'", im.path),
		1);
	image_release(&im);
}

/* A judge that never objects proves nothing. */
static void judges_reject_a_flipped_bit(void)
{
	struct image im;
	FILE *f;
	uint8_t block[4096];
	unsigned flipped = 0;

	if (!have("apfsck"))
		TEST_SKIP("no apfsck");
	image_of_a_mac(&im, "bad.apfs");
	image_must_write(&im);
	f = fopen(im.path, "r+b");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (long b = 1024; b < 8000 && flipped < 3; b++) {
		const struct apfs_obj *o = (const struct apfs_obj *)block;

		fseek(f, b * 4096, SEEK_SET);
		if (fread(block, sizeof(block), 1, f) != 1)
			break;
		if (le32_get(o->o_subtype) != APFS_OT_FSTREE)
			continue;
		for (int bad = 1; bad >= 0; bad--) {
			block[2000] ^= 0x40;
			fseek(f, b * 4096, SEEK_SET);
			fwrite(block, sizeof(block), 1, f);
			fflush(f);
			CU_ASSERT_EQUAL(
				test_shell("apfsck -cuw '%s' >/dev/null", im.path), bad);
		}
		flipped++;
	}
	fclose(f);
	CU_ASSERT_EQUAL(flipped, 3);
	image_release(&im);
}

/* ---- What cannot be written ---- */

static void too_small_too_many(void)
{
	struct image im;

	image_init(&im, "x.apfs", GIB, 3);
	ASSERT_FAILS(image_write(&im, 0, &e), E_OVERFLOW);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "at most 2"));
	im.spec.size = GIB + 4096;
	ASSERT_OK(image_write(&im, 0, &e), &e);
	im.spec.n_volumes = 1;
	im.spec.size = 64 * MIB;
	ASSERT_FAILS(image_write(&im, 0, &e), E_UNSUPPORTED);
	im.spec.size = APFS_MAX_CONTAINER + 4096;
	ASSERT_FAILS(image_write(&im, 0, &e), E_UNSUPPORTED);
	im.spec.size = GIB + 1;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	im.spec.n_volumes = 3;
	image_release(&im);
}

static void container_full(void)
{
	struct image im;
	char host[300];

	image_init(&im, "full.apfs", 128 * MIB, 1);
	snprintf(host, sizeof(host), "%s/big", test_tmpdir());
	CU_ASSERT_EQUAL_FATAL(test_shell("truncate -s 130M '%s'", host), 0);
	ASSERT_OK(fs_tree_host_file(&im.tree[0], "/dir/big", 0644, host, NULL, &e), &e);
	ASSERT_FAILS(image_write(&im, 0, &e), E_NOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "volume 'One': /dir/big: container"));
	/* No superblock: nobody takes it for a container. */
	CU_ASSERT_EQUAL(test_shell("head -c 4096 '%s' | tr -d '\\0' | wc -c | grep -qx 0",
				   im.path),
			0);
	/* The file changes after the tree was made. */
	CU_ASSERT_EQUAL_FATAL(test_shell("truncate -s 1M '%s'", host), 0);
	ASSERT_FAILS(image_write(&im, 0, &e), E_CORRUPT);
	unlink(host);
	ASSERT_FAILS(image_write(&im, 0, &e), E_NOTFOUND);
	image_release(&im);
}

static void names_that_collide_or_are_bad(void)
{
	struct image im;

	image_init(&im, "names.apfs", GIB, 1);
	image_text(&im.tree[0], "/d/caf\xc3\xa9", "1");
	image_text(&im.tree[0], "/d/CAFE\xcc\x81", "2");
	ASSERT_FAILS(image_write(&im, 0, &e), E_EXISTS);
	im.volume[0].case_sensitive = true;
	image_must_write(&im);
	image_text(&im.tree[0], "/d/cafe\xcc\x81", "3");
	ASSERT_FAILS(image_write(&im, 0, &e), E_EXISTS);
	ASSERT_OK(fs_tree_remove(&im.tree[0], "/d", &e), &e);
	image_text(&im.tree[0], "/d/not\xff utf-8", "");
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	ASSERT_OK(fs_tree_remove(&im.tree[0], "/d", &e), &e);
	im.volume[0].name = "";
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	image_release(&im);
}

static void specs_that_make_no_sense(void)
{
	struct image im;
	struct fs_node *n;

	image_init(&im, "spec.apfs", GIB, 2);
	im.volume[0].in_group = im.volume[1].in_group = true;
	im.volume[0].role = APFS_ROLE_SYSTEM;
	im.volume[1].role = APFS_ROLE_VM;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	im.volume[1].role = APFS_ROLE_DATA;
	image_must_write(&im);
	n = image_text(&im.tree[0], "/f", "x");
	ASSERT_OK(fs_node_set_xattr(n, APFS_XATTR_NAME_SYMLINK, "x", 1, &e), &e);
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	n = image_text(&im.tree[0], "/f", "x");
	ASSERT_OK(fs_node_set_xattr(n, "", "x", 1, &e), &e);
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	n = image_text(&im.tree[0], "/f", "x");
	n->mode = S_IFIFO | 0644;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	image_release(&im);
}

TEST_MAIN("apfs writer", {"six volumes of a Mac", six_volumes_of_a_mac},
	  {"Sleuth Kit sees flags and links", sleuthkit_sees_flags_and_links},
	  {"the same spec gives the same bytes", same_spec_same_bytes},
	  {"thousands of files", thousands_of_files},
	  {"a large file over several chunks", large_file_over_chunks},
	  {"names of all kinds", names_of_all_kinds},
	  {"xattrs of all sizes", xattrs_of_all_sizes},
	  {"sizes around blocks", sizes_around_blocks},
	  {"empty volumes, and none, in all sizes", empty_volumes_and_none},
	  {"in a partition, over garbage", in_a_partition_over_garbage},
	  {"the first checkpoint is whole", first_checkpoint_is_whole},
	  {"judges reject a flipped bit", judges_reject_a_flipped_bit},
	  {"too small, too many volumes", too_small_too_many},
	  {"a full container, a file that changes", container_full},
	  {"names that collide or are bad", names_that_collide_or_are_bad},
	  {"specs that make no sense", specs_that_make_no_sense})
