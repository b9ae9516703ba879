/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SEEK_DATA, memmem */
#include "sim/formats/apfs/test/seal_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/sha256.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/common.h"

#define BS APFS_BLOCK_SIZE

uint8_t seal_image_byte(const char *name, size_t i)
{
	uint32_t v = (uint32_t)i;

	if (i < strlen(name))
		return (uint8_t)name[i];
	for (const char *p = name; *p; p++)
		v = v * 31 + (uint8_t)*p;
	v *= 2654435761u;
	return (uint8_t)(v >> 24 | 1);
}

void seal_image_content(const char *name, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = seal_image_byte(name, i);
}

static struct fs_node *add_file(struct fs_tree *t, const char *path, size_t len)
{
	static uint8_t data[SEAL_BIG_BYTES];
	struct err e = ERR_INIT;
	struct fs_node *n = NULL;

	seal_image_content(path, data, len);
	ASSERT_OK(fs_tree_file(t, path, 0644, data, len, &n, &e), &e);
	return n;
}

static void fill_tree(struct fs_tree *t)
{
	static uint8_t attr[20000];
	struct err e = ERR_INIT;
	struct fs_node *n;
	char path[64];

	for (int i = 0; i < SEAL_SMALL_FILES; i++) {
		snprintf(path, sizeof(path), "/folder %d/file %d", i % 10, i);
		add_file(t, path, (size_t)i);
	}
	add_file(t, "/big", SEAL_BIG_BYTES);
	add_file(t, "/slack", 5000);
	add_file(t, "/empty", 0);
	n = add_file(t, "/linked", 20000);
	ASSERT_OK(fs_tree_hardlink(t, "/folder 1/again", n, &e), &e);
	ASSERT_OK(fs_tree_symlink(t, "/link", "folder 1/again", NULL, &e), &e);
	n = add_file(t, "/attr", 1);
	seal_image_content("long", attr, sizeof(attr));
	ASSERT_OK(fs_node_set_xattr(n, "long", attr, sizeof(attr), &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "short", "value", 5, &e), &e);
}

static int take_sealed(void *ctx, size_t index, const struct apfs_sealed *s,
		       struct err *e)
{
	(void)index;
	(void)e;
	*(struct apfs_sealed *)ctx = *s;
	return 0;
}

static void write_volume(struct seal_image *im, struct fs_tree *tree)
{
	struct apfs_volume_spec volume = {
		.name = "Macintosh HD",
		.role = APFS_ROLE_SYSTEM,
		.uuid = {0xaa, 3},
		.tree = tree,
		.sealed = true,
		.snapshot = APFS_SNAPSHOT_OF_ROOT_HASH,
	};
	struct apfs_container_spec spec = {
		.size = 600ull << 20,
		.uuid = {0xcc, 4},
		.time_ns = SEAL_TIME,
		.volumes = &volume,
		.n_volumes = 1,
		.sealed = take_sealed,
		.ctx = &im->sealed,
	};
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_write(im->fd, 0, &spec, &e), &e);
}

void seal_image_make(struct seal_image *im, const char *name)
{
	seal_image_make_with(im, name, NULL);
}

void seal_image_make_with(struct seal_image *im, const char *name,
			  void (*more)(struct fs_tree *t))
{
	struct err e = ERR_INIT;
	struct fs_tree tree;
	off_t at = 0, end = 0;

	snprintf(im->path, sizeof(im->path), "%s/%s", test_tmpdir(), name);
	im->fd = open(im->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(im->fd >= 0);
	ASSERT_OK(fs_tree_init(&tree, SEAL_TIME, &e), &e);
	fill_tree(&tree);
	if (more)
		more(&tree);
	write_volume(im, &tree);
	fs_tree_release(&tree);
	while ((at = lseek(im->fd, end, SEEK_DATA)) >= 0)
		end = lseek(im->fd, at, SEEK_HOLE);
	im->blocks = (uint64_t)end / BS;
}

void seal_image_close(struct seal_image *im)
{
	CU_ASSERT_EQUAL(close(im->fd), 0);
	unlink(im->path);
}

void seal_image_get(const struct seal_image *im, uint64_t bno, uint8_t *b)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_pread_all(im->fd, b, BS, bno * BS, "image", &e), &e);
}

void seal_image_put(struct seal_image *im, uint64_t bno, const uint8_t *b)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_pwrite_all(im->fd, b, BS, bno * BS, "image", &e), &e);
}

void seal_image_put_object(struct seal_image *im, uint64_t bno, uint8_t *b)
{
	put_le64(b, apfs_checksum(b, BS));
	seal_image_put(im, bno, b);
}

void seal_image_flip(struct seal_image *im, uint64_t bno, size_t at, uint8_t mask)
{
	uint8_t b[BS];

	seal_image_get(im, bno, b);
	b[at] ^= mask;
	seal_image_put(im, bno, b);
}

bool seal_image_is_node(const uint8_t *b)
{
	static const uint8_t no_header[sizeof(struct apfs_obj)];
	const struct apfs_btree_node *n = (const void *)b;
	uint16_t flags = le16_get(n->btn_flags);

	return !memcmp(b, no_header, sizeof(no_header)) && le32_get(n->btn_nkeys) &&
	       (flags & ~(APFS_BTNODE_ROOT | APFS_BTNODE_LEAF)) ==
		       (APFS_BTNODE_HASHED | APFS_BTNODE_NOHEADER);
}

uint64_t seal_image_find(const struct seal_image *im, uint64_t from, const void *bytes,
			 size_t len, size_t *ret_at)
{
	uint8_t b[BS];

	for (uint64_t bno = from; bno < im->blocks; bno++) {
		const uint8_t *at;

		seal_image_get(im, bno, b);
		at = memmem(b, BS, bytes, len);
		if (!at)
			continue;
		if (ret_at)
			*ret_at = (size_t)(at - b);
		return bno;
	}
	return 0;
}

uint64_t seal_image_object(const struct seal_image *im, uint32_t type, uint8_t *b)
{
	for (uint64_t bno = 1; bno < im->blocks; bno++) {
		seal_image_get(im, bno, b);
		if (le32_get(((const struct apfs_obj *)b)->o_type) == type)
			return bno;
	}
	CU_FAIL_FATAL("no such object");
	return 0;
}

void seal_image_hash(const void *data, size_t len, uint8_t hash[SHA256_SIZE])
{
	struct sha256 sha;
	struct err e = ERR_INIT;

	ASSERT_OK(sha256_init(&sha, &e), &e);
	ASSERT_OK(sha256_of(&sha, data, len, hash, &e), &e);
	sha256_release(&sha);
}

void seal_image_reseal(struct seal_image *im, uint64_t bno, const uint8_t *b,
		       uint8_t *root)
{
	uint8_t old[SHA256_SIZE], now[SHA256_SIZE], parent[BS];
	uint64_t up;
	size_t at = 0;

	seal_image_get(im, bno, parent);
	seal_image_hash(parent, BS, old);
	seal_image_hash(b, BS, now);
	seal_image_put(im, bno, b);
	up = seal_image_find(im, 1, old, sizeof(old), &at);
	CU_ASSERT_FATAL(up != 0);
	seal_image_get(im, up, parent);
	memcpy(parent + at, now, sizeof(now));
	if (seal_image_is_node(parent)) {
		seal_image_reseal(im, up, parent, root);
		return;
	}
	seal_image_put_object(im, up, parent);
	if (root)
		memcpy(root, now, sizeof(now));
}

/* ---- records ---- */

void seal_image_entry(const uint8_t *b, unsigned i, struct seal_record *ret)
{
	const struct apfs_btree_node *n = (const void *)b;
	bool root = le16_get(n->btn_flags) & APFS_BTNODE_ROOT;
	size_t keys = sizeof(*n) + le16_get(n->btn_table_space.len);
	size_t end = BS - (root ? sizeof(struct apfs_btree_info) : 0);

	*ret = (struct seal_record){.i = i, .toc = sizeof(*n) + 8 * (size_t)i};
	ret->key = keys + get_le16(b + ret->toc);
	ret->key_len = get_le16(b + ret->toc + 2);
	ret->val = end - get_le16(b + ret->toc + 4);
	ret->val_len = get_le16(b + ret->toc + 6);
	ret->id = get_le64(b + ret->key) & APFS_OBJ_ID_MASK;
	ret->type = b[ret->key + 7] >> 4;
}

void seal_image_record(const struct seal_image *im, uint64_t id, uint8_t type,
		       struct seal_record *ret, uint8_t *b)
{
	for (uint64_t bno = 1; bno < im->blocks; bno++) {
		seal_image_get(im, bno, b);
		if (!seal_image_is_node(b) || get_le16(b + 0x22))
			continue;
		for (unsigned i = 0; i < get_le32(b + 0x24); i++) {
			seal_image_entry(b, i, ret);
			ret->bno = bno;
			if (ret->type == type && (!id || ret->id == id))
				return;
		}
	}
	CU_FAIL_FATAL("no such record");
}

uint64_t seal_image_root(const struct seal_image *im, uint8_t *b)
{
	for (uint64_t bno = 1; bno < im->blocks; bno++) {
		seal_image_get(im, bno, b);
		if (seal_image_is_node(b) && (get_le16(b + 0x20) & APFS_BTNODE_ROOT))
			return bno;
	}
	CU_FAIL_FATAL("no root");
	return 0;
}

uint64_t seal_image_inode(const struct seal_image *im, const char *path)
{
	struct apfs_volume *v;
	struct apfs_inode ino;
	struct apfs *c;
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_open_path(im->path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, NULL, &v, &e), &e);
	ASSERT_OK(apfs_lookup(v, path, 0, &ino, &e), &e);
	apfs_volume_close(v);
	apfs_close(c);
	return ino.ino;
}
