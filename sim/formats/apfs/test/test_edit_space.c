/* SPDX-License-Identifier: MIT */
/* The space manager under transactions: free queues of many nodes, reserves, quotas. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/edit_impl.h"
#include "sim/formats/apfs/test/edit_case.h"

static struct err e;

/* ---- Free queues ---- */

/*
 * Take @n blocks, each with a free one behind it, in a transaction of their own; nobody
 * refers to them.
 */
static void scatter(const char *path, size_t n, uint64_t *blocks)
{
	struct apfs_edit *ed = edit_begin(path);
	struct apfs_range run = {.count = 0};

	for (size_t i = 0; i < n; i++) {
		if (run.count < 2)
			ASSERT_OK(edit_space_alloc(&ed->space, 256, &run, &e), &e);
		blocks[i] = run.block;
		ASSERT_OK(edit_space_unalloc(&ed->space,
					     &(struct apfs_range){.block = run.block + 1,
								  .count = 1},
					     &e),
			  &e);
		run.block += 2;
		run.count -= 2;
	}
	if (run.count > 0)
		ASSERT_OK(edit_space_unalloc(&ed->space, &run, &e), &e);
	ed->omap.dirty = true;
	edit_commit(ed);
}

static int gather(const char *path, size_t n, const uint64_t *blocks)
{
	struct apfs_edit *ed = edit_begin(path);

	for (size_t i = 0; i < n; i++)
		ASSERT_OK(edit_space_free(&ed->space, blocks[i], 1, &e), &e);
	ed->omap.dirty = true;
	return apfs_edit_commit(ed, &e);
}

static uint64_t free_blocks(const char *path)
{
	struct apfs_info info;
	struct apfs *c;

	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	apfs_get_info(c, &info);
	apfs_close(c);
	return info.free_blocks;
}

/* Runs of one block: no value in the queue's node, and levels of index nodes. */
static void queues_of_many_nodes(void)
{
	static const size_t sizes[] = {1, 142, 143, 144, 145, 3000, 4600};
	static uint64_t blocks[5000];
	struct image im;

	edit_case_init(&im, "queue.apfs", false);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t before = free_blocks(im.path);

		scatter(im.path, sizes[i], blocks);
		CU_ASSERT_TRUE(free_blocks(im.path) < before);
		ASSERT_OK(gather(im.path, sizes[i], blocks), &e);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		/* The next transaction reads the queue and releases what is in it. */
		ASSERT_OK(gather(im.path, 0, blocks), &e);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		ASSERT_OK(gather(im.path, 0, blocks), &e);
		CU_ASSERT_EQUAL(free_blocks(im.path), before);
	}
	/* Of this size the container takes 34 nodes. */
	scatter(im.path, 4900, blocks);
	ASSERT_FAILS(gather(im.path, 4900, blocks), E_NOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "free queue"));
	image_release(&im);
}

static void what_is_not_in_use(void)
{
	struct image im;
	struct apfs_edit *ed;
	struct apfs_range run;

	edit_case_init(&im, "free.apfs", false);
	ed = edit_begin(im.path);
	ASSERT_OK(edit_space_alloc(&ed->space, 10, &run, &e), &e);
	CU_ASSERT_EQUAL(run.count, 10);
	ASSERT_OK(edit_space_free(&ed->space, run.block, 10, &e), &e);
	ASSERT_FAILS(edit_space_free(&ed->space, run.block, 1, &e), E_CORRUPT);
	ASSERT_FAILS(edit_space_free(&ed->space, run.block + 20, 1, &e), E_CORRUPT);
	ASSERT_FAILS(edit_space_free(&ed->space, 0, 1, &e), E_CORRUPT);
	ASSERT_FAILS(edit_space_free(&ed->space, ed->space.pool_base + 3, 1, &e),
		     E_CORRUPT);
	ASSERT_FAILS(edit_space_free(&ed->space, EDIT_SIZE / 4096, 1, &e), E_CORRUPT);
	ASSERT_FAILS(edit_space_free(&ed->space, 5000, UINT64_MAX, &e), E_CORRUPT);
	/* What was given back is not handed out again: it may have been read. */
	uint64_t given = run.block;

	ASSERT_OK(edit_space_alloc(&ed->space, 10, &run, &e), &e);
	CU_ASSERT_TRUE(run.block >= given + 10 || run.block + run.count <= given);
	apfs_edit_abort(ed);
	image_release(&im);
}

/* ---- Reserves and quotas ---- */

/*
 * Set fields of the Data volume's superblock and of the space manager as a volume with a
 * reserve and a quota has them.
 */
static void set_limits(const char *path, uint64_t reserve, uint64_t quota)
{
	struct apfs_edit *ed = edit_begin(path);
	struct apfs_spaceman *sm = edit_space_raw(&ed->space);
	struct edit_volume *v;
	uint64_t used;

	ASSERT_OK(edit_volume_get(ed, EDIT_DATA, &v, &e), &e);
	used = le64_get(v->sb.apfs_fs_alloc_count);
	sm->sm_fs_reserve_block_count = to_le64(reserve);
	sm->sm_fs_reserve_alloc_count = to_le64(used < reserve ? used : reserve);
	v->sb.apfs_fs_reserve_block_count = to_le64(reserve);
	v->sb.apfs_fs_quota_block_count = to_le64(quota);
	v->dirty = true;
	edit_commit(ed);
}

static void replace(const char *path, unsigned which, int want)
{
	struct apfs_edit *ed = edit_begin(path);
	struct fs_tree t;

	ASSERT_OK(fs_tree_init(&t, EDIT_TIME, &e), &e);
	edit_content(&t, which);
	ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_DATA, &t, APFS_EDIT_UNSEALED, NULL, &e),
		  &e);
	CU_ASSERT_EQUAL(apfs_edit_commit(ed, &e), want);
	fs_tree_release(&t);
}

/* A volume below its reserve, above it, and below again. */
static void reserves_and_quotas(void)
{
	struct image im;

	edit_case_init(&im, "reserve.apfs", false);
	set_limits(im.path, 400, 1000);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	for (unsigned which = 0; which < 9; which += 4) {
		replace(im.path, which, 0);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
		replace(im.path, 0, 0);
		CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	}
	set_limits(im.path, 0, 300);
	replace(im.path, 8, -E_NOSPC);
	CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_DATA, NULL), 0);
	image_release(&im);
}

TEST_MAIN("apfs edit space", {"queues of many nodes", queues_of_many_nodes},
	  {"what is not in use", what_is_not_in_use},
	  {"reserves and quotas", reserves_and_quotas})
