/* SPDX-License-Identifier: MIT */
/*
 * Images that Apple's tools made, in $KEXTLAB_TESTDATA/apfs; the judges are 7-Zip, which
 * shows a volume as of its oldest snapshot, and The Sleuth Kit, which shows the live one.
 */
#include "sim/base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/fsio.h"
#include "sim/formats/apfs/extract.h"

static char image[4096], dir[4096];

/* Unpack the image @name, an xz or a dmg, to @image. False when it is not there. */
static bool unpack(const char *name)
{
	const char *data = getenv("KEXTLAB_TESTDATA");
	bool xz = strstr(name, ".xz");

	if (!data)
		return false;
	snprintf(dir, sizeof(dir), "%s/%.40s", test_tmpdir(), name);
	snprintf(image, sizeof(image), "%.4000s/image", dir);
	if (xz)
		return test_shell("mkdir -p %s && xz -dkc %s/apfs/%s >%s", dir, data, name,
				  image) == 0;
	return test_shell("mkdir -p %s && 7zz x -y -tdmg -o%s %s/apfs/%s >/dev/null && "
			  "mv %s/4.apfs %s", dir, dir, data, name, dir, image) == 0;
}

static void open_volume(const char *snapshot, struct apfs **c, struct apfs_volume **v)
{
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_open_path(image, c, &e), &e);
	ASSERT_OK(apfs_volume_open(*c, 0, snapshot, v, &e), &e);
}

static void close_volume(struct apfs *c, struct apfs_volume *v)
{
	apfs_volume_close(v);
	apfs_close(c);
}

static void same_as_7zz(struct apfs_volume *v)
{
	struct apfs_extract_opts opts = {0};
	struct err e = ERR_INIT;
	char ours[4200];

	snprintf(ours, sizeof(ours), "%s/ours", dir);
	ASSERT_OK(apfs_extract(v, "/", ours, &opts, NULL, &e), &e);
	CU_ASSERT_EQUAL(test_shell("cd %s && mkdir theirs && 7zz x -y -tapfs -otheirs image >log && "
				   "find theirs -name '*:*' -delete && "
				   "diff -rq --no-dereference ours theirs", dir), 0);
}

static int print_entry(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	FILE *f = ctx;

	(void)e;
	if (w->depth)
		fprintf(f, "%llu\t%s\n", (unsigned long long)w->inode->ino, w->path + 1);
	return 0;
}

/* Names and inode numbers as fls of The Sleuth Kit lists them, of @snapshot or live. */
static void same_as_fls(struct apfs_volume *v, uint64_t snapshot)
{
	struct err e = ERR_INIT;
	char path[4200], option[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/ours.list", dir);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	ASSERT_OK(apfs_walk(v, "/", print_entry, f, &e), &e);
	CU_ASSERT_EQUAL(fclose(f), 0);
	if (snapshot)
		snprintf(option, sizeof(option), "-S %llu", (unsigned long long)snapshot);
	CU_ASSERT_EQUAL(
		test_shell("cd %s && b=$(pstat image | sed -n 's/.*APSB Block Number: *//p') && "
			   "fls -rp -P apfs -B $b %s image | sed 's/^... \\([0-9]*\\):/\\1/' | "
			   "sort >theirs.list && sort ours.list | diff - theirs.list",
			   dir, option), 0);
}

static bool have_fls(void)
{
	return test_shell("command -v fls pstat >/dev/null 2>&1") == 0;
}

/* newfs_apfs 1933: files, a link, a resource fork, an attribute. */
static void ordinary_volume(void)
{
	struct buf value = BUF_INIT, theirs = BUF_INIT;
	struct apfs_inode i;
	struct apfs_info info;
	struct apfs_volume *v;
	struct apfs *c;
	struct err e = ERR_INIT;
	char path[4200];

	if (!unpack("dfvfs-apfs.raw.xz"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	open_volume(NULL, &c, &v);
	apfs_get_info(c, &info);
	CU_ASSERT_EQUAL(info.checkpoints, 4);
	CU_ASSERT_STRING_EQUAL(apfs_volume_info_of(v)->name, "apfs_test");
	same_as_7zz(v);
	ASSERT_OK(apfs_lookup(v, "/A_DIRECTORY/a_file", 0, &i, &e), &e);
	ASSERT_OK(apfs_xattr_get(v, i.ino, "myxattr", 4096, &value, &e), &e);
	CU_ASSERT_EQUAL(test_shell("cd %s && rm -rf theirs && 7zz x -y -tapfs -otheirs image "
				   ">log", dir), 0);
	snprintf(path, sizeof(path), "%s/theirs/a_directory/a_file:myxattr", dir);
	ASSERT_OK(fsio_read(path, 4096, &theirs, &e), &e);
	CU_ASSERT_EQUAL(value.len, theirs.len);
	CU_ASSERT_EQUAL(memcmp(value.data, theirs.data, theirs.len), 0);
	buf_clear(&value);
	buf_clear(&theirs);
	ASSERT_OK(apfs_lookup(v, "/a_directory/a_resourcefork", 0, &i, &e), &e);
	ASSERT_OK(apfs_xattr_get(v, i.ino, "com.apple.ResourceFork", 1 << 20, &value, &e), &e);
	snprintf(path, sizeof(path),
		 "%s/theirs/a_directory/a_resourcefork:com.apple.ResourceFork", dir);
	ASSERT_OK(fsio_read(path, 1 << 20, &theirs, &e), &e);
	CU_ASSERT_EQUAL(value.len, theirs.len);
	CU_ASSERT_EQUAL(memcmp(value.data, theirs.data, theirs.len), 0);
	buf_release(&value);
	buf_release(&theirs);
	close_volume(c, v);
}

static void empty_volume(void)
{
	struct apfs_volume *v;
	struct apfs *c;

	if (!unpack("util-linux-apfs.img.xz"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	open_volume(NULL, &c, &v);
	CU_ASSERT_STRING_EQUAL(apfs_volume_info_of(v)->name, "testapfs");
	same_as_7zz(v);
	close_volume(c, v);
}

static void case_sensitive_volume(void)
{
	struct apfs_inode i;
	struct apfs_volume *v;
	struct apfs *c;
	struct err e = ERR_INIT;

	if (!unpack("apple-case-sensitive.dmg"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	open_volume(NULL, &c, &v);
	CU_ASSERT_TRUE(apfs_volume_info_of(v)->case_sensitive);
	ASSERT_OK(apfs_lookup(v, "/.fseventsd/fseventsd-uuid", 0, &i, &e), &e);
	ASSERT_FAILS(apfs_lookup(v, "/.FSEVENTSD", 0, &i, &e), E_NOTFOUND);
	same_as_7zz(v);
	if (have_fls())
		same_as_fls(v, 0);
	close_volume(c, v);
}

static void two_snapshots(void)
{
	struct apfs_snapshot *snaps;
	struct apfs_inode i;
	struct apfs_volume *v;
	struct apfs *c;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	size_t n;

	if (!unpack("apple-two-snapshots.dmg"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	open_volume(NULL, &c, &v);
	ASSERT_OK(apfs_snapshots(v, &snaps, &n, &e), &e);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_EQUAL(snaps[0].xid, 10);
	CU_ASSERT_EQUAL(snaps[1].xid, 22);
	ASSERT_OK(apfs_read_path(v, "/bar.txt", 100, &text, &e), &e);
	CU_ASSERT_EQUAL(text.len, 4);
	if (have_fls())
		same_as_fls(v, 0);
	apfs_volume_close(v);

	ASSERT_OK(apfs_volume_open_xid(c, 0, 10, &v, &e), &e);
	ASSERT_FAILS(apfs_lookup(v, "/bar.txt", 0, &i, &e), E_NOTFOUND);
	CU_ASSERT_EQUAL(apfs_volume_info_of(v)->num_snapshots, 0);
	same_as_7zz(v);
	if (have_fls())
		same_as_fls(v, 10);
	apfs_volume_close(v);

	ASSERT_OK(apfs_volume_open(c, 0, snaps[1].name, &v, &e), &e);
	ASSERT_OK(apfs_lookup(v, "/bar.txt", 0, &i, &e), &e);
	CU_ASSERT_EQUAL(apfs_volume_info_of(v)->num_snapshots, 1);
	if (have_fls())
		same_as_fls(v, 22);
	close_volume(c, v);
	free(snaps);
	buf_release(&text);
}

TEST_MAIN("apfs-apple", {"reads an ordinary volume", ordinary_volume},
	  {"reads an empty volume", empty_volume},
	  {"reads a case-sensitive volume", case_sensitive_volume},
	  {"reads two snapshots", two_snapshots})
