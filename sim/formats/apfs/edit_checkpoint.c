/* SPDX-License-Identifier: MIT */
/* The checkpoint that a transaction starts from. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/apfs/edit_impl.h"

#define NR_CONTINUE 2u /* nr_flags (p. 166): something is being deleted */

struct field {
	const char *name;
	uint64_t value;
};

static int refuse(const struct field *f, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].value != 0)
			return err_set(e, E_UNSUPPORTED, "%s is %#" PRIx64, f[i].name,
				       f[i].value);
	return 0;
}

/* What would have to be understood to keep it right. */
static int check_container(const struct apfs_nx_superblock *nx, struct err *e)
{
	const struct field unknown[] = {
		{"nx_features", le64_get(nx->nx_features) & ~APFS_NX_FEATURE_DEFRAG},
		{"nx_readonly_compatible_features",
		 le64_get(nx->nx_readonly_compatible_features)},
		{"nx_xp_data_blocks",
		 le32_get(nx->nx_xp_data_blocks) & APFS_NX_AREA_IS_TREE},
		{"nx_blocked_out_prange",
		 le64_get(nx->nx_blocked_out_prange.pr_block_count)},
		{"nx_evict_mapping_tree_oid", le64_get(nx->nx_evict_mapping_tree_oid)},
		{"nx_flags", le64_get(nx->nx_flags) & APFS_NX_CRYPTO_SW},
		{"nx_test_oid", le64_get(nx->nx_test_oid)},
		{"nx_fusion_mt_oid", le64_get(nx->nx_fusion_mt_oid)},
		{"nx_fusion_wbc_oid", le64_get(nx->nx_fusion_wbc_oid)},
	};

	return refuse(unknown, sizeof(unknown) / sizeof(unknown[0]), e);
}

/* The areas: the reader has looked at that of the descriptors. */
static int check_areas(const struct apfs *c, const struct apfs_nx_superblock *nx,
		       struct err *e)
{
	uint32_t desc = le32_get(nx->nx_xp_desc_blocks),
		 data = le32_get(nx->nx_xp_data_blocks);

	if (le32_get(nx->nx_xp_desc_next) >= desc || le32_get(nx->nx_xp_desc_len) > desc)
		return err_set(e, E_CORRUPT,
			       "nx_xp_desc_next %u, nx_xp_desc_len %u of %u",
			       le32_get(nx->nx_xp_desc_next),
			       le32_get(nx->nx_xp_desc_len), desc);
	if (!range_inside(le64_get(nx->nx_xp_data_base), data, c->blocks) ||
	    le32_get(nx->nx_xp_data_next) >= data || le32_get(nx->nx_xp_data_len) > data)
		return err_set(
			e, E_CORRUPT,
			"nx_xp_data_next %u, nx_xp_data_len %u of %u blocks at %" PRIu64,
			le32_get(nx->nx_xp_data_next), le32_get(nx->nx_xp_data_len), data,
			le64_get(nx->nx_xp_data_base));
	return 0;
}

/* ---- Ephemeral objects ---- */

static int check_reaper(const struct edit_eph *eph, struct err *e)
{
	const struct apfs_reaper *r = (const struct apfs_reaper *)eph->object;
	const struct field busy[] = {
		{"nr_flags of the reaper", le32_get(r->nr_flags) & NR_CONTINUE},
		{"nr_oid of the reaper", le64_get(r->nr_oid)},
	};

	return refuse(busy, sizeof(busy) / sizeof(busy[0]), e);
}

/* Objects of these kinds are carried over; of others nobody knows what they refer to. */
static int check_kind(const struct edit_eph *eph, struct err *e)
{
	switch (eph->type & ~APFS_OBJ_STORAGE_MASK) {
	case APFS_OT_SPACEMAN:
	case APFS_OT_REAP_LIST:
		return 0;
	case APFS_OT_REAPER:
		return check_reaper(eph, e);
	case APFS_OT_BTREE:
	case APFS_OT_BTREE_NODE:
		if (eph->subtype == APFS_OT_FREE_QUEUE)
			return 0;
		break;
	default:
		break;
	}
	return err_set(e, E_UNSUPPORTED,
		       "block %" PRIu64 ": ephemeral object of type %#x, subtype %#x",
		       eph->block, eph->type, eph->subtype);
}

static int load_ephemeral(struct apfs_edit *ed, const struct apfs_checkpoint_mapping *m,
			  struct err *e)
{
	struct edit_eph eph = {
		.type = le32_get(m->cpm_type),
		.subtype = le32_get(m->cpm_subtype),
		.oid = le64_get(m->cpm_oid),
		.block = le64_get(m->cpm_paddr),
		.size = le32_get(m->cpm_size),
	};
	int rc = apfs_ephemeral_read(ed->c, m, &eph.object, e);

	if (rc != 0)
		return rc;
	rc = check_kind(&eph, e);
	if (rc == 0 && le64_get(m->cpm_fs_oid) != 0)
		rc = err_set(e, E_UNSUPPORTED, "block %" PRIu64 ": cpm_fs_oid %#" PRIx64,
			     eph.block, le64_get(m->cpm_fs_oid));
	if (rc == 0 && edit_ephs_find(&ed->ephs, eph.oid))
		rc = err_set(e, E_CORRUPT,
			     "block %" PRIu64 ": ephemeral object %#" PRIx64
			     " is there twice",
			     eph.block, eph.oid);
	if (rc != 0) {
		free(eph.object);
		return rc;
	}
	return edit_ephs_add(&ed->ephs, &eph, e);
}

/* The reader has checked the maps' headers and counts when it chose the checkpoint. */
static int load_map(struct apfs_edit *ed, uint64_t block, struct err *e)
{
	struct apfs_blk *b;
	int rc = apfs_blk_get(ed->c, block, true, &b, e);

	if (rc != 0)
		return rc;
	const struct apfs_checkpoint_map *map = (const void *)b->data;

	for (uint32_t i = 0; i < le32_get(map->cpm_count) && rc == 0; i++)
		rc = load_ephemeral(ed, &map->cpm_map[i], e);
	apfs_blk_put(ed->c, b);
	return rc;
}

static int load_ephemerals(struct apfs_edit *ed, struct err *e)
{
	const struct apfs_nx_superblock *nx = edit_nx(ed);
	uint32_t blocks = le32_get(nx->nx_xp_desc_blocks);
	int rc = 0;

	for (uint32_t i = 0; i + 1 < le32_get(nx->nx_xp_desc_len) && rc == 0; i++) {
		uint64_t at = ((uint64_t)le32_get(nx->nx_xp_desc_index) + i) % blocks;

		rc = load_map(ed, le64_get(nx->nx_xp_desc_base) + at, e);
	}
	return rc;
}

static int load_space(struct apfs_edit *ed, struct err *e)
{
	uint64_t oid = le64_get(edit_nx(ed)->nx_spaceman_oid);
	struct edit_eph *eph = edit_ephs_find(&ed->ephs, oid);

	if (!eph || eph->type != (APFS_OBJ_EPHEMERAL | APFS_OT_SPACEMAN))
		return err_set(e, E_CORRUPT,
			       "no space manager %#" PRIx64 " in the checkpoint", oid);
	uint8_t *object = eph->object;

	eph->object = NULL;
	int rc = edit_space_load(&ed->space, ed->c, object, eph->size, eph->block, e);

	if (rc == 0)
		rc = edit_queue_load(&ed->space, APFS_SFQ_IP, &ed->ephs, e);
	return rc != 0 ? rc : edit_queue_load(&ed->space, APFS_SFQ_MAIN, &ed->ephs, e);
}

/* The superblock as it lies in the ring, with what may be behind the known fields. */
static int load_superblock(struct apfs_edit *ed, struct err *e)
{
	const struct apfs_nx_superblock *nx = &ed->c->sb;
	uint32_t blocks = le32_get(nx->nx_xp_desc_blocks);
	uint64_t at = ((uint64_t)le32_get(nx->nx_xp_desc_index) +
		       le32_get(nx->nx_xp_desc_len) - 1) %
		      blocks;
	struct apfs_blk *b;
	int rc = apfs_blk_get(ed->c, le64_get(nx->nx_xp_desc_base) + at, true, &b, e);

	if (rc != 0)
		return rc;
	memcpy(ed->nx, b->data, sizeof(ed->nx));
	apfs_blk_put(ed->c, b);
	return 0;
}

int edit_checkpoint_load(struct apfs_edit *ed, struct err *e)
{
	int rc = load_superblock(ed, e);

	if (rc == 0)
		rc = check_container(edit_nx(ed), e);
	if (rc == 0)
		rc = check_areas(ed->c, edit_nx(ed), e);
	if (rc == 0)
		rc = load_ephemerals(ed, e);
	if (rc == 0)
		rc = load_space(ed, e);
	ed->next_oid = le64_get(edit_nx(ed)->nx_next_oid);
	return rc;
}
