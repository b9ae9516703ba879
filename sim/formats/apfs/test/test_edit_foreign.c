/* SPDX-License-Identifier: MIT */
/*
 * Containers that others made: mkapfs, and, in $KEXTLAB_TESTDATA/apfs, Apple. Debian's
 * apfsck refuses small containers like Apple's; there 7-Zip and our reader judge, and
 * another apfsck when $KEXTLAB_APFSCK names one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/test/edit_case.h"

static struct err e;
static char path[4096];

/* ---- What is there, as text ---- */

static int add_line(void *ctx, const struct apfs_walk_entry *w, struct err *er)
{
	const struct apfs_inode *i = w->inode;

	return buf_printf(ctx, er, "%o %u:%u %#x %llu %lld %lld %u %s\n", i->mode, i->uid,
			  i->gid, i->bsd_flags, (unsigned long long)i->size,
			  (long long)i->mod_ns, (long long)i->create_ns, i->nlink,
			  w->path);
}

/* A list of all files of a state into @out. */
static void list(const char *snapshot, struct buf *out)
{
	struct apfs_volume *v;
	struct apfs *c;

	buf_clear(out);
	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, snapshot, &v, &e), &e);
	ASSERT_OK(apfs_walk(v, "/", add_line, out, &e), &e);
	apfs_volume_close(v);
	apfs_close(c);
}

static bool same_list(const char *snapshot, const struct buf *want)
{
	struct buf got = BUF_INIT;
	bool same;

	list(snapshot, &got);
	same = got.len == want->len && memcmp(got.data, want->data, got.len) == 0;
	buf_release(&got);
	return same;
}

/* ---- Operations on volume 0 ---- */

static struct apfs_edit *start(void)
{
	return edit_begin(path);
}

static void snapshot(const char *name)
{
	struct apfs_edit *ed = start();

	ASSERT_OK(apfs_edit_snapshot_create(ed, 0, name, &e), &e);
	edit_commit(ed);
}

static void delete (const char *name)
{
	struct apfs_edit *ed = start();

	ASSERT_OK(apfs_edit_snapshot_delete(ed, 0, name, &e), &e);
	edit_commit(ed);
}

static void revert(const char *name)
{
	struct apfs_edit *ed = start();

	ASSERT_OK(apfs_edit_revert(ed, 0, name, &e), &e);
	edit_commit(ed);
}

/* The content by itself, read and written anew. */
static void rewrite(enum apfs_edit_seal mode)
{
	struct apfs_edit *ed = start();
	struct apfs_volume *v;
	struct fs_tree t;

	ASSERT_OK(apfs_volume_open(apfs_edit_container(ed), 0, NULL, &v, &e), &e);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(apfs_edit_tree_from_volume(v, 1 << 26, &t, &e), &e);
	apfs_volume_close(v);
	ASSERT_OK(apfs_edit_replace_tree(ed, 0, &t, mode, NULL, &e), &e);
	fs_tree_release(&t);
	edit_commit(ed);
}

/* Everything once; @judge after each. The content stays the same throughout. */
static void go_through(bool (*judge)(void))
{
	struct buf was = BUF_INIT;

	list(NULL, &was);
	snapshot("one");
	CU_ASSERT_TRUE(judge());
	rewrite(APFS_EDIT_UNSEALED);
	CU_ASSERT_TRUE(judge());
	snapshot("two");
	CU_ASSERT_TRUE(judge());
	rewrite(APFS_EDIT_SEALED);
	CU_ASSERT_TRUE(judge());
	snapshot("three");
	CU_ASSERT_TRUE(judge());
	CU_ASSERT_TRUE(same_list(NULL, &was));
	CU_ASSERT_TRUE(same_list("one", &was));
	CU_ASSERT_TRUE(same_list("three", &was));
	delete ("one");
	CU_ASSERT_TRUE(judge());
	revert("two");
	CU_ASSERT_TRUE(judge());
	CU_ASSERT_TRUE(same_list(NULL, &was));
	delete ("two");
	CU_ASSERT_TRUE(judge());
	CU_ASSERT_TRUE(same_list(NULL, &was));
	buf_release(&was);
}

/* ---- mkapfs: a space manager of the older kind ---- */

static bool debian_accepts(void)
{
	return edit_accepted(path, EDIT_PLAIN);
}

static void made_by_mkapfs(void)
{
	if (!have("mkapfs"))
		TEST_SKIP("no mkapfs");
	snprintf(path, sizeof(path), "%s/mk.apfs", test_tmpdir());
	CU_ASSERT_EQUAL_FATAL(
		test_shell("truncate -s 600M '%s' && mkapfs -L Made '%s'", path, path),
		0);
	go_through(debian_accepts);
}

/* ---- In a partition of a qcow2 image ---- */

static bool partition_accepted(void)
{
	char raw[4200], part[4200];
	bool ok;

	snprintf(raw, sizeof(raw), "%s/raw", test_tmpdir());
	snprintf(part, sizeof(part), "%s/part", test_tmpdir());
	ok = test_shell(
		     "qemu-img check -q '%s' && qemu-img convert -O raw '%s' '%s' && "
		     "dd if='%s' of='%s' bs=1M skip=1 count=600 conv=sparse status=none",
		     path, path, raw, raw, part) == 0 &&
	     edit_accepted(part, EDIT_PLAIN);
	test_shell("rm -f '%s' '%s'", raw, part);
	return ok;
}

static void in_a_partition_of_a_qcow2_overlay(void)
{
	struct image im;
	const char *dir = test_tmpdir();

	if (!have("qemu-img") || !have("sfdisk"))
		TEST_SKIP("no qemu-img or sfdisk");
	edit_case_init(&im, "base", false);
	CU_ASSERT_EQUAL_FATAL(
		test_shell(
			"cd '%s' && truncate -s 602M disk && "
			"printf 'label: gpt\\nstart=2048, size=1228800, "
			"type=7C3457EF-0000-11AA-AA11-00306543ECAC\\n' | "
			"sfdisk -q disk && "
			"dd if=base of=disk bs=1M seek=1 conv=notrunc,sparse status=none "
			"&& qemu-img create -q -f qcow2 -b disk -F raw over",
			dir),
		0);
	image_release(&im);
	snprintf(path, sizeof(path), "%s/over", dir);
	go_through(partition_accepted);
}

/* ---- Apple's ---- */

static bool unpack(const char *name)
{
	const char *data = getenv("KEXTLAB_TESTDATA");

	if (!data)
		return false;
	snprintf(path, sizeof(path), "%s/apple.apfs", test_tmpdir());
	if (strstr(name, ".xz"))
		return test_shell("xz -dkc '%s/apfs/%s' >'%s'", data, name, path) == 0;
	return test_shell("cd '%s' && rm -rf dmg && 7zz x -y -tdmg -odmg '%s/apfs/%s' "
			  ">/dev/null && mv dmg/4.apfs '%s'",
			  test_tmpdir(), data, name, path) == 0;
}

/* All states can be read, and judges that know small containers find nothing wrong. */
static bool apple_accepts(void)
{
	const char *apfsck = getenv("KEXTLAB_APFSCK");

	if (apfsck && test_shell("'%s' -cw '%s'", apfsck, path) != 0)
		return false;
	return test_shell("7zz t '%s' >/dev/null", path) == 0;
}

static void ordinary_of_apple(void)
{
	if (!unpack("dfvfs-apfs.raw.xz"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	go_through(apple_accepts);
}

static void empty_of_apple(void)
{
	if (!unpack("util-linux-apfs.img.xz"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	go_through(apple_accepts);
}

static void case_sensitive_of_apple(void)
{
	if (!unpack("apple-case-sensitive.dmg"))
		TEST_SKIP("no $KEXTLAB_TESTDATA");
	go_through(apple_accepts);
}

/* The name of snapshot @i of volume 0. */
static const char *name_of(size_t i)
{
	static char name[APFS_NAME_BUF];
	struct apfs_snapshot *l = NULL;
	struct apfs_volume *v;
	struct apfs *c;
	size_t n = 0;

	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, NULL, &v, &e), &e);
	ASSERT_OK(apfs_snapshots(v, &l, &n, &e), &e);
	CU_ASSERT_FATAL(i < n);
	strcpy(name, l[i].name);
	free(l);
	apfs_volume_close(v);
	apfs_close(c);
	return name;
}

/* Snapshots that a Mac made are gone back to, and deleted in both orders. */
static void snapshots_of_apple(void)
{
	struct buf was[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
	char first[APFS_NAME_BUF], second[APFS_NAME_BUF];

	for (int order = 0; order < 2; order++) {
		if (!unpack("apple-two-snapshots.dmg"))
			TEST_SKIP("no $KEXTLAB_TESTDATA");
		strcpy(first, name_of(0));
		strcpy(second, name_of(1));
		list(first, &was[0]);
		list(second, &was[1]);
		list(NULL, &was[2]);
		rewrite(APFS_EDIT_UNSEALED);
		snapshot("ours");
		CU_ASSERT_TRUE(same_list(first, &was[0]));
		CU_ASSERT_TRUE(same_list(second, &was[1]));
		CU_ASSERT_TRUE(same_list("ours", &was[2]));
		delete (order ? first : second);
		CU_ASSERT_TRUE(same_list(order ? second : first, &was[order]));
		revert(order ? second : first);
		/* Without our versions of objects 7-Zip can read it again. */
		CU_ASSERT_TRUE(apple_accepts());
		CU_ASSERT_TRUE(same_list(NULL, &was[order]));
		delete (order ? second : first);
		CU_ASSERT_TRUE(apple_accepts());
		CU_ASSERT_TRUE(same_list(NULL, &was[order]));
	}
	for (int i = 0; i < 3; i++)
		buf_release(&was[i]);
}

TEST_MAIN("apfs edit foreign", {"a container of mkapfs", made_by_mkapfs},
	  {"a partition of a qcow2 overlay", in_a_partition_of_a_qcow2_overlay},
	  {"an ordinary volume of Apple's", ordinary_of_apple},
	  {"an empty volume of Apple's", empty_of_apple},
	  {"a case-sensitive volume of Apple's", case_sensitive_of_apple},
	  {"snapshots of Apple's", snapshots_of_apple})
