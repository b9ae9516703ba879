/* SPDX-License-Identifier: MIT */
/* Sealed volumes and snapshots before the judges: apfsck and 7-Zip compute the seal too.
 */
#define _GNU_SOURCE /* sched_setaffinity */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/seal.h"
#include "sim/formats/apfs/test/image.h"

#define MIB	    1048576ull
#define GIB	    1073741824ull
#define FIRST_BLOCK 1024 /* nothing but areas and the pool lies below */
#define LAST_BLOCK  32768

static struct err e;

/* ---- Images ---- */

/* Bytes that no two pieces of 16 KiB have in common. */
static void *pattern(size_t len)
{
	static uint8_t data[3 * MIB];
	uint32_t x = 12345;

	CU_ASSERT_FATAL(len <= sizeof(data));
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
	return data;
}

/* All kinds of files: sizes around blocks and pieces, links, xattrs in and out of line.
 */
static void fill_tree(struct fs_tree *t)
{
	static const size_t sizes[] = {0,	1,     4095,	4096,	    4097,
				       16383,	16384, 16385,	20480,	    100000,
				       MIB - 1, MIB,   MIB + 1, 3 * MIB - 5};
	struct fs_node *n;
	char path[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(path, sizeof(path), "/sizes/s%zu", sizes[i]);
		image_file(t, path, pattern(sizes[i]), sizes[i]);
	}
	n = image_text(t, "/bin/sh", "#!shell");
	ASSERT_OK(fs_tree_hardlink(t, "/bin/bash", n, &e), &e);
	ASSERT_OK(fs_tree_hardlink(t, "/usr/bin/a-shell", n, &e), &e);
	ASSERT_OK(fs_tree_symlink(t, "/tmp", "private/tmp", NULL, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "small", "value", 5, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "large", pattern(50000), 50000, &e), &e);
	ASSERT_OK(fs_tree_mkdir(t, "/Users", 0755, &n, &e), &e);
	n->bsd_flags = SF_FIRMLINK;
	ASSERT_OK(fs_node_set_xattr(n, APFS_XATTR_NAME_FIRMLINK, "Users", 5, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "of.a.folder", pattern(9000), 9000, &e), &e);
}

/* One volume; what is not set is the caller's. */
static void image_sealed(struct image *im, const char *file, uint64_t size)
{
	image_init(im, file, size, 1);
	im->volume[0].sealed = true;
	im->volume[0].role = APFS_ROLE_SYSTEM;
	im->volume[0].snapshot = APFS_SNAPSHOT_OF_ROOT_HASH;
}

static int keep_sealed(void *ctx, size_t index, const struct apfs_sealed *s,
		       struct err *err)
{
	(void)index, (void)err;
	*(struct apfs_sealed *)ctx = *s;
	return 0;
}

/* The seal's parts on the disk, found by looking at every block. */
struct parts {
	long root, leaf, meta, data; /* blocks; 0: not found */
	unsigned levels;	     /* of the tree */
};

#define MARK "the only file whose content begins like this"

static struct parts find_parts(FILE *f)
{
	struct parts p = {0};
	uint8_t block[4096];

	for (long b = FIRST_BLOCK; b < LAST_BLOCK; b++) {
		const struct apfs_btree_node *n = (const void *)block;

		fseek(f, b * 4096, SEEK_SET);
		if (fread(block, sizeof(block), 1, f) != 1)
			break;
		unsigned type = le32_get(n->btn_o.o_type) & 0xffff,
			 flags = le16_get(n->btn_flags);

		if (memcmp(block, MARK, sizeof(MARK) - 1) == 0)
			p.data = b;
		else if (type == APFS_OT_INTEGRITY_META)
			p.meta = b;
		else if (type == 0 &&
			 flags == (APFS_BTNODE_HASHED | APFS_BTNODE_NOHEADER |
				   APFS_BTNODE_ROOT)) {
			p.root = b;
			p.levels = le16_get(n->btn_level) + 1u;
		} else if (type == 0 &&
			   flags == (APFS_BTNODE_HASHED | APFS_BTNODE_NOHEADER |
				     APFS_BTNODE_LEAF))
			p.leaf = b;
	}
	return p;
}

/* ---- What the judges say of what is written ---- */

static void seals_and_snapshots_in_every_combination(void)
{
	static const struct {
		bool sealed;
		const char *snapshot;
	} rows[] = {
		{true, APFS_SNAPSHOT_OF_ROOT_HASH},
		{true, "com.apple.os.update-MSUPrepareUpdate"},
		{true, NULL},
		{false, "by hand"},
		{false, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int sensitive = 0; sensitive < 2; sensitive++) {
			struct image im;

			image_sealed(&im, "s.apfs", 256 * MIB);
			im.volume[0].sealed = rows[i].sealed;
			im.volume[0].snapshot = rows[i].snapshot;
			im.volume[0].case_sensitive = sensitive;
			fill_tree(&im.tree[0]);
			image_must_write(&im);
			CU_ASSERT_TRUE(judges_accept(im.path));
			if (have("7zz"))
				CU_ASSERT_TRUE(extracts_as_written(&im));
			image_release(&im);
		}
}

/* A callback that gives Preboot what it needs, as a signed root hash on a Mac. */
static int into_preboot(void *ctx, size_t index, const struct apfs_sealed *s,
			struct err *err)
{
	struct image *im = ctx;

	CU_ASSERT_EQUAL(index, 4);
	return fs_tree_file(&im->tree[1], "/root_hash", 0644, s->root_hash,
			    sizeof(s->root_hash), NULL, err);
}

/* System in the last slot, written first; the group; the others unsealed. */
static void system_among_six(void)
{
	static const uint16_t roles[] = {APFS_ROLE_DATA,     APFS_ROLE_PREBOOT,
					 APFS_ROLE_RECOVERY, APFS_ROLE_VM,
					 APFS_ROLE_SYSTEM,   APFS_ROLE_UPDATE};
	struct image im;
	struct apfs *c;
	struct apfs_volume *v;
	struct buf got = BUF_INIT;
	unsigned slot;

	image_init(&im, "six.apfs", 3 * GIB, 6);
	for (size_t i = 0; i < 6; i++) {
		im.volume[i].role = roles[i];
		im.volume[i].in_group = i == 0 || i == 4;
		image_text(&im.tree[i], "/f", "content");
	}
	fill_tree(&im.tree[4]);
	im.volume[4].sealed = true;
	im.volume[4].snapshot = APFS_SNAPSHOT_OF_ROOT_HASH;
	im.spec.sealed = into_preboot;
	im.spec.ctx = &im;
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz"))
		CU_ASSERT_TRUE(extracts_as_written(&im));
	ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
	for (unsigned i = 0; i < 6; i++) {
		ASSERT_OK(apfs_volume_find_role(c, roles[i], &slot, &e), &e);
		CU_ASSERT_EQUAL(slot, i);
	}
	ASSERT_OK(apfs_volume_open(c, 1, NULL, &v, &e), &e);
	ASSERT_OK(apfs_read_path(v, "/root_hash", 64, &got, &e), &e);
	CU_ASSERT_EQUAL(got.len, 32);
	apfs_volume_close(v);
	apfs_close(c);
	buf_release(&got);
	image_release(&im);
}

static int refuse(void *ctx, size_t index, const struct apfs_sealed *s, struct err *err)
{
	(void)ctx, (void)index, (void)s;
	return err_set(err, E_BUSY, "nobody signs");
}

static void callback_ends_the_writing(void)
{
	struct image im;

	image_sealed(&im, "refused.apfs", 128 * MIB);
	im.spec.sealed = refuse;
	ASSERT_FAILS(image_write(&im, 0, &e), E_BUSY);
	CU_ASSERT_EQUAL(test_shell("head -c 4096 '%s' | tr -d '\\0' | wc -c | grep -qx 0",
				   im.path),
			0);
	image_release(&im);
}

/* Several sealed volumes in a container, each with ids that begin where others end. */
static void two_sealed_volumes(void)
{
	struct image im;

	image_init(&im, "two.apfs", GIB, 2);
	for (size_t i = 0; i < 2; i++) {
		im.volume[i].sealed = true;
		im.volume[i].snapshot = i ? "second" : NULL;
		fill_tree(&im.tree[i]);
	}
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	image_release(&im);
}

static void empty_sealed_volume(void)
{
	struct image im;

	image_sealed(&im, "empty.apfs", APFS_MIN_CONTAINER);
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	image_release(&im);
}

static void thousands_of_files_sealed(void)
{
	struct image im;
	char path[300];

	image_sealed(&im, "many.apfs", GIB);
	for (int i = 0; i < 9200; i++) {
		snprintf(path, sizeof(path), "/%s/%d/file-with-a-rather-long-name-%06d",
			 i % 2 ? "flat" : "deep", i % 2 ? 0 : i % 401, i);
		image_file(&im.tree[0], path, pattern(6000), (size_t)(i * 37 % 6000));
	}
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	if (have("7zz"))
		CU_ASSERT_TRUE(folder_extracts_as_written(&im, "/deep/8"));
	FILE *f = fopen(im.path, "rb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(find_parts(f).levels >= 3);
	fclose(f);
	image_release(&im);
}

/* Over several chunks of 128 MiB; most of it a hole, which is hashed as zeros. */
static void large_file_sealed(void)
{
	struct image im;

	image_sealed(&im, "large.apfs", 2 * GIB);
	image_large_file(&im, 8192);
	image_release(&im);
}

/* ---- Who is named, and what is read back ---- */

static void same_in(struct apfs_volume *v, const struct fs_tree *t)
{
	char path[1100];

	for (const struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		const struct fs_node *c = n->link ? n->link : n;
		struct buf got = BUF_INIT;
		struct apfs_inode ino;

		ASSERT_OK(
			apfs_lookup(v, fs_node_path(n, path, sizeof(path)), 0, &ino, &e),
			&e);
		CU_ASSERT_EQUAL(ino.mode, n->mode);
		CU_ASSERT_EQUAL(ino.bsd_flags, n->bsd_flags);
		if (S_ISREG(n->mode)) {
			ASSERT_OK(apfs_read_inode(v, &ino, 4 * MIB, &got, &e), &e);
			CU_ASSERT_EQUAL_FATAL(got.len, c->size);
			CU_ASSERT(got.len == 0 ||
				  memcmp(got.data, c->data, got.len) == 0);
		}
		for (const struct fs_xattr *x = n->xattrs; x; x = x->next) {
			buf_clear(&got);
			ASSERT_OK(apfs_xattr_get(v, ino.ino, x->name, MIB, &got, &e), &e);
			CU_ASSERT_EQUAL_FATAL(got.len, x->len);
			CU_ASSERT_EQUAL(memcmp(got.data, x->value, x->len), 0);
		}
		buf_release(&got);
	}
}

/* With our own verifier on the way: it hashes every node and piece that is read. */
static void read_and_compare(struct apfs *c, const char *snapshot, const struct image *im,
			     const struct apfs_sealed *s)
{
	const bool sealed = im->volume[0].sealed;
	struct apfs_verify_stats stats;
	struct apfs_volume *v;

	ASSERT_OK(apfs_volume_open(c, 0, snapshot, &v, &e), &e);
	CU_ASSERT_EQUAL(apfs_volume_info_of(v)->sealed, sealed);
	CU_ASSERT_EQUAL(apfs_volume_info_of(v)->num_snapshots, snapshot ? 0 : 1);
	CU_ASSERT_EQUAL(apfs_volume_info_of(v)->root_to_xid, 0);
	if (sealed)
		ASSERT_OK(apfs_volume_verify(v, s->root_hash, &e), &e);
	same_in(v, &im->tree[0]);
	apfs_verify_stats_of(v, &stats);
	CU_ASSERT_EQUAL(stats.chunks > 300, sealed);
	apfs_volume_close(v);
}

static void live_and_snapshot_are_read(void)
{
	for (int sealed = 0; sealed < 2; sealed++) {
		struct apfs_sealed s;
		struct image im;
		struct apfs *c;

		image_sealed(&im, "read.apfs", 256 * MIB);
		im.volume[0].sealed = sealed;
		im.volume[0].snapshot = "the snapshot";
		im.spec.sealed = keep_sealed;
		im.spec.ctx = &s;
		fill_tree(&im.tree[0]);
		image_must_write(&im);
		ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
		read_and_compare(c, NULL, &im, &s);
		read_and_compare(c, "the snapshot", &im, &s);
		apfs_close(c);
		image_release(&im);
	}
}

static void snapshot_is_named_after_the_root_hash(void)
{
	struct image im;
	struct apfs_sealed s;
	struct apfs *c;
	struct apfs_volume *v;
	struct apfs_snapshot *list;
	char name[APFS_SNAPSHOT_NAME_MAX] = "com.apple.os.update-";
	size_t n;

	image_sealed(&im, "named.apfs", 256 * MIB);
	im.volume[0].root_from_snapshot = true;
	im.spec.sealed = keep_sealed;
	im.spec.ctx = &s;
	fill_tree(&im.tree[0]);
	image_must_write(&im);
	for (size_t i = 0; i < 32; i++)
		snprintf(name + 20 + 2 * i, 3, "%02X", s.root_hash[i]);
	CU_ASSERT_STRING_EQUAL(s.snapshot, name);
	ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, NULL, &v, &e), &e);
	ASSERT_OK(apfs_snapshots(v, &list, &n, &e), &e);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_STRING_EQUAL(list[0].name, name);
	CU_ASSERT_EQUAL(list[0].xid, s.snapshot_xid);
	CU_ASSERT_EQUAL(apfs_volume_info_of(v)->root_to_xid, s.snapshot_xid);
	CU_ASSERT(apfs_volume_info_of(v)->xid > s.snapshot_xid);
	free(list);
	apfs_volume_close(v);
	apfs_close(c);
	/* apfsck knows of no root from a snapshot, and says so with -u. */
	if (have("apfsck"))
		CU_ASSERT_EQUAL(test_shell("apfsck -cw '%s'", im.path), 0);
	image_release(&im);
}

/* ---- Damage ---- */

static void flip(FILE *f, long block, long byte, bool object)
{
	uint8_t b[4096];

	fseek(f, block * 4096, SEEK_SET);
	CU_ASSERT_EQUAL_FATAL(fread(b, sizeof(b), 1, f), 1);
	b[byte] ^= 0x40;
	if (object) /* whoever does this on purpose fixes the checksum as well */
		put_le64(b, apfs_checksum(b, sizeof(b)));
	fseek(f, block * 4096, SEEK_SET);
	fwrite(b, sizeof(b), 1, f);
	fflush(f);
}

/* Where a leaf's free space begins. */
static long free_space_of(FILE *f, long block)
{
	uint8_t b[4096];
	const struct apfs_btree_node *n = (const void *)b;

	fseek(f, block * 4096, SEEK_SET);
	CU_ASSERT_EQUAL_FATAL(fread(b, sizeof(b), 1, f), 1);
	CU_ASSERT_FATAL(le16_get(n->btn_free_space.len) > 0);
	return (long)sizeof(*n) + le16_get(n->btn_table_space.len) +
	       le16_get(n->btn_free_space.off);
}

static void every_flipped_bit_is_found(void)
{
	struct image im;
	char path[64];

	if (!have("apfsck") || !have("7zz"))
		TEST_SKIP("no apfsck or 7zz");
	image_sealed(&im, "flip.apfs", 256 * MIB);
	image_text(&im.tree[0], "/marked", MARK);
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "/dir/file-%d", i);
		image_text(&im.tree[0], path, path);
	}
	image_must_write(&im);
	FILE *f = fopen(im.path, "r+b");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	const struct parts p = find_parts(f);

	CU_ASSERT_FATAL(p.root > 0 && p.leaf > 0 && p.meta > 0 && p.data > 0);
	const struct {
		long block, byte;
		bool object, seen_by_7zz;
	} rows[] = {
		{p.data, 3, false, true},     /* content */
		{p.data, 4000, false, false}, /* behind it, in its last block */
		{p.leaf, 4090, false, true},  /* a value */
		{p.leaf, free_space_of(f, p.leaf), false, true},
		{p.leaf, 8, false, true}, /* in the header that it does not have */
		{p.root, 4096 - 60, false, true}, /* the hash of a child */
		{p.root, 4096 - 8, false, true},  /* footer: number of nodes */
		{p.meta, 0x80, true, true},	  /* the root hash itself */
		{p.meta, 0x9f, true, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int bad = 1; bad >= 0; bad--) {
			flip(f, rows[i].block, rows[i].byte, rows[i].object);
			CU_ASSERT_EQUAL(test_shell("apfsck -cuw '%s' >/dev/null 2>&1",
						   im.path) != 0,
					bad);
			CU_ASSERT_EQUAL(
				test_shell("7zz t '%s' >/dev/null 2>&1", im.path) != 0,
				bad && rows[i].seen_by_7zz);
		}
	fclose(f);
	image_release(&im);
}

/* ---- The same bytes, whoever computes them ---- */

static void write_large(struct image *im, const char *file)
{
	image_sealed(im, file, 256 * MIB);
	for (int i = 0; i < 8; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/f%d", i);
		image_file(&im->tree[0], path, pattern(3 * MIB),
			   3 * MIB - (size_t)i * 999);
	}
	fill_tree(&im->tree[0]);
	image_must_write(im);
}

/* With one processor there is no other thread. */
static void same_bytes_with_and_without_threads(void)
{
	struct image a, b;
	cpu_set_t all, one;

	CU_ASSERT_EQUAL_FATAL(sched_getaffinity(0, sizeof(all), &all), 0);
	write_large(&a, "a.apfs");
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	CU_ASSERT_EQUAL_FATAL(sched_setaffinity(0, sizeof(one), &one), 0);
	write_large(&b, "b.apfs");
	CU_ASSERT_EQUAL(sched_setaffinity(0, sizeof(all), &all), 0);
	CU_ASSERT_EQUAL(test_shell("cmp '%s' '%s'", a.path, b.path), 0);
	image_release(&a);
	image_release(&b);
}

/* UUIDs, names, other volumes and addresses are not part of what is sealed. */
static void root_hash_follows_from_the_tree(void)
{
	struct apfs_sealed s[3];

	for (int i = 0; i < 3; i++) {
		struct image im;

		image_init(&im, "hash.apfs", GIB, 2);
		im.volume[i % 2].sealed = true;
		memset(im.volume[i % 2].uuid, i, 16);
		im.spec.sealed = keep_sealed;
		im.spec.ctx = &s[i];
		fill_tree(&im.tree[i % 2]);
		image_text(&im.tree[1 - i % 2], "/other", "other");
		if (i == 2)
			fs_tree_find(&im.tree[0], "/bin/sh")->mtime_ns++;
		image_must_write(&im);
		image_release(&im);
	}
	CU_ASSERT_EQUAL(memcmp(s[0].root_hash, s[1].root_hash, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(s[0].root_hash, s[2].root_hash, 32), 0);
}

/* ---- What cannot be written ---- */

static void specs_of_seals_that_make_no_sense(void)
{
	struct image im;
	struct fs_node *n;
	char name[300];

	image_sealed(&im, "spec.apfs", 256 * MIB);
	im.volume[0].role = APFS_ROLE_PREBOOT;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	im.volume[0].role = APFS_ROLE_SYSTEM;
	im.volume[0].sealed = false;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL); /* a root hash of what? */
	im.volume[0].sealed = true;
	im.volume[0].snapshot = NULL;
	im.volume[0].root_from_snapshot = true;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	im.volume[0].root_from_snapshot = false;
	memset(name, 'n', sizeof(name) - 1);
	name[256] = '\0';
	im.volume[0].snapshot = name;
	ASSERT_FAILS(image_write(&im, 0, &e), E_INVAL);
	name[255] = '\0';
	image_must_write(&im);
	CU_ASSERT_TRUE(judges_accept(im.path));
	n = image_text(&im.tree[0], "/compressed", "");
	n->bsd_flags = APFS_UF_COMPRESSED;
	ASSERT_FAILS(image_write(&im, 0, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "/compressed"));
	im.volume[0].sealed = false;
	image_must_write(&im);
	image_release(&im);
}

TEST_MAIN("apfs seal writer",
	  {"seals and snapshots in every combination",
	   seals_and_snapshots_in_every_combination},
	  {"a sealed System among six volumes", system_among_six},
	  {"the callback ends the writing", callback_ends_the_writing},
	  {"two sealed volumes", two_sealed_volumes},
	  {"an empty sealed volume", empty_sealed_volume},
	  {"thousands of files", thousands_of_files_sealed},
	  {"a large file over several chunks", large_file_sealed},
	  {"live state and snapshot are read", live_and_snapshot_are_read},
	  {"a snapshot is named after the root hash",
	   snapshot_is_named_after_the_root_hash},
	  {"every flipped bit is found", every_flipped_bit_is_found},
	  {"the same bytes with and without threads",
	   same_bytes_with_and_without_threads},
	  {"the root hash follows from the tree", root_hash_follows_from_the_tree},
	  {"specs that make no sense", specs_of_seals_that_make_no_sense})
