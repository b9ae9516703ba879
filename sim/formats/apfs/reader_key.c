/* SPDX-License-Identifier: MIT */
/* The keys of the trees that the reader goes through. */
#include "sim/formats/apfs/reader_impl.h"

#include <string.h>

int apfs_key_cmp(const struct apfs_key *a, const struct apfs_key *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Two integers; object maps and the extents of sealed volumes. */
static bool parse_pair(const struct apfs_tree *t, const uint8_t *p, size_t len,
		       struct apfs_key *ret)
{
	(void)t;
	if (len < 16)
		return false;
	*ret = (struct apfs_key){.id = get_le64(p), .num = get_le64(p + 8), .name = ""};
	return true;
}

/* A name that fills the rest of the key, with its NUL and no other. */
static bool take_name(const uint8_t *p, size_t at, size_t len, size_t name_len,
		      struct apfs_key *ret)
{
	if (!name_len || name_len > APFS_NAME_BUF || len < at || name_len != len - at)
		return false;
	if (memchr(p + at, 0, name_len) != p + len - 1)
		return false;
	ret->name = (const char *)p + at;
	ret->name_len = name_len - 1;
	return true;
}

static bool take_number(const uint8_t *p, size_t len, struct apfs_key *ret)
{
	if (len < 16)
		return false;
	ret->num = get_le64(p + 8);
	return true;
}

static bool parse_drec(const struct apfs_tree *t, const uint8_t *p, size_t len,
		       struct apfs_key *ret)
{
	uint32_t v;

	if (!t->hashed_names)
		return len >= 10 && take_name(p, 10, len, get_le16(p + 8), ret);
	if (len < sizeof(struct apfs_j_drec_hashed_key))
		return false;
	v = get_le32(p + 8);
	ret->num = v >> APFS_DREC_HASH_SHIFT;
	return take_name(p, 12, len, v & APFS_DREC_LEN_MASK, ret);
}

static bool parse_record(const struct apfs_tree *t, const uint8_t *p, size_t len,
			 struct apfs_key *ret)
{
	uint64_t v;

	if (len < sizeof(struct apfs_j_key))
		return false;
	v = get_le64(p);
	*ret = (struct apfs_key){
		.id = v & APFS_OBJ_ID_MASK,
		.type = (uint8_t)(v >> APFS_REC_TYPE_SHIFT),
		.name = "",
	};
	switch (ret->type) {
	case APFS_REC_XATTR:
	case APFS_REC_SNAP_NAME:
		return len >= 10 && take_name(p, 10, len, get_le16(p + 8), ret);
	case APFS_REC_DIR_REC:
		return parse_drec(t, p, len, ret);
	case APFS_REC_SIBLING_LINK:
	case APFS_REC_FILE_EXTENT:
	case APFS_REC_FILE_INFO:
		return take_number(p, len, ret);
	default:
		return true;
	}
}

const struct apfs_tree_kind apfs_omap_tree_kind = {
	.name = "object map",
	.subtype = APFS_OT_OMAP,
	.key_size = 16,
	.val_size = 16,
	.parse = parse_pair,
};

const struct apfs_tree_kind apfs_fs_tree_kind = {
	.name = "file-system tree",
	.subtype = APFS_OT_FSTREE,
	.is_virtual = true,
	.parse = parse_record,
};

const struct apfs_tree_kind apfs_snap_tree_kind = {
	.name = "snapshot tree",
	.subtype = APFS_OT_SNAPMETA_TREE,
	.parse = parse_record,
};

const struct apfs_tree_kind apfs_fext_tree_kind = {
	.name = "extent tree",
	.subtype = APFS_OT_FEXT_TREE,
	.key_size = 16,
	.val_size = 16,
	.parse = parse_pair,
};
