/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/seal_break.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/formats/apfs/reader_verify.h"

/* ---- writing ---- */

static int write_block(struct apfs *c, uint64_t bno, const uint8_t *data, struct err *e)
{
	int r = vdisk_write(c->disk, c->offset + bno * APFS_BLOCK_SIZE, data,
			    APFS_BLOCK_SIZE, e);

	if (!r)
		r = vdisk_flush(c->disk, e);
	return r ? err_ctx(e, "block %" PRIu64, bno) : 0;
}

/* @object: the block has a checksum, which is to be right afterwards. */
static int flip(struct apfs *c, uint64_t off, bool object, struct apfs_seal_broken *ret,
		struct err *e)
{
	uint8_t data[APFS_BLOCK_SIZE];
	int r;

	ret->block = off / APFS_BLOCK_SIZE;
	ret->at = off % APFS_BLOCK_SIZE;
	r = apfs_read_bytes(c, ret->block * APFS_BLOCK_SIZE, data, sizeof(data), e);
	if (r)
		return r;
	ret->before = data[ret->at];
	ret->after = data[ret->at] ^= 1;
	if (object)
		put_le64(data, apfs_checksum(data, sizeof(data)));
	return write_block(c, ret->block, data, e);
}

int apfs_seal_flip(struct apfs_volume *v, uint64_t off, struct apfs_seal_broken *ret,
		   struct err *e)
{
	return flip(v->c, off, false, ret, e);
}

/* ---- what is changed ---- */

static int break_content(struct apfs_volume *v, const struct apfs_seal_break *how,
			 struct apfs_seal_broken *ret, struct err *e)
{
	bool slack = how->damage == APFS_SEAL_DAMAGE_SLACK;
	struct apfs_inode ino;
	struct apfs_file *f;
	uint64_t off = how->offset, at = 0;
	int r = apfs_lookup(v, how->path, 0, &ino, e);

	if (!r)
		r = apfs_file_open(v, &ino, &f, e);
	if (r)
		return r;
	if (slack)
		off = ino.size;
	if (!slack && off >= ino.size)
		r = err_set(e, E_INVAL, "%s has %" PRIu64 " bytes", how->path, ino.size);
	else if (slack && !(ino.size % APFS_BLOCK_SIZE))
		r = err_set(e, E_INVAL, "%s fills its last block", how->path);
	if (!r)
		r = apfs_file_locate(f, off, &at, e);
	apfs_file_close(f);
	if (!r && !at)
		r = err_set(e, E_UNSUPPORTED, "%s has a hole at %" PRIu64, how->path,
			    off);
	if (r)
		return r;
	snprintf(ret->what, sizeof(ret->what), "byte %" PRIu64 " of the content%s", off,
		 slack ? ", behind its end" : "");
	return flip(v->c, at, false, ret, e);
}

/* The time of last change in the inode: nothing else depends on it. */
static int break_leaf(struct apfs_volume *v, const char *path,
		      struct apfs_seal_broken *ret, struct err *e)
{
	struct apfs_key key = {.type = APFS_REC_INODE, .name = ""};
	struct apfs_inode ino;
	struct apfs_cursor cur;
	const struct apfs_node *leaf;
	uint64_t at;
	int r = apfs_lookup(v, path, 0, &ino, e);

	key.id = ino.ino;
	if (!r)
		r = apfs_record_find(v, &cur, &key, e);
	if (r)
		return r;
	leaf = &cur.at[cur.depth - 1];
	at = leaf->b->bno * APFS_BLOCK_SIZE + (uint64_t)(cur.val - leaf->b->data) +
	     offsetof(struct apfs_j_inode_val, change_time);
	apfs_cursor_release(&cur);
	snprintf(ret->what, sizeof(ret->what),
		 "the time of last change of inode %#" PRIx64 ", in a leaf", ino.ino);
	return flip(v->c, at, false, ret, e);
}

/* The last byte of the free space, or a byte that is not used at all: no record suffers.
 */
static int break_root(struct apfs_volume *v, struct apfs_seal_broken *ret, struct err *e)
{
	const struct apfs_btree_node *raw;
	struct apfs_blk *b;
	uint64_t at;
	int r = apfs_node_block(&v->fs, v->fs.root, true, &b, e);

	if (r)
		return r;
	raw = (const void *)b->data;
	at = sizeof(*raw) + le16_get(raw->btn_table_space.off) +
	     le16_get(raw->btn_table_space.len) + le16_get(raw->btn_free_space.off);
	if (!le16_get(raw->btn_free_space.len) || at >= APFS_BLOCK_SIZE)
		at = APFS_BLOCK_SIZE - 1; /* of the number of nodes */
	at += b->bno * APFS_BLOCK_SIZE;
	apfs_blk_put(v->c, b);
	snprintf(ret->what, sizeof(ret->what), "the free space of the root node");
	return flip(v->c, at, false, ret, e);
}

static int break_root_hash(struct apfs_volume *v, struct apfs_seal_broken *ret,
			   struct err *e)
{
	struct apfs_seal_info info;
	int r = apfs_seal_info_get(v, &info, e);

	if (r)
		return r;
	snprintf(ret->what, sizeof(ret->what),
		 "the root hash in the integrity metadata, with its checksum");
	return flip(v->c, info.block * APFS_BLOCK_SIZE + info.hash_offset, true, ret, e);
}

int apfs_seal_break(struct apfs_volume *v, const struct apfs_seal_break *how,
		    struct apfs_seal_broken *ret, struct err *e)
{
	*ret = (struct apfs_seal_broken){0};
	if (!v->info.sealed)
		return err_set(e, E_INVAL, "volume '%s' is not sealed", v->info.name);
	switch (how->damage) {
	case APFS_SEAL_DAMAGE_DATA:
	case APFS_SEAL_DAMAGE_SLACK:
		if (!how->path)
			return err_set(e, E_INVAL, "which file?");
		return break_content(v, how, ret, e);
	case APFS_SEAL_DAMAGE_NODE:
		return how->path ? break_leaf(v, how->path, ret, e)
				 : break_root(v, ret, e);
	case APFS_SEAL_DAMAGE_ROOT_HASH:
		return break_root_hash(v, ret, e);
	}
	return err_set(e, E_INVAL, "unknown damage");
}
