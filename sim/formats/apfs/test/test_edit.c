/* SPDX-License-Identifier: MIT */
/* Each operation of a transaction; apfsck and 7-Zip judge every state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/seal.h"
#include "sim/formats/apfs/test/edit_case.h"

static struct err e;

/* The seal of a state, which must be there. */
static struct apfs_seal_info seal_of(const char *path, const char *snapshot)
{
	struct apfs_seal_info info = {.sealed = false};
	struct apfs_volume *v;
	struct apfs *c;

	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, EDIT_SYSTEM, snapshot, &v, &e), &e);
	ASSERT_OK(apfs_seal_info_get(v, &info, &e), &e);
	apfs_volume_close(v);
	apfs_close(c);
	return info;
}

/* Is every node and every block of a sealed state what was sealed? */
static bool seal_holds(const char *path, const char *snapshot)
{
	struct apfs_seal_report report = {.faults = 1};
	struct apfs_volume *v;
	struct apfs *c;

	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, EDIT_SYSTEM, snapshot, &v, &e), &e);
	ASSERT_OK(apfs_seal_check(v, NULL, &report, &e), &e);
	apfs_seal_report_release(&report);
	apfs_volume_close(v);
	apfs_close(c);
	return report.faults == 0;
}

static struct apfs_volume_info info_of(const char *path, unsigned slot)
{
	struct apfs_volume_info info = {.slot = 99};
	struct apfs *c;

	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	ASSERT_OK(apfs_volume_get_info(c, slot, &info, &e), &e);
	apfs_close(c);
	return info;
}

static void root_from_a_snapshot(void)
{
	struct image im;
	struct apfs_edit *ed;

	edit_case_init(&im, "root.apfs", true);
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_set_root(ed, EDIT_SYSTEM, "first", &e), &e);
	edit_commit(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_UNKNOWN));
	CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).root_to_xid, 2);
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_set_root(ed, EDIT_SYSTEM, NULL, &e), &e);
	edit_commit(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).root_to_xid, 0);
	image_release(&im);
}

static void seal_is_broken_and_mended(void)
{
	struct image im;
	struct apfs_edit *ed;

	edit_case_init(&im, "seal.apfs", true);
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_break_seal(ed, EDIT_SYSTEM, &e), &e);
	edit_commit(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_UNKNOWN));
	CU_ASSERT_TRUE(seal_of(im.path, NULL).broken);
	CU_ASSERT_EQUAL(seal_of(im.path, NULL).broken_xid, 4);
	CU_ASSERT_FALSE(seal_of(im.path, "first").broken);
	CU_ASSERT_TRUE(seal_holds(im.path, "first"));
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_unbreak(ed, EDIT_SYSTEM, &e), &e);
	edit_commit(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_FALSE(seal_of(im.path, NULL).broken);
	CU_ASSERT_TRUE(seal_holds(im.path, NULL));
	/* What is not sealed has no seal to break. */
	ed = edit_begin(im.path);
	ASSERT_FAILS(apfs_edit_break_seal(ed, EDIT_DATA, &e), E_INVAL);
	ASSERT_FAILS(apfs_edit_unbreak(ed, EDIT_DATA, &e), E_INVAL);
	apfs_edit_abort(ed);
	image_release(&im);
}

/* Content that came after the break keeps the seal broken. */
static void changed_content_is_not_mended(void)
{
	struct image im;
	struct apfs_edit *ed;
	uint8_t hash[32];

	edit_case_init(&im, "changed.apfs", true);
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &im.tree[EDIT_DATA],
					 APFS_EDIT_BROKEN, hash, &e),
		  &e);
	edit_commit(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_UNKNOWN));
	CU_ASSERT_TRUE(seal_of(im.path, NULL).broken);
	CU_ASSERT_EQUAL(memcmp(seal_of(im.path, NULL).root_hash, hash, 32), 0);
	CU_ASSERT_FALSE(seal_of(im.path, "first").broken);
	CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, NULL), 1);
	CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, "first"), 0);
	ed = edit_begin(im.path);
	ASSERT_FAILS(apfs_edit_unbreak(ed, EDIT_SYSTEM, &e), E_PERM);
	apfs_edit_abort(ed);
	image_release(&im);
}

static void snapshots_come_and_go(void)
{
	struct image im;
	struct apfs_edit *ed;

	for (int sealed = 0; sealed < 2; sealed++) {
		edit_case_init(&im, "snapshots.apfs", sealed);
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM,
						    "com.apple.bless.0A1B", &e),
			  &e);
		ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_DATA, "data", &e), &e);
		edit_commit(ed);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		/* Two of one state, in one transaction. */
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, "third", &e), &e);
		ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, "fourth", &e), &e);
		edit_commit(ed);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).num_snapshots, 4);
		CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, "third"), 0);
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "first", &e), &e);
		edit_commit(ed);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, "third"), 0);
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "fourth", &e), &e);
		ASSERT_OK(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "third", &e), &e);
		ASSERT_OK(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM,
						    "com.apple.bless.0A1B", &e),
			  &e);
		ASSERT_OK(apfs_edit_snapshot_delete(ed, EDIT_DATA, "data", &e), &e);
		edit_commit(ed);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).num_snapshots, 0);
		CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, NULL), 0);
		image_release(&im);
	}
}

/* Sealed, broken and unsealed states of one volume; back to each of them. */
static void states_of_all_kinds(void)
{
	static const struct {
		const char *name;
		enum apfs_edit_seal mode;
	} states[] = {{"sealed", APFS_EDIT_SEALED},
		      {"broken", APFS_EDIT_BROKEN},
		      {"unsealed", APFS_EDIT_UNSEALED}};
	struct image im;
	struct apfs_edit *ed;

	edit_case_init(&im, "kinds.apfs", false);
	for (unsigned i = 0; i < 3; i++) {
		struct fs_tree t;

		ASSERT_OK(fs_tree_init(&t, EDIT_TIME, &e), &e);
		edit_content(&t, 10 + i);
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &t, states[i].mode,
						 NULL, &e),
			  &e);
		ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, states[i].name, &e),
			  &e);
		edit_commit(ed);
		fs_tree_release(&t);
		CU_ASSERT_TRUE(edit_accepted(im.path, i ? EDIT_UNKNOWN : EDIT_PLAIN));
		CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).sealed, i < 2);
	}
	for (int i = 2; i >= 0; i--) {
		CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, states[i].name),
				10 + i);
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_revert(ed, EDIT_SYSTEM, states[i].name, &e), &e);
		edit_commit(ed);
		CU_ASSERT_TRUE(edit_accepted(im.path, i ? EDIT_UNKNOWN : EDIT_PLAIN));
		CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, NULL), 10 + i);
		CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).num_snapshots,
				(uint64_t)i + 2);
		if (i < 2)
			CU_ASSERT_EQUAL(seal_of(im.path, NULL).broken, i == 1);
	}
	CU_ASSERT_TRUE(seal_holds(im.path, NULL));
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_revert(ed, EDIT_SYSTEM, "first", &e), &e);
	edit_commit(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_FALSE(info_of(im.path, EDIT_SYSTEM).sealed);
	CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, NULL), 0);
	image_release(&im);
}

/* Nothing that was there before a transaction needs more room after it was undone. */
static void what_is_dropped_is_free_again(void)
{
	struct image im;
	struct apfs_edit *ed;
	uint64_t before = 0;
	struct apfs *c;
	struct apfs_info info;

	edit_case_init(&im, "leak.apfs", true);
	for (int i = 0; i < 6; i++) {
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &im.tree[i % 2],
						 APFS_EDIT_SEALED, NULL, &e),
			  &e);
		edit_commit(ed);
		ed = edit_begin(im.path);
		ASSERT_OK(apfs_edit_revert(ed, EDIT_SYSTEM, "first", &e), &e);
		edit_commit(ed);
		ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
		apfs_get_info(c, &info);
		apfs_close(c);
		/* The queue of the last transaction is the same each time. */
		if (i < 2)
			before = info.free_blocks;
		else if (i % 2 == 1)
			CU_ASSERT_EQUAL(info.free_blocks, before);
	}
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	image_release(&im);
}

/* A tree that is read from a volume and written again has the same root hash. */
static void a_tree_goes_round(void)
{
	struct apfs_seal_info before;
	struct image im;
	struct apfs_edit *ed;
	struct apfs_volume *v;
	struct fs_tree t;
	uint8_t hash[32];

	edit_case_init(&im, "round.apfs", true);
	before = seal_of(im.path, "first");
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_volume_open(apfs_edit_container(ed), EDIT_SYSTEM, NULL, &v, &e),
		  &e);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(apfs_edit_tree_from_volume(v, 1 << 24, &t, &e), &e);
	apfs_volume_close(v);
	CU_ASSERT_PTR_EQUAL(fs_tree_find(&t, "/bin/sh"),
			    fs_tree_find(&t, "/bin/bash")->link);
	ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &t, APFS_EDIT_SEALED, hash, &e),
		  &e);
	edit_commit(ed);
	CU_ASSERT_EQUAL(memcmp(hash, before.root_hash, 32), 0);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_TRUE(seal_holds(im.path, NULL));
	fs_tree_release(&t);
	image_release(&im);
}

static void too_much_content_to_import(void)
{
	struct image im;
	struct apfs_volume *v;
	struct fs_tree t;
	struct apfs *c;

	edit_case_init(&im, "much.apfs", false);
	ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, EDIT_SYSTEM, NULL, &v, &e), &e);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_FAILS(apfs_edit_tree_from_volume(v, 50000, &t, &e), E_OVERFLOW);
	fs_tree_release(&t);
	apfs_volume_close(v);
	apfs_close(c);
	image_release(&im);
}

static void what_cannot_be(void)
{
	static const char *const bad_names[] = {"", "a/b", "not\xff utf-8"};
	struct image im;
	struct apfs_edit *ed;
	char long_name[300];

	memset(long_name, 'x', sizeof(long_name));
	long_name[256] = '\0';
	edit_case_init(&im, "no.apfs", true);
	CU_ASSERT_EQUAL(
		test_shell("cp --sparse=always '%s' '%s.before'", im.path, im.path), 0);
	ed = edit_begin(im.path);
	ASSERT_FAILS(apfs_edit_snapshot_create(ed, 7, "x", &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_edit_snapshot_create(ed, 700, "x", &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, "first", &e), E_EXISTS);
	for (size_t i = 0; i < 3; i++)
		ASSERT_FAILS(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, bad_names[i], &e),
			     E_INVAL);
	ASSERT_FAILS(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, long_name, &e), E_INVAL);
	ASSERT_FAILS(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "second", &e),
		     E_NOTFOUND);
	ASSERT_FAILS(apfs_edit_set_root(ed, EDIT_SYSTEM, "second", &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_edit_revert(ed, EDIT_SYSTEM, "second", &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_edit_replace_tree(ed, EDIT_DATA, &im.tree[0], APFS_EDIT_SEALED,
					    NULL, &e),
		     E_INVAL);
	/* None of these changed anything, so there is nothing to write. */
	edit_commit(ed);
	CU_ASSERT_EQUAL(test_shell("cmp '%s' '%s.before'", im.path, im.path), 0);
	/* The snapshot to root from stays, and so does what it needs. */
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, "second", &e), &e);
	ASSERT_OK(apfs_edit_set_root(ed, EDIT_SYSTEM, "second", &e), &e);
	ASSERT_FAILS(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "second", &e), E_PERM);
	ASSERT_FAILS(apfs_edit_revert(ed, EDIT_SYSTEM, "first", &e), E_PERM);
	apfs_edit_abort(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_EQUAL(info_of(im.path, EDIT_SYSTEM).num_snapshots, 1);
	image_release(&im);
}

static void a_disk_that_is_read_only(void)
{
	struct image im;
	struct apfs_edit *ed;
	struct vdisk *d;

	edit_case_init(&im, "ro.apfs", false);
	ASSERT_OK(vdisk_open(im.path, &d, &e), &e);
	ASSERT_FAILS(apfs_edit_begin(d, 0, d->size, EDIT_TIME, &ed, &e), E_PERM);
	vdisk_close(d);
	ASSERT_FAILS(apfs_edit_begin_path("/nonexistent", EDIT_TIME, &ed, &e),
		     E_NOTFOUND);
	image_release(&im);
}

static void a_full_container(void)
{
	struct image im;
	struct apfs_edit *ed;
	char host[300];

	edit_case_init(&im, "full.apfs", true);
	snprintf(host, sizeof(host), "%s/big", test_tmpdir());
	CU_ASSERT_EQUAL_FATAL(test_shell("truncate -s 700M '%s'", host), 0);
	ASSERT_OK(fs_tree_host_file(&im.tree[EDIT_SYSTEM], "/big", 0644, host, NULL, &e),
		  &e);
	ed = edit_begin(im.path);
	ASSERT_FAILS(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &im.tree[EDIT_SYSTEM],
					    APFS_EDIT_UNSEALED, NULL, &e),
		     E_NOSPC);
	apfs_edit_abort(ed);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, NULL), 0);
	image_release(&im);
}

TEST_MAIN("apfs edit", {"root from a snapshot", root_from_a_snapshot},
	  {"a seal is broken and mended", seal_is_broken_and_mended},
	  {"changed content is not mended", changed_content_is_not_mended},
	  {"snapshots come and go", snapshots_come_and_go},
	  {"states of all kinds", states_of_all_kinds},
	  {"what is dropped is free again", what_is_dropped_is_free_again},
	  {"a tree goes round", a_tree_goes_round},
	  {"too much content to import", too_much_content_to_import},
	  {"what cannot be", what_cannot_be},
	  {"a disk that is read-only", a_disk_that_is_read_only},
	  {"a full container", a_full_container})
