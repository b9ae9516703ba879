/* SPDX-License-Identifier: MIT */
/*
 * APFS as it lies on disk. Field by field after Apple's "Apple File System Reference",
 * edition 2020-06-22; "p. N" is a page of it. Where the reference is silent or wrong and
 * the facts come from what readers of real images agree on, the comment says "not in the
 * reference".
 *
 * All members are byte arrays of a stated order (sim/base/bytes.h), so every struct has
 * alignment 1 and may be laid over a block at any offset. Block addresses are in blocks
 * of nx_block_size bytes from the start of the container, times in ns since 1970 UTC.
 */
#ifndef SIM_FORMATS_APFS_RAW_H
#define SIM_FORMATS_APFS_RAW_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/bytes.h"

#define APFS_SIZE(type, size)                                                            \
	_Static_assert(sizeof(type) == (size), #type " has another size on disk")
#define APFS_OFFSET(type, member, off)                                                   \
	_Static_assert(offsetof(type, member) == (off), #type "." #member " is elsewhere")

#define APFS_BLOCK_SIZE 4096u /* the only one written and read here */

/* ---- General (p. 9) ---- */

struct apfs_prange { /* p. 9 */
	le64 pr_start_paddr;
	le64 pr_block_count;
};
APFS_SIZE(struct apfs_prange, 16);

struct apfs_uuid {
	uint8_t b[16];
};

/* ---- Objects (p. 10) ---- */

struct apfs_obj { /* obj_phys_t, p. 10 */
	le64 o_cksum; /* Fletcher-64 of the rest of the object */
	le64 o_oid;   /* physical objects: the block number */
	le64 o_xid;
	le32 o_type; /* APFS_OBJ_* | type */
	le32 o_subtype;
};
APFS_SIZE(struct apfs_obj, 32);

#define APFS_OID_INVALID       0ull
#define APFS_OID_NX_SUPERBLOCK 1ull
#define APFS_OID_FIRST_FREE    1024ull /* OID_RESERVED_COUNT, p. 12 */

/* o_type: p. 13, 20 */
#define APFS_OBJ_TYPE_MASK     0x0000ffffu
#define APFS_OBJ_STORAGE_MASK  0xc0000000u
#define APFS_OBJ_VIRTUAL       0x00000000u
#define APFS_OBJ_EPHEMERAL     0x80000000u
#define APFS_OBJ_PHYSICAL      0x40000000u
#define APFS_OBJ_NOHEADER      0x20000000u
#define APFS_OBJ_ENCRYPTED     0x10000000u
#define APFS_OBJ_NONPERSISTENT 0x08000000u

enum apfs_obj_type { /* p. 14 */
	APFS_OT_NX_SUPERBLOCK  = 0x01,
	APFS_OT_BTREE          = 0x02, /* a root; the subtype says of which tree */
	APFS_OT_BTREE_NODE     = 0x03,
	APFS_OT_SPACEMAN       = 0x05,
	APFS_OT_CAB            = 0x06,
	APFS_OT_CIB            = 0x07,
	APFS_OT_FREE_QUEUE     = 0x09,
	APFS_OT_OMAP           = 0x0b,
	APFS_OT_CHECKPOINT_MAP = 0x0c,
	APFS_OT_FS             = 0x0d,
	APFS_OT_FSTREE         = 0x0e,
	APFS_OT_EXTENTREF_TREE = 0x0f, /* OBJECT_TYPE_BLOCKREFTREE */
	APFS_OT_SNAPMETA_TREE  = 0x10,
	APFS_OT_REAPER         = 0x11,
	APFS_OT_REAP_LIST      = 0x12,
	APFS_OT_OMAP_SNAPSHOT  = 0x13,
	APFS_OT_EFI_JUMPSTART  = 0x14,
	APFS_OT_SNAP_META_EXT  = 0x1d,
	APFS_OT_INTEGRITY_META = 0x1e,
	APFS_OT_FEXT_TREE      = 0x1f,
};

/* ---- Container (p. 26) ---- */

#define APFS_NX_MAGIC            0x4253584eu /* "NXSB" */
#define APFS_NX_MAX_FILE_SYSTEMS 100
#define APFS_NX_COUNTERS         32
#define APFS_NX_EPH_INFO_COUNT   4
#define APFS_NX_EPH_MIN_BLOCKS   8u
#define APFS_NX_EPH_STRUCTS      4u /* NX_MAX_FILE_SYSTEM_EPH_STRUCTS */
#define APFS_NX_EPH_INFO_VERSION 1u

#define APFS_NX_FEATURE_DEFRAG    0x1ull
#define APFS_NX_FEATURE_LCFD      0x2ull
#define APFS_NX_INCOMPAT_VERSION1 0x1ull
#define APFS_NX_INCOMPAT_VERSION2 0x2ull
#define APFS_NX_INCOMPAT_FUSION   0x100ull
#define APFS_NX_CRYPTO_SW         0x4ull

/* Set in xp_desc_blocks, xp_data_blocks: the area is a tree, not contiguous (p. 30). */
#define APFS_NX_AREA_IS_TREE 0x80000000u

struct apfs_nx_superblock { /* nx_superblock_t, p. 27 */
	struct apfs_obj nx_o;
	le32 nx_magic;
	le32 nx_block_size;
	le64 nx_block_count;
	le64 nx_features;
	le64 nx_readonly_compatible_features;
	le64 nx_incompatible_features;
	struct apfs_uuid nx_uuid;
	le64 nx_next_oid;
	le64 nx_next_xid;
	le32 nx_xp_desc_blocks;
	le32 nx_xp_data_blocks;
	le64 nx_xp_desc_base;
	le64 nx_xp_data_base;
	le32 nx_xp_desc_next;
	le32 nx_xp_data_next;
	le32 nx_xp_desc_index;
	le32 nx_xp_desc_len;
	le32 nx_xp_data_index;
	le32 nx_xp_data_len;
	le64 nx_spaceman_oid;
	le64 nx_omap_oid;
	le64 nx_reaper_oid;
	le32 nx_test_type;
	le32 nx_max_file_systems;
	le64 nx_fs_oid[APFS_NX_MAX_FILE_SYSTEMS];
	le64 nx_counters[APFS_NX_COUNTERS];
	struct apfs_prange nx_blocked_out_prange;
	le64 nx_evict_mapping_tree_oid;
	le64 nx_flags;
	le64 nx_efi_jumpstart;
	struct apfs_uuid nx_fusion_uuid;
	struct apfs_prange nx_keylocker;
	le64 nx_ephemeral_info[APFS_NX_EPH_INFO_COUNT];
	le64 nx_test_oid;
	le64 nx_fusion_mt_oid;
	le64 nx_fusion_wbc_oid;
	struct apfs_prange nx_fusion_wbc;
	le64 nx_newest_mounted_version;
	struct apfs_prange nx_mkb_locker;
};
APFS_SIZE(struct apfs_nx_superblock, 1408);
APFS_OFFSET(struct apfs_nx_superblock, nx_next_oid, 0x58);
APFS_OFFSET(struct apfs_nx_superblock, nx_xp_desc_next, 0x80);
APFS_OFFSET(struct apfs_nx_superblock, nx_spaceman_oid, 0x98);
APFS_OFFSET(struct apfs_nx_superblock, nx_fs_oid, 0xb8);
APFS_OFFSET(struct apfs_nx_superblock, nx_counters, 0x3d8);
APFS_OFFSET(struct apfs_nx_superblock, nx_flags, 0x4f0);
APFS_OFFSET(struct apfs_nx_superblock, nx_ephemeral_info, 0x520);
APFS_OFFSET(struct apfs_nx_superblock, nx_mkb_locker, 0x570);

struct apfs_checkpoint_mapping { /* p. 40 */
	le32 cpm_type;
	le32 cpm_subtype;
	le32 cpm_size; /* bytes, whole blocks */
	le32 cpm_pad;
	le64 cpm_fs_oid;
	le64 cpm_oid;
	le64 cpm_paddr;
};
APFS_SIZE(struct apfs_checkpoint_mapping, 40);

#define APFS_CHECKPOINT_MAP_LAST 1u

struct apfs_checkpoint_map { /* p. 41 */
	struct apfs_obj cpm_o;
	le32 cpm_flags;
	le32 cpm_count;
	struct apfs_checkpoint_mapping cpm_map[];
};
APFS_SIZE(struct apfs_checkpoint_map, 40);
#define APFS_CHECKPOINT_MAP_MAX                                                          \
	((APFS_BLOCK_SIZE - sizeof(struct apfs_checkpoint_map)) /                        \
	 sizeof(struct apfs_checkpoint_mapping))

/* ---- Object map (p. 44) ---- */

#define APFS_OMAP_MANUALLY_MANAGED 0x1u

struct apfs_omap { /* omap_phys_t, p. 44 */
	struct apfs_obj om_o;
	le32 om_flags;
	le32 om_snap_count;
	le32 om_tree_type;
	le32 om_snapshot_tree_type;
	le64 om_tree_oid;
	le64 om_snapshot_tree_oid;
	le64 om_most_recent_snap;
	le64 om_pending_revert_min;
	le64 om_pending_revert_max;
};
APFS_SIZE(struct apfs_omap, 88);

struct apfs_omap_key { /* p. 46; sorted by (oid, xid) */
	le64 ok_oid;
	le64 ok_xid;
};
APFS_SIZE(struct apfs_omap_key, 16);

#define APFS_OMAP_VAL_DELETED           0x01u /* p. 48 */
#define APFS_OMAP_VAL_SAVED             0x02u
#define APFS_OMAP_VAL_ENCRYPTED         0x04u
#define APFS_OMAP_VAL_NOHEADER          0x08u
#define APFS_OMAP_VAL_CRYPTO_GENERATION 0x10u

struct apfs_omap_val { /* p. 46 */
	le32 ov_flags;
	le32 ov_size;
	le64 ov_paddr;
};
APFS_SIZE(struct apfs_omap_val, 16);

#define APFS_OMAP_SNAPSHOT_DELETED  0x1u
#define APFS_OMAP_SNAPSHOT_REVERTED 0x2u

struct apfs_omap_snapshot { /* p. 47; key: le64 xid */
	le32 oms_flags;
	le32 oms_pad;
	le64 oms_oid;
};
APFS_SIZE(struct apfs_omap_snapshot, 16);

/* ---- B-trees (p. 122) ---- */

struct apfs_nloc { /* p. 128 */
	le16 off;
	le16 len;
};
APFS_SIZE(struct apfs_nloc, 4);
#define APFS_BTOFF_INVALID 0xffffu

#define APFS_BTNODE_ROOT          0x0001u /* p. 132 */
#define APFS_BTNODE_LEAF          0x0002u
#define APFS_BTNODE_FIXED_KV_SIZE 0x0004u
#define APFS_BTNODE_HASHED        0x0008u
#define APFS_BTNODE_NOHEADER      0x0010u

struct apfs_btree_node { /* btree_node_phys_t, p. 123 */
	struct apfs_obj btn_o;
	le16 btn_flags;
	le16 btn_level;
	le32 btn_nkeys;
	struct apfs_nloc btn_table_space; /* off from btn_data */
	struct apfs_nloc btn_free_space;  /* off from the start of the key area */
	struct apfs_nloc btn_key_free_list;
	struct apfs_nloc btn_val_free_list;
	uint8_t btn_data[]; /* table of contents, keys upward, free, values downward */
};
APFS_SIZE(struct apfs_btree_node, 56);

struct apfs_kvloc { /* p. 128: toc entry of a tree with keys or values of variable size */
	struct apfs_nloc k; /* off from the start of the key area */
	struct apfs_nloc v; /* off backward from the end of the value area */
};
APFS_SIZE(struct apfs_kvloc, 8);

struct apfs_kvoff { /* p. 129: toc entry of a tree with fixed sizes */
	le16 k;
	le16 v; /* APFS_BTOFF_INVALID: a ghost, no value */
};
APFS_SIZE(struct apfs_kvoff, 4);

#define APFS_BTREE_UINT64_KEYS       0x001u /* p. 129 */
#define APFS_BTREE_SEQUENTIAL_INSERT 0x002u
#define APFS_BTREE_ALLOW_GHOSTS      0x004u
#define APFS_BTREE_EPHEMERAL         0x008u
#define APFS_BTREE_PHYSICAL          0x010u
#define APFS_BTREE_NONPERSISTENT     0x020u
#define APFS_BTREE_KV_NONALIGNED     0x040u
#define APFS_BTREE_HASHED            0x080u
#define APFS_BTREE_NOHEADER          0x100u

struct apfs_btree_info { /* btree_info_t, p. 125: the last bytes of a root */
	le32 bt_flags;
	le32 bt_node_size;
	le32 bt_key_size; /* 0: variable */
	le32 bt_val_size;
	le32 bt_longest_key;
	le32 bt_longest_val;
	le64 bt_key_count;
	le64 bt_node_count;
};
APFS_SIZE(struct apfs_btree_info, 40);

#define APFS_BTREE_TOC_ENTRY_INCREMENT 8u /* p. 131 */

/*
 * btn_index_node_val_t, p. 127, of a hashed tree. The hash has the length of the digest,
 * and the child is its oid minus the root's (not in the reference).
 */
struct apfs_btn_index_val {
	le64 binv_child_oid;
	uint8_t binv_child_hash[];
};
APFS_SIZE(struct apfs_btn_index_val, 8);

/* ---- Volume (p. 50) ---- */

#define APFS_FS_MAGIC         0x42535041u /* "APSB" */
#define APFS_MAX_HIST         8
#define APFS_VOLNAME_LEN      256
#define APFS_MODIFIED_NAMELEN 32

#define APFS_FS_UNENCRYPTED 0x01ull /* apfs_fs_flags, p. 61 */
#define APFS_FS_ONEKEY      0x08ull

#define APFS_FEATURE_DEFRAG            0x04ull /* p. 67 */
#define APFS_FEATURE_HARDLINK_MAP      0x02ull
#define APFS_FEATURE_STRICTATIME       0x08ull
#define APFS_FEATURE_VOLGRP_SYSTEM_INO 0x10ull

#define APFS_INCOMPAT_CASE_INSENSITIVE          0x01ull /* p. 68 */
#define APFS_INCOMPAT_DATALESS_SNAPS            0x02ull
#define APFS_INCOMPAT_ENC_ROLLED                0x04ull
#define APFS_INCOMPAT_NORMALIZATION_INSENSITIVE 0x08ull
#define APFS_INCOMPAT_INCOMPLETE_RESTORE        0x10ull
#define APFS_INCOMPAT_SEALED_VOLUME             0x20ull

enum apfs_role { /* p. 63: one value, never a mask */
	APFS_ROLE_NONE       = 0x000,
	APFS_ROLE_SYSTEM     = 0x001,
	APFS_ROLE_USER       = 0x002,
	APFS_ROLE_RECOVERY   = 0x004,
	APFS_ROLE_VM         = 0x008,
	APFS_ROLE_PREBOOT    = 0x010,
	APFS_ROLE_INSTALLER  = 0x020,
	APFS_ROLE_DATA       = 0x040,
	APFS_ROLE_BASEBAND   = 0x080,
	APFS_ROLE_UPDATE     = 0x0c0,
	APFS_ROLE_XART       = 0x100,
	APFS_ROLE_HARDWARE   = 0x140,
	APFS_ROLE_BACKUP     = 0x180,
	APFS_ROLE_ENTERPRISE = 0x240,
	APFS_ROLE_PRELOGIN   = 0x2c0,
};

struct apfs_modified_by { /* p. 60 */
	uint8_t id[APFS_MODIFIED_NAMELEN];
	le64 timestamp;
	le64 last_xid;
};
APFS_SIZE(struct apfs_modified_by, 48);

struct apfs_wrapped_meta_crypto_state { /* p. 140 */
	le16 major_version;
	le16 minor_version;
	le32 cpflags;
	le32 persistent_class;
	le32 key_os_version;
	le16 key_revision;
	le16 unused;
};
APFS_SIZE(struct apfs_wrapped_meta_crypto_state, 20);

struct apfs_superblock { /* p. 51; from 0x414 on not in the reference */
	struct apfs_obj apfs_o;
	le32 apfs_magic;
	le32 apfs_fs_index;
	le64 apfs_features;
	le64 apfs_readonly_compatible_features;
	le64 apfs_incompatible_features;
	le64 apfs_unmount_time;
	le64 apfs_fs_reserve_block_count;
	le64 apfs_fs_quota_block_count;
	le64 apfs_fs_alloc_count;
	struct apfs_wrapped_meta_crypto_state apfs_meta_crypto;
	le32 apfs_root_tree_type;
	le32 apfs_extentref_tree_type;
	le32 apfs_snap_meta_tree_type;
	le64 apfs_omap_oid;
	le64 apfs_root_tree_oid;
	le64 apfs_extentref_tree_oid;
	le64 apfs_snap_meta_tree_oid;
	le64 apfs_revert_to_xid;
	le64 apfs_revert_to_sblock_oid;
	le64 apfs_next_obj_id;
	le64 apfs_num_files;
	le64 apfs_num_directories;
	le64 apfs_num_symlinks;
	le64 apfs_num_other_fsobjects;
	le64 apfs_num_snapshots;
	le64 apfs_total_blocks_alloced;
	le64 apfs_total_blocks_freed;
	struct apfs_uuid apfs_vol_uuid;
	le64 apfs_last_mod_time;
	le64 apfs_fs_flags;
	struct apfs_modified_by apfs_formatted_by;
	struct apfs_modified_by apfs_modified_by[APFS_MAX_HIST];
	uint8_t apfs_volname[APFS_VOLNAME_LEN];
	le32 apfs_next_doc_id;
	le16 apfs_role;
	le16 apfs_reserved;
	le64 apfs_root_to_xid;
	le64 apfs_er_state_oid;
	le64 apfs_cloneinfo_id_epoch;
	le64 apfs_cloneinfo_xid;
	le64 apfs_snap_meta_ext_oid;
	struct apfs_uuid apfs_volume_group_id;
	le64 apfs_integrity_meta_oid;
	le64 apfs_fext_tree_oid; /* a block, though the reference says virtual */
	le32 apfs_fext_tree_type;
	le32 apfs_doc_id_tree_type;
	le64 apfs_doc_id_tree_oid;
	le64 apfs_doc_id_index_xid;
	le32 apfs_doc_id_index_flags;
	le32 apfs_doc_id_index_tree_type;
	le64 apfs_doc_id_index_tree_oid;
	le64 apfs_prev_doc_id_tree_oid;
	le64 apfs_doc_id_fixup_cursor;
	le64 apfs_sec_root_tree_oid;
	le32 apfs_sec_root_tree_type;
};
APFS_SIZE(struct apfs_superblock, 1108);
APFS_OFFSET(struct apfs_superblock, apfs_fs_alloc_count, 0x58);
APFS_OFFSET(struct apfs_superblock, apfs_root_tree_type, 0x74);
APFS_OFFSET(struct apfs_superblock, apfs_next_obj_id, 0xb0);
APFS_OFFSET(struct apfs_superblock, apfs_vol_uuid, 0xf0);
APFS_OFFSET(struct apfs_superblock, apfs_formatted_by, 0x110);
APFS_OFFSET(struct apfs_superblock, apfs_volname, 0x2c0);
APFS_OFFSET(struct apfs_superblock, apfs_next_doc_id, 0x3c0);
APFS_OFFSET(struct apfs_superblock, apfs_root_to_xid, 0x3c8);
APFS_OFFSET(struct apfs_superblock, apfs_volume_group_id, 0x3f0);
APFS_OFFSET(struct apfs_superblock, apfs_fext_tree_type, 0x410);
APFS_OFFSET(struct apfs_superblock, apfs_sec_root_tree_type, 0x450);

/* ---- File-system records (p. 71) ---- */

#define APFS_OBJ_ID_MASK   0x0fffffffffffffffull
#define APFS_REC_TYPE_SHIFT 60

enum apfs_rec_type { /* j_obj_types, p. 84 */
	APFS_REC_SNAP_METADATA = 1,
	APFS_REC_EXTENT        = 2,
	APFS_REC_INODE         = 3,
	APFS_REC_XATTR         = 4,
	APFS_REC_SIBLING_LINK  = 5,
	APFS_REC_DSTREAM_ID    = 6,
	APFS_REC_CRYPTO_STATE  = 7,
	APFS_REC_FILE_EXTENT   = 8,
	APFS_REC_DIR_REC       = 9,
	APFS_REC_DIR_STATS     = 10,
	APFS_REC_SNAP_NAME     = 11,
	APFS_REC_SIBLING_MAP   = 12,
	APFS_REC_FILE_INFO     = 13,
};

/* Inode numbers (p. 96) */
#define APFS_INO_ROOT_PARENT 1ull
#define APFS_INO_ROOT        2ull
#define APFS_INO_PRIVATE     3ull
#define APFS_INO_FIRST_USER  16ull
/* UNIFIED_ID_SPACE_MARK: ids of the System volume of a group carry it; 2 and 3 do not. */
#define APFS_INO_SYSTEM_MARK 0x0800000000000000ull

/* bsd_flags (sys/stat.h of a Mac): the content is in com.apple.decmpfs. */
#define APFS_UF_COMPRESSED 0x20u

/* The key is sorted by id, then type; the integer as a whole is not the order. */
struct apfs_j_key { /* p. 72; whole key of inode, dstream id, sibling map, dir stats */
	le64 obj_id_and_type;
};
APFS_SIZE(struct apfs_j_key, 8);

struct apfs_j_inode_val { /* p. 74 */
	le64 parent_id;
	le64 private_id; /* id of the data stream */
	le64 create_time;
	le64 mod_time;
	le64 change_time;
	le64 access_time;
	le64 internal_flags;
	le32 nchildren_or_nlink;
	le32 default_protection_class;
	le32 write_generation_counter;
	le32 bsd_flags;
	le32 owner;
	le32 group;
	le16 mode;
	le16 pad1;
	le64 uncompressed_size;
	uint8_t xfields[];
};
APFS_SIZE(struct apfs_j_inode_val, 92);

#define APFS_INODE_IS_APFS_PRIVATE       0x00000001ull /* p. 88 */
#define APFS_INODE_MAINTAIN_DIR_STATS    0x00000002ull
#define APFS_INODE_WAS_CLONED            0x00000010ull
#define APFS_INODE_HAS_SECURITY_EA       0x00000040ull
#define APFS_INODE_HAS_FINDER_INFO       0x00000100ull
#define APFS_INODE_IS_SPARSE             0x00000200ull
#define APFS_INODE_WAS_EVER_CLONED       0x00000400ull
#define APFS_INODE_HAS_RSRC_FORK         0x00004000ull
#define APFS_INODE_NO_RSRC_FORK          0x00008000ull
#define APFS_INODE_HAS_UNCOMPRESSED_SIZE 0x00040000ull

struct apfs_j_drec_key { /* p. 78: volumes that compare names byte by byte */
	struct apfs_j_key hdr;
	le16 name_len; /* bytes with the NUL */
	uint8_t name[];
};
APFS_SIZE(struct apfs_j_drec_key, 10);

struct apfs_j_drec_hashed_key { /* p. 78 */
	struct apfs_j_key hdr;
	le32 name_len_and_hash;
	uint8_t name[];
};
APFS_SIZE(struct apfs_j_drec_hashed_key, 12);

/* The reference gives the mask as 0xfffff400; the hash has 22 bits. */
#define APFS_DREC_LEN_MASK   0x000003ffu
#define APFS_DREC_HASH_MASK  0xfffffc00u
#define APFS_DREC_HASH_SHIFT 10

struct apfs_j_drec_val { /* p. 79 */
	le64 file_id;
	le64 date_added;
	le16 flags; /* low 4 bits: DT_* */
	uint8_t xfields[];
};
APFS_SIZE(struct apfs_j_drec_val, 18);
#define APFS_DREC_TYPE_MASK 0x000fu

struct apfs_j_dir_stats_val { /* p. 81 */
	le64 num_children;
	le64 total_size;
	le64 chained_key;
	le64 gen_count;
};
APFS_SIZE(struct apfs_j_dir_stats_val, 32);

#define APFS_XATTR_DATA_STREAM       0x1u /* p. 94: one of the first two */
#define APFS_XATTR_DATA_EMBEDDED     0x2u
#define APFS_XATTR_FILE_SYSTEM_OWNED 0x4u
#define APFS_XATTR_MAX_EMBEDDED      3804u /* p. 97 */
#define APFS_XATTR_NAME_SYMLINK      "com.apple.fs.symlink"
#define APFS_XATTR_NAME_FIRMLINK     "com.apple.fs.firmlink"
#define APFS_XATTR_NAME_DECMPFS      "com.apple.decmpfs"
#define APFS_XATTR_NAME_RSRC_FORK    "com.apple.ResourceFork"
#define APFS_XATTR_NAME_FINDER_INFO  "com.apple.FinderInfo"
#define APFS_XATTR_NAME_SECURITY     "com.apple.system.Security"

struct apfs_j_xattr_key { /* p. 82 */
	struct apfs_j_key hdr;
	le16 name_len; /* bytes with the NUL */
	uint8_t name[];
};
APFS_SIZE(struct apfs_j_xattr_key, 10);

struct apfs_j_xattr_val { /* p. 82 */
	le16 flags;
	le16 xdata_len;
	uint8_t xdata[];
};
APFS_SIZE(struct apfs_j_xattr_val, 4);

struct apfs_j_dstream { /* p. 106 */
	le64 size;
	le64 alloced_size;
	le64 default_crypto_id;
	le64 total_bytes_written;
	le64 total_bytes_read;
};
APFS_SIZE(struct apfs_j_dstream, 40);

struct apfs_j_xattr_dstream { /* p. 106: xdata of a stream xattr */
	le64 xattr_obj_id;
	struct apfs_j_dstream dstream;
};
APFS_SIZE(struct apfs_j_xattr_dstream, 48);

struct apfs_j_dstream_id_val { /* p. 105 */
	le32 refcnt;
};
APFS_SIZE(struct apfs_j_dstream_id_val, 4);

struct apfs_j_file_extent_key { /* p. 103 */
	struct apfs_j_key hdr;
	le64 logical_addr; /* bytes */
};
APFS_SIZE(struct apfs_j_file_extent_key, 16);

#define APFS_FILE_EXTENT_LEN_MASK   0x00ffffffffffffffull
#define APFS_FILE_EXTENT_FLAG_SHIFT 56

struct apfs_j_file_extent_val { /* p. 104 */
	le64 len_and_flags; /* bytes */
	le64 phys_block_num; /* 0: a hole */
	le64 crypto_id;
};
APFS_SIZE(struct apfs_j_file_extent_val, 24);

struct apfs_j_sibling_key { /* p. 115 */
	struct apfs_j_key hdr;
	le64 sibling_id;
};
APFS_SIZE(struct apfs_j_sibling_key, 16);

struct apfs_j_sibling_val { /* p. 115 */
	le64 parent_id;
	le16 name_len;
	uint8_t name[];
};
APFS_SIZE(struct apfs_j_sibling_val, 10);

struct apfs_j_sibling_map_val { /* p. 116 */
	le64 file_id;
};
APFS_SIZE(struct apfs_j_sibling_map_val, 8);

/* Extended fields: blob, descriptors, then values, each padded to 8 bytes (p. 107). */
struct apfs_xf_blob { /* p. 108 */
	le16 xf_num_exts;
	/* Bytes of the padded values; the reference counts the descriptors too, Macs don't. */
	le16 xf_used_data;
};
APFS_SIZE(struct apfs_xf_blob, 4);

struct apfs_x_field { /* p. 109 */
	uint8_t x_type;
	uint8_t x_flags;
	le16 x_size; /* bytes of the value, without padding */
};
APFS_SIZE(struct apfs_x_field, 4);

enum apfs_drec_xfield { APFS_DREC_XF_SIBLING_ID = 1 }; /* p. 109 */

enum apfs_ino_xfield {
	APFS_INO_XF_SNAP_XID       = 1,
	APFS_INO_XF_DELTA_TREE_OID = 2,
	APFS_INO_XF_DOCUMENT_ID    = 3,
	APFS_INO_XF_NAME           = 4,
	APFS_INO_XF_PREV_FSIZE     = 5,
	APFS_INO_XF_FINDER_INFO    = 7,
	APFS_INO_XF_DSTREAM        = 8,
	APFS_INO_XF_DIR_STATS_KEY  = 10,
	APFS_INO_XF_FS_UUID        = 11,
	APFS_INO_XF_SPARSE_BYTES   = 13,
	APFS_INO_XF_RDEV           = 14,
	APFS_INO_XF_PURGEABLE      = 15,
	APFS_INO_XF_SYNC_ROOT_ID   = 16,
};

#define APFS_XF_DATA_DEPENDENT   0x01u /* p. 112 */
#define APFS_XF_DO_NOT_COPY      0x02u
#define APFS_XF_CHILDREN_INHERIT 0x08u
#define APFS_XF_USER_FIELD       0x10u
#define APFS_XF_SYSTEM_FIELD     0x20u

/* ---- Extent-reference tree (p. 102) ---- */

#define APFS_PEXT_LEN_MASK   0x0fffffffffffffffull
#define APFS_PEXT_KIND_SHIFT 60
#define APFS_KIND_NEW        1u /* j_obj_kinds, p. 86 */
#define APFS_KIND_UPDATE     2u

struct apfs_j_phys_ext_val { /* p. 102; key: apfs_j_key of the first block, type EXTENT */
	le64 len_and_kind; /* blocks */
	le64 owning_obj_id;
	le32 refcnt;
};
APFS_SIZE(struct apfs_j_phys_ext_val, 20);

/* ---- Snapshots (p. 117) ---- */

#define APFS_SNAP_PENDING_DATALESS  0x1u /* p. 120 */
#define APFS_SNAP_MERGE_IN_PROGRESS 0x2u

struct apfs_j_snap_metadata_val { /* p. 117; key: apfs_j_key of the snapshot's xid */
	le64 extentref_tree_oid;
	le64 sblock_oid;
	le64 create_time;
	le64 change_time;
	le64 inum;
	le32 extentref_tree_type;
	le32 flags;
	le16 name_len;
	uint8_t name[];
};
APFS_SIZE(struct apfs_j_snap_metadata_val, 50);

struct apfs_j_snap_name_key { /* p. 119; the id is all ones below the type */
	struct apfs_j_key hdr;
	le16 name_len;
	uint8_t name[];
};
APFS_SIZE(struct apfs_j_snap_name_key, 10);

struct apfs_j_snap_name_val { /* p. 119 */
	le64 snap_xid;
};
APFS_SIZE(struct apfs_j_snap_name_val, 8);

struct apfs_snap_meta_ext { /* snap_meta_ext_obj_phys_t, p. 120 */
	struct apfs_obj smeop_o;
	le32 sme_version;
	le32 sme_flags;
	le64 sme_snap_xid;
	struct apfs_uuid sme_uuid;
	le64 sme_token;
};
APFS_SIZE(struct apfs_snap_meta_ext, 72);
#define APFS_SNAP_META_EXT_VERSION 1u

/* ---- Sealed volumes (p. 150) ---- */

#define APFS_INTEGRITY_VERSION_2 2u
#define APFS_SEAL_BROKEN         0x1u

enum apfs_hash_type { /* p. 152 */
	APFS_HASH_SHA256     = 1,
	APFS_HASH_SHA512_256 = 2,
	APFS_HASH_SHA384     = 3,
	APFS_HASH_SHA512     = 4,
};
#define APFS_HASH_MAX_SIZE 64

struct apfs_integrity_meta { /* p. 150 */
	struct apfs_obj im_o;
	le32 im_version;
	le32 im_flags;
	le32 im_hash_type;
	le32 im_root_hash_offset; /* from the start of the block */
	le64 im_broken_xid;
	le64 im_reserved[9];
};
APFS_SIZE(struct apfs_integrity_meta, 128);

struct apfs_fext_tree_key { /* p. 154 */
	le64 private_id;
	le64 logical_addr; /* bytes */
};
APFS_SIZE(struct apfs_fext_tree_key, 16);

struct apfs_fext_tree_val { /* p. 155 */
	le64 len_and_flags; /* bytes */
	le64 phys_block_num;
};
APFS_SIZE(struct apfs_fext_tree_val, 16);

#define APFS_FILE_INFO_LBA_MASK   0x00ffffffffffffffull
#define APFS_FILE_INFO_TYPE_SHIFT 56
#define APFS_FILE_INFO_DATA_HASH  1u

struct apfs_j_file_info_key { /* p. 155 */
	struct apfs_j_key hdr;
	le64 info_and_lba; /* type << 56 | byte offset in the stream, not an LBA */
};
APFS_SIZE(struct apfs_j_file_info_key, 16);

struct apfs_j_file_data_hash_val { /* p. 157 */
	le16 hashed_len; /* blocks */
	uint8_t hash_size;
	uint8_t hash[];
};
APFS_SIZE(struct apfs_j_file_data_hash_val, 3);

#endif
