/* SPDX-License-Identifier: MIT */
/* What is served of a sealed volume is what was sealed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "components/apfs/fs.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/test/seal_image.h"

static struct err e;
static struct seal_image im;
static char log_text[8192];

static void keep_line(void *ctx, const char *line)
{
	(void)ctx;
	CU_ASSERT_FATAL(strlen(log_text) + strlen(line) + 2 < sizeof(log_text));
	strcat(log_text, line);
	strcat(log_text, "\n");
}

static int open_state(const char *snapshot, const uint8_t *root_hash, bool no_verify,
		      struct apfs_fs **ret)
{
	const struct apfs_fs_options o = {
		.disk = im.path,
		.snapshot = snapshot,
		.root_hash = root_hash,
		.no_verify = no_verify,
		.device = "disk3s1",
		.log = keep_line,
	};

	log_text[0] = '\0';
	return apfs_fs_open(&o, ret, &e);
}

/* From the boot's snapshot and its root hash, as boot does. */
static struct apfs_fs *open_snapshot(void)
{
	struct apfs_fs *fs = NULL;

	ASSERT_OK(open_state(im.sealed.snapshot, im.sealed.root_hash, false, &fs), &e);
	CU_ASSERT_TRUE(apfs_fs_verifies(fs));
	return fs;
}

/* 0, or the errno of looking @path up and reading all of it. */
static int read_file(struct apfs_fs *fs, const char *folder, const char *name,
		     uint64_t off, size_t len)
{
	static uint8_t got[SEAL_BIG_BYTES], want[SEAL_BIG_BYTES];
	uint64_t dir = APFS_INO_ROOT;
	char path[64];
	struct stat st;
	size_t n;
	int r = 0;

	if (folder[0]) {
		r = apfs_fs_lookup(fs, dir, folder, &st);
		dir = st.st_ino;
	}
	if (!r)
		r = apfs_fs_lookup(fs, dir, name, &st);
	if (!r)
		r = apfs_fs_read(fs, st.st_ino, off, got, len, &n);
	if (r)
		return r;
	snprintf(path, sizeof(path), "%s%s/%s", folder[0] ? "/" : "", folder, name);
	seal_image_content(path, want, off + n);
	CU_ASSERT_EQUAL(memcmp(got, want + off, n), 0);
	return 0;
}

static unsigned errors_of_small_files(struct apfs_fs *fs)
{
	char folder[32], name[32];
	unsigned bad = 0;

	for (int i = 0; i < SEAL_SMALL_FILES; i++) {
		int r;

		snprintf(folder, sizeof(folder), "folder %d", i % 10);
		snprintf(name, sizeof(name), "file %d", i);
		r = read_file(fs, folder, name, 0, 4096);
		CU_ASSERT_TRUE(!r || r == EIO);
		bad += r == EIO;
	}
	return bad;
}

static void serves_what_was_sealed(void)
{
	struct apfs_fs *fs;

	seal_image_make(&im, "whole");
	fs = open_snapshot();
	CU_ASSERT_EQUAL(read_file(fs, "", "big", 0, SEAL_BIG_BYTES), 0);
	CU_ASSERT_EQUAL(read_file(fs, "", "slack", 0, 8192), 0);
	CU_ASSERT_EQUAL(errors_of_small_files(fs), 0);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	apfs_fs_close(fs);
	/* The live state has a seal of its own, and says itself what it is. */
	ASSERT_OK(open_state(NULL, NULL, false, &fs), &e);
	CU_ASSERT_TRUE(apfs_fs_verifies(fs));
	CU_ASSERT_EQUAL(errors_of_small_files(fs), 0);
	apfs_fs_close(fs);
}

static void serves_nothing_of_another_seal(void)
{
	uint8_t other[32];
	struct apfs_fs *fs;

	memcpy(other, im.sealed.root_hash, sizeof(other));
	other[31] ^= 1;
	ASSERT_FAILS(open_state(im.sealed.snapshot, other, false, &fs), E_BADHASH);
	/* Not to look has to be said, and is no way round a hash that is wanted. */
	ASSERT_FAILS(open_state(im.sealed.snapshot, other, true, &fs), E_BADHASH);
}

static void a_bad_piece_is_an_error_of_its_file(void)
{
	struct apfs_fs *fs;
	uint8_t piece[4096];
	char line[128];
	struct stat st;
	uint64_t bno;
	size_t at;

	/* The third block of /big: in the first 16 KiB, which have one hash. */
	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = seal_image_byte("/big", 8192 + i);
	bno = seal_image_find(&im, 1, piece, sizeof(piece), &at);
	CU_ASSERT_FATAL(bno && !at);
	seal_image_flip(&im, bno, 100, 1);
	fs = open_snapshot();
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(read_file(fs, "", "big", 0, SEAL_BIG_BYTES), EIO);
		CU_ASSERT_EQUAL(read_file(fs, "", "big", 0, 1), EIO);
		CU_ASSERT_EQUAL(read_file(fs, "", "big", 16384, 100000), 0);
		CU_ASSERT_EQUAL(errors_of_small_files(fs), 0);
	}
	CU_ASSERT_EQUAL(apfs_fs_lookup(fs, APFS_INO_ROOT, "big", &st), 0);
	snprintf(line, sizeof(line),
		 "disk3s1 hash mismatch: stream 0x%llx, offset 0, block %llu\n",
		 (unsigned long long)st.st_ino, (unsigned long long)bno - 2);
	CU_ASSERT_STRING_EQUAL(log_text, line);
	apfs_fs_close(fs);
	/* Who says so gets it as it is. */
	ASSERT_OK(open_state(im.sealed.snapshot, NULL, true, &fs), &e);
	CU_ASSERT_FALSE(apfs_fs_verifies(fs));
	CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, 8192, piece, sizeof(piece), &at), 0);
	CU_ASSERT_EQUAL(piece[100], seal_image_byte("/big", 8292) ^ 1);
	apfs_fs_close(fs);
	seal_image_flip(&im, bno, 100, 1);
}

/* A leaf in the middle of the tree. */
static uint64_t find_leaf(void)
{
	uint8_t b[APFS_BLOCK_SIZE];
	const struct apfs_btree_node *n = (const void *)b;
	uint64_t leaves[64], count = 0;

	for (uint64_t bno = 1; bno < im.blocks && count < 64; bno++) {
		seal_image_get(&im, bno, b);
		if (seal_image_is_node(b) && !le16_get(n->btn_level))
			leaves[count++] = bno;
	}
	CU_ASSERT_FATAL(count > 4);
	return leaves[count / 2];
}

static void a_bad_node_is_an_error_of_its_files(void)
{
	uint64_t leaf = find_leaf();
	struct apfs_fs *fs;
	unsigned bad;
	char want[64];

	seal_image_flip(&im, leaf, 2000, 0x80);
	fs = open_snapshot();
	bad = errors_of_small_files(fs);
	CU_ASSERT_TRUE(bad > 0 && bad < SEAL_SMALL_FILES);
	CU_ASSERT_EQUAL(errors_of_small_files(fs), bad);
	snprintf(want, sizeof(want), ", block %llu\n", (unsigned long long)leaf);
	CU_ASSERT_EQUAL(strncmp(log_text, "disk3s1 hash mismatch: node 0x", 30), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, want));
	CU_ASSERT_PTR_EQUAL(strchr(log_text, '\n'), log_text + strlen(log_text) - 1);
	apfs_fs_close(fs);
	seal_image_flip(&im, leaf, 2000, 0x80);
}

/* A tree that was changed by somebody who can compute hashes has another root hash. */
static void a_tree_resealed_by_others_is_not_served(void)
{
	uint8_t b[APFS_BLOCK_SIZE], root[32];
	uint64_t bno = find_leaf();
	struct apfs_fs *fs;

	seal_image_get(&im, bno, b);
	b[3000] ^= 1;
	seal_image_reseal(&im, bno, b, root);
	CU_ASSERT_NOT_EQUAL(memcmp(root, im.sealed.root_hash, sizeof(root)), 0);
	ASSERT_FAILS(open_state(im.sealed.snapshot, im.sealed.root_hash, false, &fs),
		     E_BADHASH);
	ASSERT_OK(open_state(im.sealed.snapshot, root, false, &fs), &e);
	apfs_fs_close(fs);
	seal_image_close(&im);
}

TEST_MAIN("apfs-fs-seal", {"serves what was sealed", serves_what_was_sealed},
	  {"serves nothing of another seal", serves_nothing_of_another_seal},
	  {"a bad piece is an error of its file alone",
	   a_bad_piece_is_an_error_of_its_file},
	  {"a bad node is an error of its files alone",
	   a_bad_node_is_an_error_of_its_files},
	  {"a tree that others sealed is not served",
	   a_tree_resealed_by_others_is_not_served})
