/* SPDX-License-Identifier: MIT */
/* A container: its volumes, then the two checkpoints that name them. See layout.h. */
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/layout.h"
#include "sim/formats/apfs/raw_space.h"

/* Ephemeral objects in the order of their ids, which is newfs_apfs's order too. */
enum { EPH_SPACEMAN, EPH_REAPER, EPH_IP_QUEUE, EPH_MAIN_QUEUE, EPH_COUNT };

static const struct {
	uint64_t oid;
	uint32_t type, subtype;
} ephemerals[EPH_COUNT] = {
	[EPH_SPACEMAN] = {APFS_OID_SPACEMAN, APFS_OT_SPACEMAN, 0},
	[EPH_REAPER] = {APFS_OID_REAPER, APFS_OT_REAPER, 0},
	[EPH_IP_QUEUE] = {APFS_OID_IP_QUEUE, APFS_OT_BTREE, APFS_OT_FREE_QUEUE},
	[EPH_MAIN_QUEUE] = {APFS_OID_MAIN_QUEUE, APFS_OT_BTREE, APFS_OT_FREE_QUEUE},
};

/* Each checkpoint is a map and a superblock. */
#define DESC_LEN 2u

struct checkpoint {
	uint64_t xid, next_oid, omap_oid;
	uint32_t desc_index, data_index;
	uint8_t eph[EPH_COUNT][APFS_BLOCK_SIZE];
};

/* ---- Checking the spec ---- */

const char APFS_SNAPSHOT_OF_ROOT_HASH[] = "com.apple.os.update-";

static uint32_t max_volumes(uint64_t size)
{
	uint64_t n = (size + APFS_BYTES_PER_VOLUME - 1) / APFS_BYTES_PER_VOLUME;

	return n < APFS_NX_MAX_FILE_SYSTEMS ? (uint32_t)n : APFS_NX_MAX_FILE_SYSTEMS;
}

/* A group is one System and one Data volume. */
static int check_group(const struct apfs_container_spec *spec, struct err *e)
{
	size_t members = 0, systems = 0, datas = 0;

	for (size_t i = 0; i < spec->n_volumes; i++) {
		const struct apfs_volume_spec *v = &spec->volumes[i];

		members += v->in_group;
		systems += v->in_group && v->role == APFS_ROLE_SYSTEM;
		datas += v->in_group && v->role == APFS_ROLE_DATA;
	}
	if (members == 0 || (members == 2 && systems == 1 && datas == 1))
		return 0;
	return err_set(e, E_INVAL, "a volume group needs one System and one Data volume");
}

/* Who may be sealed: APFS Reference p. 150, and apfsck for volumes without a role. */
static int check_seal(const struct apfs_volume_spec *v, struct err *e)
{
	if (v->sealed && v->role != APFS_ROLE_SYSTEM && v->role != APFS_ROLE_NONE)
		return err_set(e, E_INVAL, "a volume of role %#x cannot be sealed",
			       v->role);
	if (v->root_from_snapshot && !v->snapshot)
		return err_set(e, E_INVAL, "there is no snapshot to root from");
	if (!v->snapshot)
		return 0;
	if (v->snapshot == APFS_SNAPSHOT_OF_ROOT_HASH)
		return v->sealed ? 0
				 : err_set(e, E_INVAL,
					   "without a seal there is no root "
					   "hash to name a snapshot after");
	int rc = apfs_name_check(v->snapshot, e);

	return rc != 0 ? err_ctx(e, "name of its snapshot") : 0;
}

static int check_spec(const struct apfs_container_spec *spec, struct err *e)
{
	uint32_t max = max_volumes(spec->size);

	if (spec->n_volumes > max)
		return err_set(e, E_OVERFLOW,
			       "%zu volumes; a container of %llu MiB has at most %u",
			       spec->n_volumes, (unsigned long long)(spec->size >> 20),
			       max);
	for (size_t i = 0; i < spec->n_volumes; i++) {
		int rc = apfs_name_check(spec->volumes[i].name, e);

		if (rc != 0)
			return err_ctx(e, "name of volume %zu", i);
		rc = check_seal(&spec->volumes[i], e);
		if (rc != 0)
			return err_ctx(e, "volume '%s'", spec->volumes[i].name);
	}
	return check_group(spec, e);
}

/* ---- Checkpoints ---- */

static void fill_reaper(uint8_t *block, uint64_t xid)
{
	struct apfs_reaper *r = (struct apfs_reaper *)block;

	r->nr_next_reap_id = to_le64(1);
	r->nr_flags = to_le32(APFS_NR_BHM_FLAG);
	r->nr_state_buffer_size = to_le32(APFS_BLOCK_SIZE - sizeof(*r));
	apfs_obj_seal(block, APFS_OID_REAPER, xid, APFS_OBJ_EPHEMERAL | APFS_OT_REAPER,
		      0);
}

static void fill_queue(uint8_t *block, uint64_t oid, uint64_t xid,
		       const struct apfs_range *free_run)
{
	const struct apfs_free_queue_key key = {to_le64(xid), to_le64(free_run->block)};
	const le64 val = to_le64(free_run->count);

	apfs_btree_ephemeral(block, &apfs_free_queue_tree, oid, xid,
			     free_run->count ? &key : NULL, &val);
}

static int write_map(struct apfs_writer *w, const struct checkpoint *cp, struct err *e)
{
	uint8_t block[APFS_BLOCK_SIZE] = {0};
	struct apfs_checkpoint_map *map = (struct apfs_checkpoint_map *)block;
	uint64_t paddr = w->layout.desc_base + cp->desc_index;

	map->cpm_flags = to_le32(APFS_CHECKPOINT_MAP_LAST);
	map->cpm_count = to_le32(EPH_COUNT);
	for (uint32_t i = 0; i < EPH_COUNT; i++) {
		struct apfs_checkpoint_mapping *m = &map->cpm_map[i];

		m->cpm_type = to_le32(APFS_OBJ_EPHEMERAL | ephemerals[i].type);
		m->cpm_subtype = to_le32(ephemerals[i].subtype);
		m->cpm_size = to_le32(APFS_BLOCK_SIZE);
		m->cpm_oid = to_le64(ephemerals[i].oid);
		m->cpm_paddr = to_le64(w->layout.data_base + cp->data_index + i);
	}
	apfs_obj_seal(block, paddr, cp->xid, APFS_OBJ_PHYSICAL | APFS_OT_CHECKPOINT_MAP,
		      0);
	return apfs_out_put(&w->out, paddr, block, e);
}

static void fill_areas(struct apfs_nx_superblock *nx, const struct apfs_layout *l,
		       const struct checkpoint *cp)
{
	nx->nx_xp_desc_blocks = to_le32(l->desc_blocks);
	nx->nx_xp_data_blocks = to_le32(l->data_blocks);
	nx->nx_xp_desc_base = to_le64(l->desc_base);
	nx->nx_xp_data_base = to_le64(l->data_base);
	nx->nx_xp_desc_next = to_le32((cp->desc_index + DESC_LEN) % l->desc_blocks);
	nx->nx_xp_data_next = to_le32(cp->data_index + EPH_COUNT);
	nx->nx_xp_desc_index = to_le32(cp->desc_index);
	nx->nx_xp_desc_len = to_le32(DESC_LEN);
	nx->nx_xp_data_index = to_le32(cp->data_index);
	nx->nx_xp_data_len = to_le32(EPH_COUNT);
}

static void fill_superblock(struct apfs_nx_superblock *nx, const struct apfs_writer *w,
			    const struct checkpoint *cp)
{
	nx->nx_magic = to_le32(APFS_NX_MAGIC);
	nx->nx_block_size = to_le32(APFS_BLOCK_SIZE);
	nx->nx_block_count = to_le64(w->layout.n_blocks);
	nx->nx_incompatible_features = to_le64(APFS_NX_INCOMPAT_VERSION2);
	memcpy(nx->nx_uuid.b, w->spec->uuid, sizeof(nx->nx_uuid.b));
	nx->nx_next_oid = to_le64(cp->next_oid);
	nx->nx_next_xid = to_le64(cp->xid + 1);
	fill_areas(nx, &w->layout, cp);
	nx->nx_spaceman_oid = to_le64(APFS_OID_SPACEMAN);
	nx->nx_omap_oid = to_le64(cp->omap_oid);
	nx->nx_reaper_oid = to_le64(APFS_OID_REAPER);
	nx->nx_max_file_systems = to_le32(max_volumes(w->spec->size));
	nx->nx_ephemeral_info[0] =
		to_le64((uint64_t)APFS_NX_EPH_MIN_BLOCKS << 32 |
			APFS_NX_EPH_STRUCTS << 16 | APFS_NX_EPH_INFO_VERSION);
}

/* Write the ephemeral objects and the map; leave the superblock in @block. */
static int write_checkpoint(struct apfs_writer *w, const struct checkpoint *cp,
			    uint8_t *block, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < EPH_COUNT && rc == 0; i++)
		rc = apfs_out_put(&w->out, w->layout.data_base + cp->data_index + i,
				  cp->eph[i], e);
	if (rc == 0)
		rc = write_map(w, cp, e);
	fill_superblock((struct apfs_nx_superblock *)block, w, cp);
	return rc;
}

/* Stamp the superblock and put it behind its map. */
static int write_superblock(struct apfs_writer *w, const struct checkpoint *cp,
			    uint8_t *block, struct err *e)
{
	apfs_obj_seal(block, APFS_OID_NX_SUPERBLOCK, cp->xid,
		      APFS_OBJ_EPHEMERAL | APFS_OT_NX_SUPERBLOCK, 0);
	return apfs_out_put(&w->out, w->layout.desc_base + cp->desc_index + 1, block, e);
}

/* ---- The two states of a new container ---- */

/*
 * A checkpoint of the container as it is, all but its superblock, which is left in
 * @block. Newfs_apfs leaves the queues of the first checkpoint out; apfsck wants them.
 */
static int write_state(struct apfs_writer *w, struct checkpoint *cp,
		       const struct apfs_space *space, uint8_t *block, struct err *e)
{
	int rc = apfs_space_write(w, space, cp->eph[EPH_SPACEMAN], e);

	fill_reaper(cp->eph[EPH_REAPER], cp->xid);
	fill_queue(cp->eph[EPH_IP_QUEUE], APFS_OID_IP_QUEUE, cp->xid, &space->ip_free);
	fill_queue(cp->eph[EPH_MAIN_QUEUE], APFS_OID_MAIN_QUEUE, cp->xid,
		   &space->main_free);
	return rc != 0 ? rc : write_checkpoint(w, cp, block, e);
}

/*
 * A container without volumes. What @ret_live gets is free for the next checkpoint: the
 * blocks that nobody needs when the volumes are there.
 */
static int write_bootstrap(struct apfs_writer *w, struct apfs_space *ret_live,
			   struct err *e)
{
	struct checkpoint cp = {
		.xid = APFS_XID_BOOTSTRAP,
		.next_oid = APFS_OID_FIRST_VIRTUAL,
	};
	struct apfs_space space = {.xid = cp.xid};
	struct apfs_mappings none = {.v = NULL};
	const struct apfs_omap_spec omap = {
		.xid = cp.xid,
		.flags = APFS_OMAP_MANUALLY_MANAGED,
		.map = &none,
	};
	uint8_t block[APFS_BLOCK_SIZE] = {0};
	uint64_t first = w->out.run.block, n;
	int rc = apfs_omap_write(&w->out, &omap, &cp.omap_oid, &n, e);

	if (rc != 0)
		return rc;
	space.used = w->out.run.block;
	ret_live->main_free = (struct apfs_range){.block = first, .count = n};
	ret_live->ip_free = apfs_space_pool(&w->layout, &space);
	rc = write_state(w, &cp, &space, block, e);
	return rc != 0 ? rc : write_superblock(w, &cp, block, e);
}

/* The container with its volumes; @space names what the first checkpoint frees. */
static int write_live(struct apfs_writer *w, struct apfs_space *space, uint64_t omap_oid,
		      struct err *e)
{
	struct checkpoint cp = {
		.xid = w->xid,
		.next_oid = w->next_oid,
		.omap_oid = omap_oid,
		.desc_index = DESC_LEN,
		.data_index = EPH_COUNT,
	};
	uint8_t block[APFS_BLOCK_SIZE] = {0};
	struct apfs_nx_superblock *nx = (struct apfs_nx_superblock *)block;

	space->xid = cp.xid;
	space->slot = 1;
	space->used = w->out.run.block;
	int rc = write_state(w, &cp, space, block, e);

	for (size_t i = 0; i < w->spec->n_volumes; i++)
		nx->nx_fs_oid[i] = to_le64(w->fs_oid[i]);
	if (rc == 0)
		rc = write_superblock(w, &cp, block, e);
	return rc != 0 ? rc : apfs_out_put(&w->out, 0, block, e);
}

/* The volumes that are sealed, or those that are not. */
static int write_volumes(struct apfs_writer *w, bool sealed, struct err *e)
{
	const struct apfs_container_spec *spec = w->spec;
	struct apfs_sealed s;
	int rc = 0;

	for (size_t i = 0; i < spec->n_volumes && rc == 0; i++) {
		if (spec->volumes[i].sealed != sealed)
			continue;
		rc = apfs_volume_write(w, i, &s, e);
		if (rc != 0)
			err_ctx(e, "volume '%s'", spec->volumes[i].name);
		else if (sealed && spec->sealed)
			rc = spec->sealed(spec->ctx, i, &s, e);
	}
	return rc;
}

static int write_all(struct apfs_writer *w, struct err *e)
{
	const struct apfs_omap_spec omap = {
		.xid = w->xid,
		.flags = APFS_OMAP_MANUALLY_MANAGED,
		.map = &w->volumes,
	};
	struct apfs_space live = {.xid = 0};
	uint64_t omap_oid, n;
	int rc = write_bootstrap(w, &live, e);

	if (rc == 0)
		rc = write_volumes(w, true, e);
	if (rc == 0)
		rc = write_volumes(w, false, e);
	if (rc == 0)
		rc = apfs_omap_write(&w->out, &omap, &omap_oid, &n, e);
	if (rc == 0)
		rc = apfs_out_flush(&w->out, e);
	return rc != 0 ? rc : write_live(w, &live, omap_oid, e);
}

static uint64_t live_xid(const struct apfs_container_spec *spec)
{
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (spec->volumes[i].snapshot)
			return APFS_XID_SNAPSHOT + 1;
	return APFS_XID_BOOTSTRAP + 1;
}

int apfs_write(int fd, uint64_t offset, const struct apfs_container_spec *spec,
	       struct err *e)
{
	struct apfs_writer w = {.spec = spec, .next_oid = APFS_OID_FIRST_VIRTUAL};
	int rc = apfs_layout_init(&w.layout, spec->size, e);

	if (rc == 0)
		rc = check_spec(spec, e);
	if (rc != 0)
		return rc;
	w.xid = live_xid(spec);
	rc = apfs_out_init(&w.out, fd, offset, w.layout.n_blocks, w.layout.first, e);
	if (rc == 0)
		rc = write_all(&w, e);
	apfs_out_release(&w.out);
	apfs_mappings_release(&w.volumes);
	return rc;
}
