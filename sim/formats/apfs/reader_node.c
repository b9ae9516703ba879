/* SPDX-License-Identifier: MIT */
/* One node of a B-tree: its place, its layout, its entries (APFS Reference p. 122). */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>

#include "sim/base/ckd.h"

#define TREE_HASHED (APFS_BTREE_HASHED | APFS_BTREE_NOHEADER)
#define NODE_HASHED (APFS_BTNODE_HASHED | APFS_BTNODE_NOHEADER)

static const struct apfs_btree_node *raw_node(const struct apfs_blk *b)
{
	return (const struct apfs_btree_node *)b->data;
}

static int bad_node(const struct apfs_tree *t, const struct apfs_blk *b, const char *why,
		    struct err *e)
{
	return err_set(e, E_CORRUPT, "block %" PRIu64 ": node of the %s: %s", b->bno,
		       t->kind->name, why);
}

int apfs_node_block(const struct apfs_tree *t, uint64_t ref, bool root,
		    struct apfs_blk **ret, struct err *e)
{
	struct apfs_omap_entry where = {.bno = ref};
	struct apfs_obj_want want = {
		.what = t->kind->name,
		.oid = ref,
		.type = root ? APFS_OT_BTREE : APFS_OT_BTREE_NODE,
		.subtype = t->kind->subtype,
	};
	int r;

	if (!t->kind->is_virtual) {
		want.type |= APFS_OBJ_PHYSICAL;
		return apfs_obj_get(t->c, ref, &want, ret, e);
	}
	r = apfs_omap_find(t->omap, ref, t->xid, &where, e);
	if (r)
		return err_ctx(e, "%s", t->kind->name);
	if (!t->sealed) {
		want.xid = where.xid;
		return apfs_obj_get(t->c, where.bno, &want, ret, e);
	}
	/* Nodes of a sealed volume have no header; their parent holds their hash. */
	if (!(where.flags & APFS_OMAP_VAL_NOHEADER))
		return err_set(e, E_CORRUPT,
			       "%s of a sealed volume: object %#" PRIx64 " has a header",
			       t->kind->name, ref);
	return apfs_blk_get(t->c, where.bno, false, ret, e);
}

static int check_root(const struct apfs_tree *t, const struct apfs_blk *b, struct err *e)
{
	const struct apfs_btree_info *info =
		(const void *)(b->data + APFS_BLOCK_SIZE - sizeof(*info));

	if (le32_get(info->bt_node_size) != APFS_BLOCK_SIZE)
		return bad_node(t, b, "its nodes have another size than a block", e);
	if (le32_get(info->bt_key_size) != t->kind->key_size ||
	    le32_get(info->bt_val_size) != t->kind->val_size)
		return bad_node(t, b, "wrong size of keys or values", e);
	if (t->kind->is_virtual &&
	    (le32_get(info->bt_flags) & TREE_HASHED) != (t->sealed ? TREE_HASHED : 0))
		return bad_node(t, b, "bt_flags do not match the volume", e);
	return 0;
}

static int take_layout(const struct apfs_tree *t, struct apfs_node *n, bool root,
		       struct err *e)
{
	const struct apfs_btree_node *raw = raw_node(n->b);
	uint16_t flags = le16_get(raw->btn_flags);
	bool fixed = t->kind->key_size;
	size_t toc_off = le16_get(raw->btn_table_space.off) + sizeof(*raw);
	size_t toc_len = le16_get(raw->btn_table_space.len);
	size_t end = APFS_BLOCK_SIZE - (root ? sizeof(struct apfs_btree_info) : 0);

	n->n = le32_get(raw->btn_nkeys);
	n->level = le16_get(raw->btn_level);
	if (!!(flags & APFS_BTNODE_ROOT) != root)
		return bad_node(t, n->b, root ? "not a root" : "a root inside", e);
	if (!!(flags & APFS_BTNODE_LEAF) != !n->level)
		return bad_node(t, n->b, "level does not match its flags", e);
	if (!!(flags & APFS_BTNODE_FIXED_KV_SIZE) != fixed)
		return bad_node(t, n->b, "wrong kind of table of contents", e);
	if ((flags & NODE_HASHED) != (t->sealed ? NODE_HASHED : 0))
		return bad_node(t, n->b, "hashed in one place only", e);
	if (toc_off + toc_len > end)
		return bad_node(t, n->b, "table of contents is too long", e);
	if (n->n >
	    toc_len / (fixed ? sizeof(struct apfs_kvoff) : sizeof(struct apfs_kvloc)))
		return bad_node(t, n->b, "more entries than its table holds", e);
	if (!n->n && (!root || n->level))
		return bad_node(t, n->b, "no entries", e);
	n->toc = (uint16_t)toc_off;
	n->keys = (uint16_t)(toc_off + toc_len);
	n->vals_end = (uint16_t)end;
	return 0;
}

int apfs_node_layout(const struct apfs_tree *t, const struct apfs_node *above,
		     struct apfs_node *n, struct err *e)
{
	int r = take_layout(t, n, !above, e);

	if (!r && !above)
		r = check_root(t, n->b, e);
	if (!r && above && n->level + 1 != above->level)
		r = bad_node(t, n->b, "level is not one below its parent's", e);
	return r;
}

int apfs_node_get(const struct apfs_tree *t, const struct apfs_child *to,
		  const struct apfs_node *above, struct apfs_node *ret, struct err *e)
{
	int r;

	*ret = (struct apfs_node){0};
	r = apfs_node_block(t, to->ref, !above, &ret->b, e);
	if (r)
		return r;
	if (t->verify)
		r = apfs_verify_node(t->verify, ret->b, to, e);
	if (!r)
		r = apfs_node_layout(t, above, ret, e);
	if (r)
		apfs_blk_put(t->c, ret->b);
	return r;
}

static int bad_entry(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		     const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT,
		       "block %" PRIu64 ": node of the %s: entry %u: bad %s", n->b->bno,
		       t->kind->name, i, what);
}

int apfs_node_key(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		  struct apfs_key *ret, struct err *e)
{
	const uint8_t *toc = n->b->data + n->toc;
	size_t off, len;

	if (t->kind->key_size) {
		off = get_le16(toc + i * sizeof(struct apfs_kvoff));
		len = t->kind->key_size;
	} else {
		off = get_le16(toc + i * sizeof(struct apfs_kvloc));
		len = get_le16(toc + i * sizeof(struct apfs_kvloc) + 2);
	}
	if (!range_inside(off, len, (size_t)n->vals_end - n->keys) ||
	    !t->kind->parse(t, n->b->data + n->keys + off, len, ret))
		return bad_entry(t, n, i, "key", e);
	return 0;
}

/* Values are counted back from the end of their area. */
int apfs_node_val(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		  const uint8_t **ret, size_t *ret_len, struct err *e)
{
	const uint8_t *toc = n->b->data + n->toc;
	size_t off, len;

	if (t->kind->key_size) {
		off = get_le16(toc + i * sizeof(struct apfs_kvoff) + 2);
		len = n->level ? sizeof(le64) : t->kind->val_size;
	} else {
		off = get_le16(toc + i * sizeof(struct apfs_kvloc) + 4);
		len = get_le16(toc + i * sizeof(struct apfs_kvloc) + 6);
	}
	if (off > (size_t)n->vals_end - n->keys || len > off)
		return bad_entry(t, n, i, "value", e);
	*ret = n->b->data + n->vals_end - off;
	*ret_len = len;
	return 0;
}

int apfs_node_child(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		    struct apfs_child *ret, struct err *e)
{
	const uint8_t *val;
	size_t len;
	int r = apfs_node_val(t, n, i, &val, &len, e);

	if (r)
		return r;
	if (len < sizeof(le64) || (t->verify && len != sizeof(le64) + APFS_SEAL_HASH_LEN))
		return bad_entry(t, n, i, "child", e);
	*ret = (struct apfs_child){.ref = get_le64(val)};
	if (!t->sealed)
		return 0;
	if (ckd_add(&ret->ref, ret->ref, t->root))
		return bad_entry(t, n, i, "child", e);
	if (len == sizeof(le64) + APFS_SEAL_HASH_LEN)
		ret->hash = val + sizeof(le64);
	return 0;
}
