/* SPDX-License-Identifier: MIT */
/*
 * Our reader beside 7-Zip: both extract the same image, and everything is equal.
 * $KEXTLAB_IMAGE names one more image to compare, of any origin, a bare container.
 */
#include "sim/formats/apfs/test/make_image.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <zlib.h>

#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/extract.h"

static bool have_7zz(void)
{
	return test_shell("command -v 7zz >/dev/null 2>&1") == 0;
}

/* Extract the volume in @slot to the new folder @dest. */
static void extract(const char *image, unsigned slot, const char *dest,
		    struct apfs_extract_result *res)
{
	struct apfs_extract_opts opts = {.xattrs = true};
	struct apfs_volume *v;
	struct apfs *c;
	struct err e = ERR_INIT;

	test_shell("chmod -R u+rwX %s 2>/dev/null; rm -rf %s", dest, dest);
	ASSERT_OK(apfs_open_path(image, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, slot, NULL, &v, &e), &e);
	ASSERT_OK(apfs_extract(v, "/", dest, &opts, res, &e), &e);
	apfs_volume_close(v);
	apfs_close(c);
}

/* 7-Zip makes attributes files of their own, "name:attribute"; they are left out. */
static void same_as_7zz(const char *image, const char *ours)
{
	const char *theirs = in_tmp("theirs");

	CU_ASSERT_EQUAL_FATAL(test_shell("chmod -R u+rwX %s 2>/dev/null; rm -rf %s; "
					 "7zz x -y -tapfs -snld -o%s %s >%s.log 2>&1 || ! cat %s.log",
					 theirs, theirs, theirs, image, theirs, theirs), 0);
	CU_ASSERT_EQUAL(test_shell("find %s -name '*:*' ! -type d -delete; chmod -R u+rwX %s %s; "
				   "diff -rq --no-dereference %s %s",
				   theirs, theirs, ours, theirs, ours), 0);
	CU_ASSERT_EQUAL(test_shell("list() { (cd $1 && find . -printf '%%p %%y %%l\\n' | sort); }; "
				   "list %s >%s.a; list %s >%s.b; diff %s.a %s.b",
				   theirs, theirs, ours, theirs, theirs, theirs), 0);
}

/* ---- compressed files ---- */

#define PIECE 65536

static void put_attr(struct fs_node *n, uint32_t type, uint64_t size, const uint8_t *data,
		     size_t len)
{
	uint8_t attr[4096];
	struct err e = ERR_INIT;

	memcpy(attr, "fpmc", 4);
	put_le32(attr + 4, type);
	put_le64(attr + 8, size);
	if (len)
		memcpy(attr + 16, data, len);
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.decmpfs", attr, 16 + len, &e), &e);
	n->bsd_flags = APFS_UF_COMPRESSED;
}

static struct fs_node *add_compressed(struct fs_tree *t, const char *path)
{
	struct fs_node *n;
	struct err e = ERR_INIT;

	ASSERT_OK(fs_tree_file(t, path, 0644, NULL, 0, &n, &e), &e);
	return n;
}

static void add_inline(struct fs_tree *t, const char *path, const char *text, bool stored)
{
	struct fs_node *n = add_compressed(t, path);
	uint8_t data[3000] = {0xff};
	uLongf len = sizeof(data);

	if (stored) {
		strcpy((char *)data + 1, text);
		len = strlen(text) + 1;
	} else {
		CU_ASSERT_EQUAL(compress(data, &len, (const uint8_t *)text, strlen(text)), Z_OK);
	}
	put_attr(n, 3, strlen(text), data, len);
}

/* Content of the forked file: pieces that shrink and, from @noise on, one that does not. */
static uint8_t *fork_content(size_t len, size_t noise)
{
	uint8_t *p = malloc(len);
	uint32_t x = 1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = i >= noise && i < noise + PIECE ? (uint8_t)(x >> 24) : (uint8_t)(i / 100);
	}
	return p;
}

/* A resource fork as a Mac writes it: header, one resource of all pieces, an empty map. */
static void add_forked(struct fs_tree *t, const char *path, const uint8_t *data, size_t len)
{
	struct fs_node *n = add_compressed(t, path);
	size_t pieces = (len + PIECE - 1) / PIECE, table = 0x104, at = table + 4 + 8 * pieces;
	uint8_t *fork = calloc(1, len + 100000);
	struct err e = ERR_INIT;

	CU_ASSERT_PTR_NOT_NULL_FATAL(fork);
	put_le32(fork + table, (uint32_t)pieces);
	for (size_t i = 0; i < pieces; i++) {
		size_t size = i + 1 < pieces ? PIECE : len - i * PIECE;
		uLongf got = size;

		if (compress(fork + at, &got, data + i * PIECE, size) != Z_OK) {
			fork[at] = 0xff;
			memcpy(fork + at + 1, data + i * PIECE, size);
			got = size + 1;
		}
		put_le32(fork + table + 4 + 8 * i, (uint32_t)(at - table));
		put_le32(fork + table + 8 + 8 * i, (uint32_t)got);
		at += got;
	}
	put_be32(fork, 0x100);
	put_be32(fork + 4, (uint32_t)at);
	put_be32(fork + 8, (uint32_t)(at - 0x100));
	put_be32(fork + 12, 50);
	put_be32(fork + 0x100, (uint32_t)(at - table));
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.ResourceFork", fork, at + 50, &e), &e);
	put_attr(n, 4, len, NULL, 0);
	free(fork);
}

static void compressed_files(void)
{
	size_t len = 5 * PIECE + 777, got;
	uint8_t *data = fork_content(len, 2 * PIECE), part[1000];
	struct apfs_file *f;
	struct apfs_inode i;
	struct apfs_volume *v;
	struct apfs *c;
	struct fs_tree t;
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT;

	ASSERT_OK(fs_tree_init(&t, TEST_TIME, &e), &e);
	add_inline(&t, "/small", "a short text, a short text, a short text", false);
	add_inline(&t, "/stored", "abc", true);
	add_forked(&t, "/big", data, len);
	put_attr(add_compressed(&t, "/lzvn"), 7, 100, (const uint8_t *)"\6", 1);
	put_attr(add_compressed(&t, "/bad"), 3, 100, (const uint8_t *)"\x78\x9c junk", 7);
	put_attr(add_compressed(&t, "/nofork"), 4, 100, NULL, 0);
	make_image(in_tmp("packed"), &t, false);
	ASSERT_OK(apfs_open_path(in_tmp("packed"), &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, NULL, &v, &e), &e);

	ASSERT_OK(apfs_read_path(v, "/small", 100, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "a short text, a short text, a short text");
	buf_clear(&out);
	ASSERT_OK(apfs_read_path(v, "/stored", 100, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "abc");
	buf_clear(&out);
	ASSERT_OK(apfs_read_path(v, "/big", 1 << 20, &out, &e), &e);
	CU_ASSERT_EQUAL(out.len, len);
	CU_ASSERT_EQUAL(memcmp(out.data, data, len), 0);
	ASSERT_OK(apfs_lookup(v, "/big", 0, &i, &e), &e);
	CU_ASSERT_EQUAL(i.size, len);
	ASSERT_OK(apfs_file_open(v, &i, &f, &e), &e);
	for (size_t off = len - 500; off > 70000; off -= 70000) {
		size_t n = len - off < sizeof(part) ? len - off : sizeof(part);

		ASSERT_OK(apfs_file_pread(f, off, part, sizeof(part), &got, &e), &e);
		CU_ASSERT_EQUAL(got, n);
		CU_ASSERT_EQUAL(memcmp(part, data + off, n), 0);
	}
	apfs_file_close(f);
	ASSERT_FAILS(apfs_read_path(v, "/lzvn", 1 << 20, &out, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "compression type 7 (LZVN"));
	ASSERT_FAILS(apfs_read_path(v, "/bad", 1 << 20, &out, &e), E_CORRUPT);
	ASSERT_FAILS(apfs_read_path(v, "/nofork", 1 << 20, &out, &e), E_CORRUPT);
	apfs_volume_close(v);
	apfs_close(c);

	fs_tree_release(&t);
	buf_release(&out);
	free(data);
}

/* ---- extraction ---- */

static void build(struct fs_tree *t)
{
	uint8_t *big = calloc(1, 5 << 20);
	struct fs_node *n;
	struct err e = ERR_INIT;
	char path[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	ASSERT_OK(fs_tree_init(t, TEST_TIME, &e), &e);
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/d%d/e/file %d", i % 20, i);
		ASSERT_OK(fs_tree_file(t, path, i % 2 ? 0600 : 0755, path, (size_t)i % 30, NULL,
				       &e), &e);
	}
	memset(big + (1 << 20), 7, 5000);
	memset(big + (5 << 20) - 1, 8, 1);
	ASSERT_OK(fs_tree_file(t, "/sparse", 04755, big, 5 << 20, &n, &e), &e);
	n->mtime_ns = TEST_TIME + 5;
	ASSERT_OK(fs_node_set_xattr(n, "color", "red", 3, &e), &e);
	ASSERT_OK(fs_tree_hardlink(t, "/d1/again", n, &e), &e);
	ASSERT_OK(fs_tree_symlink(t, "/link", "d1/e/nothing", NULL, &e), &e);
	ASSERT_OK(fs_tree_mkdir(t, "/closed", 0500, NULL, &e), &e);
	ASSERT_OK(fs_tree_file(t, "/closed/in", 0400, "in", 2, NULL, &e), &e);
	free(big);
}

static void extracted_tree(void)
{
	struct apfs_extract_result res;
	struct fs_tree t;
	struct stat a, b;
	char color[8];

	build(&t);
	make_image(in_tmp("image"), &t, false);
	extract(in_tmp("image"), 0, in_tmp("out"), &res);
	CU_ASSERT_EQUAL(res.files, 502);
	CU_ASSERT_EQUAL(res.dirs, 42);
	CU_ASSERT_EQUAL(res.symlinks, 1);
	CU_ASSERT_EQUAL(res.hard_links, 1);
	CU_ASSERT_EQUAL_FATAL(stat(in_tmp("out/sparse"), &a), 0);
	CU_ASSERT_EQUAL_FATAL(stat(in_tmp("out/d1/again"), &b), 0);
	CU_ASSERT_EQUAL(a.st_ino, b.st_ino);
	CU_ASSERT_EQUAL(a.st_size, 5 << 20);
	CU_ASSERT_TRUE(a.st_blocks * 512 < 200000);
	CU_ASSERT_EQUAL(a.st_mode, (mode_t)(S_IFREG | 0755)); /* set-id is for owners only */
	CU_ASSERT_EQUAL(a.st_mtim.tv_nsec, 5);
	CU_ASSERT_EQUAL_FATAL(stat(in_tmp("out/closed"), &a), 0);
	CU_ASSERT_EQUAL(a.st_mode, (mode_t)(S_IFDIR | 0500));
	CU_ASSERT_EQUAL(a.st_mtime, TEST_TIME / 1000000000);
	if (!res.skipped) {
		CU_ASSERT_EQUAL(getxattr(in_tmp("out/sparse"), "user.color", color, 8), 3);
		CU_ASSERT_EQUAL(memcmp(color, "red", 3), 0);
	}
	if (have_7zz())
		same_as_7zz(in_tmp("image"), in_tmp("out"));
	test_shell("chmod -R u+rwX %s", in_tmp("out"));
	fs_tree_release(&t);
}

static void any_image(void)
{
	const char *image = getenv("KEXTLAB_IMAGE");

	if (!image)
		TEST_SKIP("no $KEXTLAB_IMAGE");
	if (access("build/apfs-tool", X_OK))
		TEST_SKIP("build/apfs-tool is not built");
	CU_ASSERT_EQUAL(test_shell("%s %s", test_source("sim/formats/apfs/test/"
							"compare-with-7zz.sh"), image), 0);
}

TEST_MAIN("apfs-extract", {"unpacks compressed files", compressed_files},
	  {"copies a tree to the host", extracted_tree}, {"any other image", any_image})
