/* SPDX-License-Identifier: MIT */
/*
 * The newest intact checkpoint (APFS Reference p. 26).
 *
 * The descriptor area is a ring of checkpoints, each some map blocks and a superblock.
 * A checkpoint whose superblock is fine may still be damaged in its maps, in the
 * ephemeral objects that they list, or in the object map; then the one before it counts,
 * as it does for a Mac after a power cut.
 */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/apfs/raw_space.h"

#define RING_MAX     65536 /* blocks; a Mac's container has at most 280 */
#define EPH_SIZE_MAX (64u << 20)

struct candidate {
	uint64_t xid;
	uint32_t index; /* in the ring */
};

static bool is_superblock(const struct apfs *c, const struct apfs_blk *b)
{
	const struct apfs_nx_superblock *sb = (const void *)b->data;
	uint32_t type = APFS_OBJ_EPHEMERAL | APFS_OT_NX_SUPERBLOCK;

	return le32_get(sb->nx_magic) == APFS_NX_MAGIC &&
	       le32_get(sb->nx_o.o_type) == type &&
	       ((c->flags & APFS_SKIP_CHECKSUMS) ||
		apfs_checksum_ok(b->data, APFS_BLOCK_SIZE));
}

static int bad_field(uint64_t bno, enum err_code code, const char *field, uint64_t value,
		     const char *why, struct err *e)
{
	return err_set(e, code,
		       "block %" PRIu64 ": container superblock: %s is %#" PRIx64 ", %s",
		       bno, field, value, why);
}

/* What kinds of container can be read. */
static int check_kind(uint64_t bno, const struct apfs_nx_superblock *sb, struct err *e)
{
	uint64_t incompat = le64_get(sb->nx_incompatible_features);

	if (le32_get(sb->nx_block_size) != APFS_BLOCK_SIZE)
		return bad_field(bno, E_UNSUPPORTED, "nx_block_size",
				 le32_get(sb->nx_block_size), "not 4096", e);
	if (incompat & APFS_NX_INCOMPAT_FUSION)
		return bad_field(bno, E_UNSUPPORTED, "nx_incompatible_features", incompat,
				 "a fusion container", e);
	if (incompat & ~APFS_NX_INCOMPAT_VERSION2)
		return bad_field(bno, E_UNSUPPORTED, "nx_incompatible_features", incompat,
				 "which has unknown bits", e);
	return 0;
}

static int check_superblock(const struct apfs *c, uint64_t bno,
			    const struct apfs_nx_superblock *sb, struct err *e)
{
	uint64_t blocks = le64_get(sb->nx_block_count);
	uint32_t ring = le32_get(sb->nx_xp_desc_blocks);
	int r = check_kind(bno, sb, e);

	if (r)
		return r;
	if (!blocks || blocks > c->size / APFS_BLOCK_SIZE)
		return bad_field(bno, E_CORRUPT, "nx_block_count", blocks,
				 blocks ? "more than the image has" : "no block", e);
	if (ring & APFS_NX_AREA_IS_TREE)
		return bad_field(bno, E_UNSUPPORTED, "nx_xp_desc_blocks", ring,
				 "an area in pieces", e);
	if (ring > RING_MAX)
		return bad_field(bno, E_CORRUPT, "nx_xp_desc_blocks", ring, "too many",
				 e);
	if (!range_inside(le64_get(sb->nx_xp_desc_base), ring, blocks))
		return bad_field(
			bno, E_CORRUPT, "nx_xp_desc_base", le64_get(sb->nx_xp_desc_base),
			"from where the area reaches beyond the container's end", e);
	return 0;
}

/*
 * Block 0 says where the ring is. It is the last thing a commit writes; when it was cut
 * off, any superblock in the ring says the same, and the ring follows block 0.
 */
static int find_ring(struct apfs *c, struct err *e)
{
	struct apfs_blk *b;
	int r = apfs_blk_get(c, 0, false, &b, e);

	if (r)
		return r;
	memcpy(&c->sb, b->data, sizeof(c->sb));
	apfs_blk_put(c, b);
	if (le32_get(c->sb.nx_magic) != APFS_NX_MAGIC)
		return err_set(e, E_NOTFOUND, "no APFS container here");
	for (uint64_t bno = 0; bno < 32 && bno < c->blocks; bno++) {
		bool found;

		r = apfs_blk_get(c, bno, false, &b, e);
		if (r)
			return r;
		found = is_superblock(c, b);
		if (found)
			memcpy(&c->sb, b->data, sizeof(c->sb));
		apfs_blk_put(c, b);
		if (found)
			return check_superblock(c, bno, &c->sb, e);
	}
	return err_set(e, E_CORRUPT,
		       "block 0: bad checksum, and no other superblock near");
}

/* Newest first. */
static int cmp_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->xid < y->xid ? 1 : x->xid > y->xid ? -1 : 0;
}

static int scan_ring(struct apfs *c, struct candidate *found, size_t *n, struct err *e)
{
	uint64_t base = le64_get(c->sb.nx_xp_desc_base);
	uint32_t blocks = le32_get(c->sb.nx_xp_desc_blocks);

	for (uint32_t i = 0; i < blocks; i++) {
		const struct apfs_nx_superblock *sb;
		struct apfs_blk *b;
		uint64_t xid;
		int r = apfs_blk_get(c, base + i, false, &b, e);

		if (r)
			return r;
		sb = (const void *)b->data;
		xid = le64_get(sb->nx_o.o_xid);
		/* A container made in the place of another may still hold some of the
		 * other's. */
		if (memcmp(&sb->nx_uuid, &c->sb.nx_uuid, sizeof(sb->nx_uuid)) != 0)
			xid = 0;
		if (xid && is_superblock(c, b))
			found[(*n)++] = (struct candidate){.xid = xid, .index = i};
		else if (le32_get(sb->nx_magic) == APFS_NX_MAGIC &&
			 xid > c->info.newest_xid)
			c->info.newest_xid = xid;
		apfs_blk_put(c, b);
	}
	qsort(found, *n, sizeof(*found), cmp_candidates);
	return 0;
}

/* The block behind @bno: an object that reaches the area's end goes on at its start. */
static uint64_t next_in_area(const struct apfs *c, uint64_t bno)
{
	uint64_t base = le64_get(c->sb.nx_xp_data_base);

	return bno + 1 == base + le32_get(c->sb.nx_xp_data_blocks) ? base : bno + 1;
}

static int read_ephemeral(struct apfs *c, uint64_t bno, uint8_t *obj, uint32_t size,
			  struct err *e)
{
	int r = 0;

	for (uint32_t done = 0; !r && done < size; done += APFS_BLOCK_SIZE) {
		r = bno >= c->blocks
			    ? err_set(e, E_CORRUPT,
				      "block %" PRIu64
				      ": ephemeral object beyond the container's end",
				      bno)
			    : apfs_read_bytes(c, bno * APFS_BLOCK_SIZE, obj + done,
					      APFS_BLOCK_SIZE, e);
		bno = next_in_area(c, bno);
	}
	return r;
}

int apfs_ephemeral_read(struct apfs *c, const struct apfs_checkpoint_mapping *m,
			uint8_t **ret, struct err *e)
{
	struct apfs_obj_want want = {
		.what = "ephemeral object",
		.oid = le64_get(m->cpm_oid),
		.xid = c->xid,
		.type = le32_get(m->cpm_type),
		.subtype = le32_get(m->cpm_subtype),
	};
	uint32_t size = le32_get(m->cpm_size);
	uint64_t bno = le64_get(m->cpm_paddr);
	uint8_t *obj;
	int r;

	if (!size || size % APFS_BLOCK_SIZE || size > EPH_SIZE_MAX)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": ephemeral object: cpm_size is %u", bno,
			       size);
	obj = malloc(size);
	if (!obj)
		return err_set(e, E_NOMEM, "ephemeral object: out of memory");
	r = read_ephemeral(c, bno, obj, size, e);
	if (!r && !(c->flags & APFS_SKIP_CHECKSUMS) && !apfs_checksum_ok(obj, size))
		r = err_set(e, E_CORRUPT, "block %" PRIu64 ": bad checksum", bno);
	if (!r)
		r = apfs_obj_check(c, (const struct apfs_obj *)obj, bno, &want, e);
	if (r)
		free(obj);
	else
		*ret = obj;
	return r;
}

/* What the space manager says is noted. */
static int check_ephemeral(struct apfs *c, const struct apfs_checkpoint_mapping *m,
			   struct err *e)
{
	uint8_t *obj;
	int r = apfs_ephemeral_read(c, m, &obj, e);

	if (r)
		return r;
	if (le32_get(m->cpm_type) == (APFS_OBJ_EPHEMERAL | APFS_OT_SPACEMAN)) {
		const struct apfs_spaceman *sm = (const void *)obj;

		c->info.free_blocks = le64_get(sm->sm_dev[APFS_SD_MAIN].sm_free_count);
	}
	free(obj);
	return 0;
}

static int check_map(struct apfs *c, uint64_t bno, bool *ret_last, struct err *e)
{
	struct apfs_obj_want want = {
		.what = "checkpoint map",
		.oid = bno,
		.xid = c->xid,
		.type = APFS_OBJ_PHYSICAL | APFS_OT_CHECKPOINT_MAP,
	};
	const struct apfs_checkpoint_map *map;
	struct apfs_blk *b;
	uint32_t n;
	int r = apfs_obj_get(c, bno, &want, &b, e);

	if (r)
		return r;
	map = (const void *)b->data;
	n = le32_get(map->cpm_count);
	*ret_last = le32_get(map->cpm_flags) & APFS_CHECKPOINT_MAP_LAST;
	if (n > APFS_CHECKPOINT_MAP_MAX)
		r = err_set(e, E_CORRUPT,
			    "block %" PRIu64 ": checkpoint map: cpm_count is %u", bno, n);
	for (uint32_t i = 0; !r && i < n; i++)
		r = check_ephemeral(c, &map->cpm_map[i], e);
	apfs_blk_put(c, b);
	return r;
}

/* The map blocks from xp_desc_index on, up to the superblock at @index. */
static int check_maps(struct apfs *c, uint32_t index, struct err *e)
{
	uint32_t blocks = le32_get(c->sb.nx_xp_desc_blocks);
	uint32_t first = le32_get(c->sb.nx_xp_desc_index);
	uint32_t len = le32_get(c->sb.nx_xp_desc_len);
	uint64_t base = le64_get(c->sb.nx_xp_desc_base);
	bool last = false;

	if (len < 2 || len > blocks || first >= blocks ||
	    ((uint64_t)first + len - 1) % blocks != index)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": container superblock: "
			       "nx_xp_desc_index is %u and nx_xp_desc_len %u, "
			       "a checkpoint that does not end here",
			       base + index, first, len);
	for (uint32_t i = 0; i < len - 1; i++) {
		int r = check_map(c, base + (first + (uint64_t)i) % blocks, &last, e);

		if (r)
			return r;
		if (last != (i == len - 2))
			return err_set(e, E_CORRUPT,
				       "block %" PRIu64 ": checkpoint map %u of %u: "
				       "cpm_flags %s that it is the last",
				       base + (first + (uint64_t)i) % blocks, i + 1,
				       len - 1, last ? "says" : "does not say");
	}
	return 0;
}

/* Make the checkpoint whose superblock is at @index of the ring the one in use. */
static int try_checkpoint(struct apfs *c, uint64_t base, const struct candidate *at,
			  struct err *e)
{
	struct apfs_blk *b;
	int r = apfs_blk_get(c, base + at->index, true, &b, e);

	if (r)
		return r;
	memcpy(&c->sb, b->data, sizeof(c->sb));
	apfs_blk_put(c, b);
	r = check_superblock(c, base + at->index, &c->sb, e);
	if (r)
		return r;
	c->xid = at->xid;
	c->blocks = le64_get(c->sb.nx_block_count);
	r = check_maps(c, at->index, e);
	if (r)
		return r;
	r = apfs_omap_open(c, le64_get(c->sb.nx_omap_oid), &c->omap, e);
	return r ? err_ctx(e, "container") : 0;
}

static int choose(struct apfs *c, const struct candidate *found, size_t n, struct err *e)
{
	uint64_t base = le64_get(c->sb.nx_xp_desc_base);
	struct err why = ERR_INIT;

	c->info.checkpoints = (unsigned)n;
	if (!n)
		return err_set(e, E_CORRUPT, "no checkpoint with a valid superblock");
	if (found[0].xid < c->info.newest_xid)
		snprintf(c->info.damage, sizeof(c->info.damage),
			 "superblock of transaction %" PRIu64 ": bad checksum",
			 c->info.newest_xid);
	else
		c->info.newest_xid = found[0].xid;
	for (size_t i = 0; i < n; i++) {
		if (!try_checkpoint(c, base, &found[i], &why))
			return 0;
		if (!c->info.damage[0])
			snprintf(c->info.damage, sizeof(c->info.damage), "%.250s",
				 why.msg);
		/* A kind that cannot be read does not become readable by going back. */
		if (why.code != E_CORRUPT)
			return err_set(e, why.code, "%s", why.msg);
	}
	return err_set(e, E_CORRUPT, "none of %zu checkpoints is intact; the newest: %s",
		       n, c->info.damage);
}

int apfs_checkpoint_load(struct apfs *c, struct err *e)
{
	struct candidate *found;
	size_t n = 0;
	int r = find_ring(c, e);

	if (r)
		return r;
	c->blocks = le64_get(c->sb.nx_block_count);
	found = calloc((size_t)le32_get(c->sb.nx_xp_desc_blocks) + 1, sizeof(*found));
	if (!found)
		return err_set(e, E_NOMEM, "checkpoints: out of memory");
	r = scan_ring(c, found, &n, e);
	if (!r)
		r = choose(c, found, n, e);
	free(found);
	return r;
}
