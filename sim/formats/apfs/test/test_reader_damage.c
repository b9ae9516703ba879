/* SPDX-License-Identifier: MIT */
/* Damaged containers: an older checkpoint, or an error that names the block. */
#include "sim/formats/apfs/test/make_image.h"

#include <stdlib.h>

#include "sim/base/fsio.h"
#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/reader.h"

#define BS APFS_BLOCK_SIZE
#define N_FILES 300

static int fd = -1;

static void get_block(uint64_t bno, uint8_t *b)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_pread_all(fd, b, BS, bno * BS, "image", &e), &e);
}

static void put_block(uint64_t bno, const uint8_t *b)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_pwrite_all(fd, b, BS, bno * BS, "image", &e), &e);
}

/* With a checksum that fits. */
static void put_object(uint64_t bno, uint8_t *b)
{
	put_le64(b, apfs_checksum(b, BS));
	put_block(bno, b);
}

static void flip(uint64_t bno, size_t at)
{
	uint8_t b[BS];

	get_block(bno, b);
	b[at] ^= 1;
	put_block(bno, b);
}

/* A fresh image of a tree with more than one level, in fd. */
static void fresh_image(void)
{
	struct fs_tree tree;
	struct err e = ERR_INIT;
	char path[64];

	ASSERT_OK(fs_tree_init(&tree, TEST_TIME, &e), &e);
	for (int i = 0; i < N_FILES; i++) {
		snprintf(path, sizeof(path), "/folder %d/file %d", i % 10, i);
		ASSERT_OK(fs_tree_file(&tree, path, 0644, path, strlen(path), NULL, &e), &e);
	}
	make_image(in_tmp("damaged"), &tree, false);
	fs_tree_release(&tree);
	if (fd >= 0)
		close(fd);
	fd = open(in_tmp("damaged"), O_RDWR | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
}

static int count(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	size_t *n = ctx;

	(void)w;
	(void)e;
	++*n;
	return 0;
}

/* Open and walk; *n is how many files there are. */
static int walk_all(struct apfs_info *info, size_t *n, struct err *e)
{
	struct apfs_volume *v;
	struct apfs *c;
	int r = apfs_open_path(in_tmp("damaged"), &c, e);

	*n = 0;
	if (r)
		return r;
	apfs_get_info(c, info);
	r = apfs_volume_open(c, 0, NULL, &v, e);
	if (!r) {
		r = apfs_walk(v, "/", count, n, e);
		apfs_volume_close(v);
	}
	apfs_close(c);
	return r;
}
#define N_ENTRIES (1 + 10 + N_FILES)

/* ---- checkpoints ---- */

struct ring {
	struct apfs_nx_superblock *sb; /* in .block */
	uint8_t block[BS];
	uint64_t sb_bno, map_bno, eph_bno;
};

/* Where the newest checkpoint lies, whose maps are one block as our writer makes them. */
static void newest(struct ring *r)
{
	uint64_t base, data;
	uint32_t n;

	get_block(0, r->block);
	r->sb = (struct apfs_nx_superblock *)r->block;
	base = le64_get(r->sb->nx_xp_desc_base);
	data = le64_get(r->sb->nx_xp_data_base);
	n = le32_get(r->sb->nx_xp_desc_blocks);
	CU_ASSERT_EQUAL_FATAL(le32_get(r->sb->nx_xp_desc_len), 2);
	r->map_bno = base + le32_get(r->sb->nx_xp_desc_index);
	r->sb_bno = base + (le32_get(r->sb->nx_xp_desc_index) + 1) % n;
	r->eph_bno = data + le32_get(r->sb->nx_xp_data_index);
}

/* The newest checkpoint once more, as of the next transaction, as a driver commits. */
static void commit_again(void)
{
	uint8_t map_block[BS], eph[BS];
	struct apfs_checkpoint_map *map = (void *)map_block;
	struct ring r;
	uint64_t xid, data, to;
	uint32_t len, desc;

	newest(&r);
	xid = le64_get(r.sb->nx_o.o_xid) + 1;
	data = le64_get(r.sb->nx_xp_data_base);
	to = le32_get(r.sb->nx_xp_data_next);
	desc = le32_get(r.sb->nx_xp_desc_next);
	len = le32_get(r.sb->nx_xp_data_len);
	get_block(r.map_bno, map_block);
	for (uint32_t i = 0; i < len; i++) {
		get_block(r.eph_bno + i, eph);
		((struct apfs_obj *)eph)->o_xid = to_le64(xid);
		put_object(data + to + i, eph);
		map->cpm_map[i].cpm_paddr = to_le64(data + to + i);
	}
	map->cpm_o.o_oid = to_le64(le64_get(r.sb->nx_xp_desc_base) + desc);
	map->cpm_o.o_xid = to_le64(xid);
	put_object(le64_get(r.sb->nx_xp_desc_base) + desc, map_block);
	r.sb->nx_o.o_xid = to_le64(xid);
	r.sb->nx_next_xid = to_le64(xid + 1);
	r.sb->nx_xp_desc_index = to_le32(desc);
	r.sb->nx_xp_desc_next = to_le32(desc + 2);
	r.sb->nx_xp_data_index = to_le32((uint32_t)to);
	r.sb->nx_xp_data_next = to_le32((uint32_t)to + len);
	put_object(le64_get(r.sb->nx_xp_desc_base) + desc + 1, r.block);
	put_object(0, r.block);
}

static void takes_the_newest(void)
{
	struct apfs_info before, info;
	struct err e = ERR_INIT;
	size_t n;

	fresh_image();
	ASSERT_OK(walk_all(&before, &n, &e), &e);
	CU_ASSERT_EQUAL(n, N_ENTRIES);
	commit_again();
	commit_again();
	ASSERT_OK(walk_all(&info, &n, &e), &e);
	CU_ASSERT_EQUAL(n, N_ENTRIES);
	CU_ASSERT_EQUAL(info.xid, before.xid + 2);
	CU_ASSERT_EQUAL(info.newest_xid, info.xid);
	CU_ASSERT_EQUAL(info.checkpoints, before.checkpoints + 2);
	CU_ASSERT_STRING_EQUAL(info.damage, "");
}

/* After @damage to the newest checkpoint the one before counts, and it is said why. */
static void falls_back(void (*damage)(const struct ring *r), const char *why)
{
	struct apfs_info before, info;
	struct err e = ERR_INIT;
	struct ring r;
	size_t n;

	fresh_image();
	ASSERT_OK(walk_all(&before, &n, &e), &e);
	commit_again();
	newest(&r);
	damage(&r);
	ASSERT_OK(walk_all(&info, &n, &e), &e);
	CU_ASSERT_EQUAL(n, N_ENTRIES);
	CU_ASSERT_EQUAL(info.xid, before.xid);
	CU_ASSERT_EQUAL(info.newest_xid, before.xid + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(info.damage, why));
}

static void hurt_superblock(const struct ring *r)
{
	flip(r->sb_bno, 0x100);
}

static void hurt_map(const struct ring *r)
{
	flip(r->map_bno, 0x100);
}

static void hurt_ephemeral(const struct ring *r)
{
	flip(r->eph_bno, 0x100);
}

static void hurt_omap(const struct ring *r)
{
	uint8_t b[BS];

	/* Not the object map itself, which both share. */
	get_block(r->sb_bno, b);
	((struct apfs_nx_superblock *)b)->nx_omap_oid = to_le64(r->sb_bno);
	put_object(r->sb_bno, b);
}

static void older_checkpoint_counts(void)
{
	falls_back(hurt_superblock, "superblock of transaction");
	falls_back(hurt_map, "checkpoint map: block");
	falls_back(hurt_ephemeral, "bad checksum");
	falls_back(hurt_omap, "no object map");
}

/* A newer superblock of another container, left in the ring, is not ours. */
static void strangers_do_not_count(void)
{
	struct apfs_info before, info;
	struct err e = ERR_INIT;
	struct ring r;
	uint8_t b[BS];
	size_t n;

	fresh_image();
	ASSERT_OK(walk_all(&before, &n, &e), &e);
	newest(&r);
	get_block(r.sb_bno, b);
	((struct apfs_nx_superblock *)b)->nx_uuid.b[3] ^= 1;
	((struct apfs_nx_superblock *)b)->nx_o.o_xid = to_le64(99);
	put_object(r.sb_bno + 2, b);
	ASSERT_OK(walk_all(&info, &n, &e), &e);
	CU_ASSERT_EQUAL(info.xid, before.xid);
	CU_ASSERT_EQUAL(info.newest_xid, before.xid);
	CU_ASSERT_EQUAL(info.checkpoints, before.checkpoints);
}

static void block_0_may_be_torn(void)
{
	struct apfs_info info;
	struct err e = ERR_INIT;
	size_t n;

	fresh_image();
	flip(0, 0x200);
	ASSERT_OK(walk_all(&info, &n, &e), &e);
	CU_ASSERT_EQUAL(n, N_ENTRIES);
	flip(0, 0x20);
	ASSERT_FAILS(walk_all(&info, &n, &e), E_NOTFOUND);
}

/* Fields of the container's superblock and of the checkpoint map that lie. */
enum in_which { IN_BLOCK_0, IN_RING, IN_MAP };
#define NX(member)  offsetof(struct apfs_nx_superblock, member)
#define MAP(member) offsetof(struct apfs_checkpoint_map, member)

static const struct container_lie {
	enum in_which where;
	size_t at, size; /* of the field */
	uint64_t value;
	enum err_code code;
	const char *says;
} container_lies[] = {
	{IN_BLOCK_0, NX(nx_block_size), 4, 8192, E_UNSUPPORTED, "nx_block_size is 0x2000"},
	{IN_RING, NX(nx_block_size), 4, 512, E_UNSUPPORTED, "nx_block_size is 0x200"},
	{IN_BLOCK_0, NX(nx_incompatible_features), 8, 0x102, E_UNSUPPORTED,
	 "nx_incompatible_features is 0x102, a fusion container"},
	{IN_BLOCK_0, NX(nx_incompatible_features), 8, 1ull << 40 | 2, E_UNSUPPORTED,
	 "nx_incompatible_features is 0x10000000002, which has unknown bits"},
	{IN_RING, NX(nx_incompatible_features), 8, 6, E_UNSUPPORTED,
	 "nx_incompatible_features is 0x6, which has unknown bits"},
	{IN_BLOCK_0, NX(nx_block_count), 8, 0, E_CORRUPT, "nx_block_count is 0"},
	{IN_BLOCK_0, NX(nx_block_count), 8, UINT64_MAX, E_CORRUPT,
	 "nx_block_count is 0xffffffffffffffff, more than the image has"},
	{IN_RING, NX(nx_block_count), 8, 1ull << 52, E_CORRUPT,
	 "nx_block_count is 0x10000000000000, more than the image has"},
	{IN_BLOCK_0, NX(nx_xp_desc_blocks), 4, 1u << 31 | 8, E_UNSUPPORTED,
	 "nx_xp_desc_blocks is 0x80000008, an area in pieces"},
	{IN_BLOCK_0, NX(nx_xp_desc_blocks), 4, 0x7fffffff, E_CORRUPT,
	 "nx_xp_desc_blocks is 0x7fffffff, too many"},
	{IN_BLOCK_0, NX(nx_xp_desc_base), 8, UINT64_MAX - 3, E_CORRUPT,
	 "nx_xp_desc_base is 0xfffffffffffffffc, from where"},
	{IN_RING, NX(nx_xp_desc_len), 4, 0, E_CORRUPT, "nx_xp_desc_len 0"},
	{IN_RING, NX(nx_xp_desc_index), 4, 0xffffffff, E_CORRUPT,
	 "nx_xp_desc_index is 4294967295"},
	{IN_MAP, MAP(cpm_flags), 4, 0, E_CORRUPT, "cpm_flags does not say"},
	{IN_MAP, MAP(cpm_count), 4, 0xffffffff, E_CORRUPT, "cpm_count is 4294967295"},
	{IN_MAP, MAP(cpm_map[0].cpm_size), 4, 0, E_CORRUPT, "cpm_size is 0"},
	{IN_MAP, MAP(cpm_map[0].cpm_size), 4, 0xfffff000, E_CORRUPT,
	 "cpm_size is 4294963200"},
	{IN_MAP, MAP(cpm_map[0].cpm_paddr), 8, 1ull << 52, E_CORRUPT,
	 "ephemeral object beyond the container's end"},
};

/* Nothing is left in the ring that could take the newest checkpoint's place. */
static void forget_older(const struct ring *r)
{
	uint64_t base = le64_get(r->sb->nx_xp_desc_base);
	uint8_t zero[BS] = {0};

	for (uint32_t i = 0; i < le32_get(r->sb->nx_xp_desc_blocks); i++)
		if (base + i != r->map_bno && base + i != r->sb_bno)
			put_block(base + i, zero);
}

static uint64_t tell_lie(const struct container_lie *l)
{
	uint8_t b[BS];
	struct ring r;
	uint64_t bno;

	fresh_image();
	newest(&r);
	forget_older(&r);
	bno = l->where == IN_MAP ? r.map_bno : l->where == IN_RING ? r.sb_bno : 0;
	get_block(bno, b);
	for (size_t k = 0; k < l->size; k++)
		b[l->at + k] = (uint8_t)(l->value >> (8 * k));
	put_object(bno, b);
	return bno;
}

static void container_lies_are_named(void)
{
	struct apfs_info info;
	struct err e = ERR_INIT;
	char where[32];
	size_t n;

	for (size_t i = 0; i < sizeof(container_lies) / sizeof(container_lies[0]); i++) {
		const struct container_lie *l = &container_lies[i];
		/* What a map says of an object is told with the object's block. */
		bool elsewhere = l->where == IN_MAP && l->at >= MAP(cpm_map);
		uint64_t bno = tell_lie(l);

		snprintf(where, sizeof(where), "block %llu:", (unsigned long long)bno);
		ASSERT_FAILS(walk_all(&info, &n, &e), l->code);
		if (!strstr(e.msg, l->says))
			test_note(__FILE__, __LINE__, l->says, &e);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, l->says));
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, elsewhere ? "block " : where));
	}
}

/* ---- objects ---- */

/* A changed byte in any block is found, or belongs to nothing that a listing needs. */
static void every_block(void)
{
	struct apfs_info info;
	struct err e = ERR_INIT;
	uint8_t zero[BS] = {0}, b[BS];
	size_t n, found = 0, objects = 0;

	fresh_image();
	for (uint64_t bno = 1; bno < 3000; bno++) {
		int r;

		get_block(bno, b);
		if (!memcmp(b, zero, BS))
			continue;
		flip(bno, 50);
		r = walk_all(&info, &n, &e);
		CU_ASSERT_TRUE(r || n == N_ENTRIES);
		found += !!r;
		objects += apfs_checksum_ok(b, BS);
		put_block(bno, b);
	}
	/* Found in all objects but the old checkpoint, space manager, extents and the like. */
	CU_ASSERT_TRUE(found * 2 > objects);
	ASSERT_OK(walk_all(&info, &n, &e), &e);
}

/* The first block at or behind @from that holds an object of this type. */
static uint64_t find_object(uint64_t from, uint32_t type, uint32_t subtype, uint8_t *b)
{
	const struct apfs_obj *o = (const void *)b;

	for (uint64_t bno = from; bno < 20000; bno++) {
		get_block(bno, b);
		if (le32_get(o->o_type) == type && le32_get(o->o_subtype) == subtype)
			return bno;
	}
	CU_FAIL_FATAL("no such object");
	return 0;
}

/* The walk fails and says @why, naming the block @bno. */
static void walk_says(uint64_t bno, const char *why)
{
	struct apfs_info info;
	struct err e = ERR_INIT;
	char where[32];
	size_t n;

	snprintf(where, sizeof(where), "block %llu", (unsigned long long)bno);
	ASSERT_FAILS(walk_all(&info, &n, &e), E_CORRUPT);
	if (!strstr(e.msg, why) || !strstr(e.msg, where))
		test_note(__FILE__, __LINE__, why, &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, where));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, why));
}

/* Change 16 bits at @at of that object, with a right checksum; the walk says @why. */
static void changed_object(uint32_t type, uint32_t subtype, size_t at, uint16_t value,
			   const char *why)
{
	uint8_t b[BS];
	uint64_t bno;

	fresh_image();
	bno = find_object(1, type, subtype, b);
	put_le16(b + at, value);
	put_object(bno, b);
	walk_says(bno, why);
}

/* The same in the entry that every search looks at first: @at in struct apfs_kvloc. */
static void changed_entry(size_t at, const char *why)
{
	uint8_t b[BS];
	uint64_t bno;
	size_t middle;

	fresh_image();
	bno = find_object(1, APFS_OT_BTREE, APFS_OT_FSTREE, b);
	middle = get_le32(b + 0x24) / 2;
	put_le16(b + sizeof(struct apfs_btree_node) + 8 * middle + at, 0xfff0);
	put_object(bno, b);
	walk_says(bno, why);
}

#define ROOT APFS_OT_BTREE, APFS_OT_FSTREE
#define NODE APFS_OT_BTREE_NODE, APFS_OT_FSTREE

static void nodes_that_lie(void)
{
	changed_object(ROOT, 0x20, APFS_BTNODE_ROOT | APFS_BTNODE_LEAF, "level does not match");
	changed_object(ROOT, 0x24, 0xffff, "more entries than its table");
	changed_object(ROOT, 0x2a, 0xffff, "table of contents is too long");
	changed_object(ROOT, BS - 36, 1, "another size than a block");
	changed_object(NODE, 0x20, APFS_BTNODE_LEAF | APFS_BTNODE_ROOT, "a root inside");
	changed_object(NODE, 0x24, 0, "no entries");
	changed_object(NODE, 0x22, 7, "level");
	changed_entry(0, "bad key");
	changed_entry(2, "bad key");
	changed_entry(4, "bad value");
	changed_entry(6, "bad value");
	changed_object(NODE, 0x10, 99, "transaction");
	changed_object(NODE, 0x08, 99, "expected");
}

/* The root's first child is the root again, and the second child is the first. */
static void trees_that_bite_their_tail(void)
{
	struct apfs_info info;
	struct err e = ERR_INIT;
	uint8_t b[BS];
	uint64_t bno;
	size_t n, toc = sizeof(struct apfs_btree_node), end = BS - 40;

	fresh_image();
	bno = find_object(1, ROOT, b);
	memcpy(b + end - get_le16(b + toc + 4), b + offsetof(struct apfs_obj, o_oid), 8);
	put_object(bno, b);
	ASSERT_FAILS(walk_all(&info, &n, &e), E_CORRUPT);

	fresh_image();
	bno = find_object(1, ROOT, b);
	memcpy(b + end - get_le16(b + toc + 8 + 4), b + end - get_le16(b + toc + 4), 8);
	put_object(bno, b);
	ASSERT_FAILS(walk_all(&info, &n, &e), E_CORRUPT);
}

static void close_image(void)
{
	CU_ASSERT_EQUAL(close(fd), 0);
}

TEST_MAIN("apfs-reader-damage", {"takes the newest checkpoint", takes_the_newest},
	  {"takes an older one when it is damaged", older_checkpoint_counts},
	  {"takes no other container's checkpoint", strangers_do_not_count},
	  {"opens with a torn block 0", block_0_may_be_torn},
	  {"finds a changed byte in every block", every_block},
	  {"names the lies of a container", container_lies_are_named},
	  {"tells nodes that lie", nodes_that_lie},
	  {"does not run in circles", trees_that_bite_their_tail},
	  {"closes the image", close_image})
