/* SPDX-License-Identifier: MIT */
/*
 * The new checkpoint (APFS Reference p. 26). Its parts go where the checkpoint before has
 * none, and only when they are on the medium is the superblock written that names them.
 * Block 0 has a copy of the newest superblock; it says where the ring is, and that never
 * changes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/edit_impl.h"

/* Places in the two areas. */
struct place {
	uint32_t desc_index, desc_len;
	uint32_t data_index, data_len;
};

static int put(void *ctx, uint64_t block, const void *data, struct err *e)
{
	struct apfs_edit *ed = ctx;

	return vdisk_write(&ed->disk.base, ed->c->offset + block * APFS_BLOCK_SIZE, data,
			   APFS_BLOCK_SIZE, e);
}

/* ---- What the new checkpoint consists of ---- */

static bool is_queue(const struct edit_eph *eph)
{
	return eph->subtype == APFS_OT_FREE_QUEUE;
}

/* The new nodes of both queues in place of the old ones; the order of the rest stays. */
static int renew_queues(struct apfs_edit *ed, struct err *e)
{
	struct edit_ephs old = ed->ephs;
	int rc = 0;

	ed->ephs = (struct edit_ephs){.v = NULL};
	for (size_t i = 0; i < old.n && rc == 0; i++) {
		if (is_queue(&old.v[i]))
			continue;
		rc = edit_ephs_add(&ed->ephs, &old.v[i], e);
		old.v[i].object = NULL; /* moved */
	}
	edit_ephs_release(&old);
	if (rc == 0)
		rc = edit_queue_write(&ed->space, APFS_SFQ_IP, ed->xid, &ed->next_oid,
				      &ed->ephs, e);
	if (rc == 0)
		rc = edit_queue_write(&ed->space, APFS_SFQ_MAIN, ed->xid, &ed->next_oid,
				      &ed->ephs, e);
	return rc;
}

/* Ephemeral objects are stamped with the checkpoint that they belong to. */
static void restamp(struct apfs_edit *ed, struct edit_eph *eph)
{
	struct apfs_obj *o;

	if (!eph->object) {
		eph->object = ed->space.object;
		ed->space.object = NULL;
	}
	o = (struct apfs_obj *)eph->object;
	o->o_xid = to_le64(ed->xid);
	o->o_cksum = to_le64(apfs_checksum(eph->object, eph->size));
}

/* ---- The areas ---- */

static int find_place(const struct apfs_edit *ed, struct place *p, struct err *e)
{
	const struct apfs_nx_superblock *nx = edit_nx(ed);
	size_t maps =
		(ed->ephs.n + APFS_CHECKPOINT_MAP_MAX - 1) / APFS_CHECKPOINT_MAP_MAX;
	uint64_t blocks = 0;

	for (size_t i = 0; i < ed->ephs.n; i++)
		blocks += ed->ephs.v[i].size / APFS_BLOCK_SIZE;
	if (blocks + le32_get(nx->nx_xp_data_len) > le32_get(nx->nx_xp_data_blocks) ||
	    maps + 1 + le32_get(nx->nx_xp_desc_len) > le32_get(nx->nx_xp_desc_blocks))
		return err_set(e, E_NOSPC,
			       "the checkpoint areas have no room for %" PRIu64
			       " blocks and %zu maps",
			       blocks, maps);
	*p = (struct place){
		.desc_index = le32_get(nx->nx_xp_desc_next),
		.desc_len = (uint32_t)maps + 1,
		.data_index = le32_get(nx->nx_xp_data_next),
		.data_len = (uint32_t)blocks,
	};
	return 0;
}

static uint64_t desc_block(const struct apfs_edit *ed, const struct place *p, uint32_t i)
{
	const struct apfs_nx_superblock *nx = edit_nx(ed);

	return le64_get(nx->nx_xp_desc_base) +
	       (p->desc_index + (uint64_t)i) % le32_get(nx->nx_xp_desc_blocks);
}

static uint64_t data_block(const struct apfs_edit *ed, const struct place *p, uint64_t i)
{
	const struct apfs_nx_superblock *nx = edit_nx(ed);

	return le64_get(nx->nx_xp_data_base) +
	       (p->data_index + i) % le32_get(nx->nx_xp_data_blocks);
}

static int write_objects(struct apfs_edit *ed, const struct place *p, struct err *e)
{
	uint64_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < ed->ephs.n; i++) {
		struct edit_eph *eph = &ed->ephs.v[i];

		restamp(ed, eph);
		eph->block = data_block(ed, p, at);
		for (uint32_t off = 0; off < eph->size && rc == 0; off += APFS_BLOCK_SIZE)
			rc = put(ed, data_block(ed, p, at++), eph->object + off, e);
		if (rc != 0)
			break;
	}
	return rc;
}

static void fill_map(struct apfs_checkpoint_map *map, const struct edit_eph *v, size_t n)
{
	map->cpm_count = to_le32((uint32_t)n);
	for (size_t i = 0; i < n; i++)
		map->cpm_map[i] = (struct apfs_checkpoint_mapping){
			.cpm_type = to_le32(v[i].type),
			.cpm_subtype = to_le32(v[i].subtype),
			.cpm_size = to_le32(v[i].size),
			.cpm_oid = to_le64(v[i].oid),
			.cpm_paddr = to_le64(v[i].block),
		};
}

static int write_maps(struct apfs_edit *ed, const struct place *p, struct err *e)
{
	size_t done = 0;
	int rc = 0;

	for (uint32_t i = 0; i + 1 < p->desc_len && rc == 0; i++) {
		uint8_t block[APFS_BLOCK_SIZE] = {0};
		struct apfs_checkpoint_map *map = (struct apfs_checkpoint_map *)block;
		uint64_t paddr = desc_block(ed, p, i);
		size_t left = ed->ephs.n - done;
		size_t n =
			left < APFS_CHECKPOINT_MAP_MAX ? left : APFS_CHECKPOINT_MAP_MAX;

		fill_map(map, ed->ephs.v + done, n);
		done += n;
		map->cpm_flags =
			to_le32(done == ed->ephs.n ? APFS_CHECKPOINT_MAP_LAST : 0);
		apfs_obj_seal(block, paddr, ed->xid,
			      APFS_OBJ_PHYSICAL | APFS_OT_CHECKPOINT_MAP, 0);
		rc = put(ed, paddr, block, e);
	}
	return rc;
}

/* ---- The superblock ---- */

static void fill_superblock(const struct apfs_edit *ed, const struct place *p,
			    uint64_t omap_oid, uint8_t *block)
{
	struct apfs_nx_superblock *nx = (struct apfs_nx_superblock *)block;

	memcpy(block, ed->nx, APFS_BLOCK_SIZE);
	nx->nx_next_oid = to_le64(ed->next_oid);
	nx->nx_next_xid = to_le64(ed->xid + 1);
	nx->nx_omap_oid = to_le64(omap_oid);
	nx->nx_xp_desc_index = to_le32(p->desc_index);
	nx->nx_xp_desc_len = to_le32(p->desc_len);
	nx->nx_xp_desc_next =
		to_le32((p->desc_index + p->desc_len) % le32_get(nx->nx_xp_desc_blocks));
	nx->nx_xp_data_index = to_le32(p->data_index);
	nx->nx_xp_data_len = to_le32(p->data_len);
	nx->nx_xp_data_next =
		to_le32((p->data_index + p->data_len) % le32_get(nx->nx_xp_data_blocks));
	apfs_obj_seal(block, APFS_OID_NX_SUPERBLOCK, ed->xid,
		      APFS_OBJ_EPHEMERAL | APFS_OT_NX_SUPERBLOCK, 0);
}

static int write_superblock(struct apfs_edit *ed, const struct place *p,
			    uint64_t omap_oid, struct err *e)
{
	uint8_t block[APFS_BLOCK_SIZE];
	int rc = vdisk_flush(&ed->disk.base, e);

	fill_superblock(ed, p, omap_oid, block);
	if (rc == 0)
		rc = put(ed, desc_block(ed, p, p->desc_len - 1), block, e);
	if (rc == 0)
		rc = vdisk_flush(&ed->disk.base, e);
	if (rc == 0)
		rc = put(ed, 0, block, e);
	return rc != 0 ? rc : vdisk_flush(&ed->disk.base, e);
}

int edit_checkpoint_write(struct apfs_edit *ed, uint64_t omap_oid, struct err *e)
{
	const struct edit_writer w = {.write = put, .ctx = ed};
	struct place p;
	int rc = edit_space_write(&ed->space, ed->xid, &w, e);

	if (rc == 0)
		rc = renew_queues(ed, e);
	if (rc == 0)
		rc = find_place(ed, &p, e);
	if (rc == 0)
		rc = write_objects(ed, &p, e);
	if (rc == 0)
		rc = write_maps(ed, &p, e);
	return rc != 0 ? rc : write_superblock(ed, &p, omap_oid, e);
}
