/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in a new container, and what its parts have in common.
 *
 *	block 0          copy of the newest container superblock
 *	desc_base        checkpoint descriptors: maps and container superblocks
 *	data_base        checkpoint data: space manager, reaper, free queues
 *	ip_bm_base       ring of bitmaps of the internal pool
 *	ip_base          internal pool: chunk infos and bitmaps of the space manager
 *	first            contents, trees, object maps, volume superblocks, without gaps
 *
 * As newfs_apfs does, two checkpoints are written: one of a container without volumes
 * and one of the finished container. What only the first one uses is in the free queues
 * of the second.
 */
#ifndef SIM_FORMATS_APFS_LAYOUT_H
#define SIM_FORMATS_APFS_LAYOUT_H

#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/btree_build.h"
#include "sim/formats/apfs/writer.h"

/*
 * Transactions. A volume must be formatted before its live state, and a snapshot is older
 * than the superblock that knows of it. Without snapshots the live state has the second.
 */
#define APFS_XID_BOOTSTRAP 1u
#define APFS_XID_SNAPSHOT  2u

/* Ephemeral objects; virtual ones follow. */
enum {
	APFS_OID_SPACEMAN = 1024,
	APFS_OID_REAPER,
	APFS_OID_IP_QUEUE,
	APFS_OID_MAIN_QUEUE,
	APFS_OID_FIRST_VIRTUAL,
};

struct apfs_layout {
	uint64_t n_blocks;
	uint32_t n_chunks, n_cibs;
	uint32_t desc_base, desc_blocks;
	uint32_t data_base, data_blocks;
	uint32_t ip_bm_base, ip_bm_blocks;
	uint32_t ip_base, ip_blocks;
	uint64_t first;
};

struct apfs_writer {
	const struct apfs_container_spec *spec;
	struct apfs_layout layout;
	struct apfs_out out;
	uint64_t xid; /* of the live state */
	uint64_t next_oid;
	struct apfs_mappings volumes; /* their superblocks */
	uint64_t fs_oid[APFS_NX_MAX_FILE_SYSTEMS]; /* of the superblocks, by index */
};

/* E_UNSUPPORTED, E_INVAL: a size that cannot be. */
int apfs_layout_init(struct apfs_layout *l, uint64_t size, struct err *e) MUST_CHECK;

struct apfs_omap_spec {
	uint64_t xid;
	uint32_t flags;            /* APFS_OMAP_* */
	struct apfs_mappings *map; /* sorted on the way */
	const uint64_t *snapshots; /* xids, rising */
	size_t n_snapshots;
};

/* Write an object map. *@ret_oid: its block; *@ret_blocks: how many blocks it took. */
int apfs_omap_write(struct apfs_out *out, const struct apfs_omap_spec *s,
		    uint64_t *ret_oid, uint64_t *ret_blocks, struct err *e) MUST_CHECK;

/*
 * Write volume @index of the spec and add its superblock to w->volumes. *@ret is filled
 * of a sealed one.
 */
int apfs_volume_write(struct apfs_writer *w, size_t index, struct apfs_sealed *ret,
		      struct err *e) MUST_CHECK;

/* What a space manager has to know beside the layout. */
struct apfs_space {
	uint64_t xid;
	unsigned slot;               /* which third of the pool, which bitmap of the ring */
	uint64_t used;               /* blocks in use: [0, used) */
	struct apfs_range main_free; /* used by an older checkpoint only */
	struct apfs_range ip_free;
};

/* What the space manager of @s takes of the internal pool. */
struct apfs_range apfs_space_pool(const struct apfs_layout *l,
				  const struct apfs_space *s);

/*
 * Write bitmaps and chunk infos, and fill @block (4096 zero bytes) with the ephemeral
 * space manager.
 */
int apfs_space_write(struct apfs_writer *w, const struct apfs_space *s, uint8_t *block,
		     struct err *e) MUST_CHECK;

#endif
