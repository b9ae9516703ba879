/* SPDX-License-Identifier: MIT */
/*
 * The space manager and the reaper: what a container knows of its free blocks. The rest
 * of the format is in raw.h.
 */
#ifndef SIM_FORMATS_APFS_RAW_SPACE_H
#define SIM_FORMATS_APFS_RAW_SPACE_H

#include "sim/formats/apfs/raw.h"

/* ---- Space manager (p. 159) ---- */

#define APFS_BLOCKS_PER_CHUNK 32768u
#define APFS_CHUNKS_PER_CIB   126u
#define APFS_CIBS_PER_CAB     507u
#define APFS_SM_VERSIONED     0x1u

#define APFS_CI_COUNT_MASK 0x000fffffu

struct apfs_chunk_info { /* p. 159 */
	le64 ci_xid;
	le64 ci_addr;
	le32 ci_block_count;
	le32 ci_free_count;
	le64 ci_bitmap_addr; /* 0: all free */
};
APFS_SIZE(struct apfs_chunk_info, 32);

struct apfs_cib { /* chunk_info_block_t, p. 159 */
	struct apfs_obj cib_o;
	le32 cib_index;
	le32 cib_chunk_info_count;
	struct apfs_chunk_info cib_chunk_info[];
};
APFS_SIZE(struct apfs_cib, 40);

struct apfs_cab { /* cib_addr_block_t, p. 159 */
	struct apfs_obj cab_o;
	le32 cab_index;
	le32 cab_cib_count;
	le64 cab_cib_addr[];
};
APFS_SIZE(struct apfs_cab, 40);

struct apfs_free_queue_key { /* p. 160; value: le64 block count, or a ghost for 1 */
	le64 sfqk_xid;
	le64 sfqk_paddr;
};
APFS_SIZE(struct apfs_free_queue_key, 16);

enum { APFS_SFQ_IP, APFS_SFQ_MAIN, APFS_SFQ_TIER2, APFS_SFQ_COUNT };
enum { APFS_SD_MAIN, APFS_SD_TIER2, APFS_SD_COUNT };

struct apfs_free_queue { /* p. 160 */
	le64 sfq_count;
	le64 sfq_tree_oid;
	le64 sfq_oldest_xid;
	le16 sfq_tree_node_limit;
	le16 sfq_pad16;
	le32 sfq_pad32;
	le64 sfq_reserved;
};
APFS_SIZE(struct apfs_free_queue, 40);

struct apfs_spaceman_device { /* p. 160 */
	le64 sm_block_count;
	le64 sm_chunk_count;
	le32 sm_cib_count;
	le32 sm_cab_count;
	le64 sm_free_count;
	le32 sm_addr_offset; /* in this object: addresses of the cibs, or cabs */
	le32 sm_reserved;
	le64 sm_reserved2;
};
APFS_SIZE(struct apfs_spaceman_device, 48);

struct apfs_spaceman { /* p. 161 */
	struct apfs_obj sm_o;
	le32 sm_block_size;
	le32 sm_blocks_per_chunk;
	le32 sm_chunks_per_cib;
	le32 sm_cibs_per_cab;
	struct apfs_spaceman_device sm_dev[APFS_SD_COUNT];
	le32 sm_flags;
	le32 sm_ip_bm_tx_multiplier;
	le64 sm_ip_block_count;
	le32 sm_ip_bm_size_in_blocks;
	le32 sm_ip_bm_block_count;
	le64 sm_ip_bm_base;
	le64 sm_ip_base;
	le64 sm_fs_reserve_block_count;
	le64 sm_fs_reserve_alloc_count;
	struct apfs_free_queue sm_fq[APFS_SFQ_COUNT];
	le16 sm_ip_bm_free_head;
	le16 sm_ip_bm_free_tail;
	le32 sm_ip_bm_xid_offset;       /* le64 for each bitmap block */
	le32 sm_ip_bitmap_offset;       /* le16 for each: its place in the ring */
	le32 sm_ip_bm_free_next_offset; /* le16 for each place of the ring */
	le32 sm_version;
	le32 sm_struct_size;
	uint8_t sm_datazone[2176]; /* allocation zones; may be zero */
};
APFS_SIZE(struct apfs_spaceman, 2520);
APFS_OFFSET(struct apfs_spaceman, sm_fq, 0xc8);
APFS_OFFSET(struct apfs_spaceman, sm_ip_bm_free_head, 0x140);
APFS_OFFSET(struct apfs_spaceman, sm_version, 0x150);
#define APFS_SPACEMAN_VERSION  1u
#define APFS_IP_BM_INDEX_INVALID 0xffffu

/* ---- Reaper (p. 164) ---- */

#define APFS_NR_BHM_FLAG 0x1u

struct apfs_reaper {
	struct apfs_obj nr_o;
	le64 nr_next_reap_id;
	le64 nr_completed_id;
	le64 nr_head;
	le64 nr_tail;
	le32 nr_flags;
	le32 nr_rlcount;
	le32 nr_type;
	le32 nr_size;
	le64 nr_fs_oid;
	le64 nr_oid;
	le64 nr_xid;
	le32 nr_nrle_flags;
	le32 nr_state_buffer_size;
	uint8_t nr_state_buffer[];
};
APFS_SIZE(struct apfs_reaper, 112);

#endif
