/* SPDX-License-Identifier: MIT */
/*
 * Going through B-trees (APFS Reference p. 122).
 *
 * A tree cannot send the reader round in a circle: a child's level is one less than its
 * parent's, and entries that are stepped over must ascend, so that no node is entered
 * twice.
 */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <string.h>

#include "sim/base/ckd.h"

/*
 * Names of one hash are sorted by bytes in some implementations and by length first in
 * others. As many of them may follow each other in any order.
 */
#define TIES_MAX 64

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

/* The object at @ref (oid or block) into @ret, its header checked. */
static int get_block(const struct apfs_tree *t, uint64_t ref, bool root,
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
	/*
	 * Nodes of a sealed volume have no header; their parent holds their hash, and
	 * this is where it would be compared.
	 */
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
	return 0;
}

static int check_layout(const struct apfs_tree *t, struct apfs_node *n, bool root,
			struct err *e)
{
	const struct apfs_btree_node *raw = raw_node(n->b);
	uint16_t flags = le16_get(raw->btn_flags);
	bool fixed = t->kind->key_size, sealed = t->sealed;
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
	if (!!(flags & APFS_BTNODE_HASHED) != sealed)
		return bad_node(t, n->b, "hashed in one place only", e);
	if (toc_off + toc_len > end)
		return bad_node(t, n->b, "table of contents is too long", e);
	if (n->n > toc_len / (fixed ? sizeof(struct apfs_kvoff) : sizeof(struct apfs_kvloc)))
		return bad_node(t, n->b, "more entries than its table holds", e);
	if (!n->n && (!root || n->level))
		return bad_node(t, n->b, "no entries", e);
	n->toc = (uint16_t)toc_off;
	n->keys = (uint16_t)(toc_off + toc_len);
	n->vals_end = (uint16_t)end;
	return 0;
}

/* Put the node @ref below the nodes that @cur holds. */
static int push(struct apfs_cursor *cur, uint64_t ref, struct err *e)
{
	const struct apfs_tree *t = cur->t;
	struct apfs_node *n = &cur->at[cur->depth];
	bool root = !cur->depth;
	int r;

	if (cur->depth == APFS_TREE_DEPTH)
		return err_set(e, E_CORRUPT, "%s is deeper than %d nodes", t->kind->name,
			       APFS_TREE_DEPTH);
	*n = (struct apfs_node){0};
	r = get_block(t, ref, root, &n->b, e);
	if (r)
		return r;
	r = check_layout(t, n, root, e);
	if (!r && root)
		r = check_root(t, n->b, e);
	if (!r && !root && n->level + 1 != n[-1].level)
		r = bad_node(t, n->b, "level is not one below its parent's", e);
	if (r) {
		apfs_blk_put(t->c, n->b);
		return r;
	}
	cur->depth++;
	return 0;
}

static void pop(struct apfs_cursor *cur)
{
	apfs_blk_put(cur->t->c, cur->at[--cur->depth].b);
}

static int bad_entry(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		     const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT, "block %" PRIu64 ": node of the %s: entry %u: bad %s",
		       n->b->bno, t->kind->name, i, what);
}

static int node_key(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
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
static int node_val(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
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

static int descend(struct apfs_cursor *cur, struct err *e)
{
	const struct apfs_tree *t = cur->t;
	const struct apfs_node *n = &cur->at[cur->depth - 1];
	const uint8_t *val;
	uint64_t child;
	size_t len;
	int r = node_val(t, n, n->i, &val, &len, e);

	if (r)
		return r;
	if (len < sizeof(le64))
		return bad_entry(t, n, n->i, "child", e);
	child = get_le64(val);
	if (t->sealed && ckd_add(&child, child, t->root))
		return bad_entry(t, n, n->i, "child", e);
	return push(cur, child, e);
}

/* How many entries of @n are before @want, or (with @or_same) not behind it. */
static int count_before(const struct apfs_tree *t, const struct apfs_node *n,
			const struct apfs_key *want, bool or_same, uint32_t *ret,
			struct err *e)
{
	uint32_t low = 0, high = n->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		struct apfs_key k;
		int r = node_key(t, n, mid, &k, e);

		if (r)
			return r;
		if (apfs_key_cmp(&k, want) < (or_same ? 1 : 0))
			low = mid + 1;
		else
			high = mid;
	}
	*ret = low;
	return 0;
}

void apfs_cursor_init(struct apfs_cursor *cur, const struct apfs_tree *t)
{
	cur->t = t;
	cur->depth = 0;
	cur->ties = 0;
	cur->end = true;
}

void apfs_cursor_release(struct apfs_cursor *cur)
{
	while (cur->depth)
		pop(cur);
	cur->end = true;
}

/* Take up the entry that the innermost node is at. */
static int settle(struct apfs_cursor *cur, struct err *e)
{
	const struct apfs_node *n = &cur->at[cur->depth - 1];
	int r = node_key(cur->t, n, n->i, &cur->key, e);

	cur->end = false;
	return r ? r : node_val(cur->t, n, n->i, &cur->val, &cur->val_len, e);
}

/* From the root down to the leaf where @want is or would be. */
static int go_down(struct apfs_cursor *cur, const struct apfs_key *want, struct err *e)
{
	int r;

	apfs_cursor_release(cur);
	cur->ties = 0;
	r = push(cur, cur->t->root, e);
	while (!r && cur->at[cur->depth - 1].level) {
		struct apfs_node *n = &cur->at[cur->depth - 1];
		uint32_t k = 0;

		r = count_before(cur->t, n, want, true, &k, e);
		n->i = k ? k - 1 : 0;
		if (!r)
			r = descend(cur, e);
	}
	return r;
}

/* Behind the last entry of a leaf: go up to where there is a next child, and down. */
static int step_over(struct apfs_cursor *cur, struct err *e)
{
	int r = 0;

	while (cur->depth && cur->at[cur->depth - 1].i + 1 >= cur->at[cur->depth - 1].n)
		pop(cur);
	if (!cur->depth) {
		cur->end = true;
		return 0;
	}
	cur->at[cur->depth - 1].i++;
	while (!r && cur->at[cur->depth - 1].level)
		r = descend(cur, e);
	return r ? r : settle(cur, e);
}

int apfs_cursor_seek(struct apfs_cursor *cur, const struct apfs_key *want, struct err *e)
{
	struct apfs_node *n;
	uint32_t k = 0;
	int r = go_down(cur, want, e);

	if (r)
		return r;
	n = &cur->at[cur->depth - 1];
	r = count_before(cur->t, n, want, false, &k, e);
	if (r)
		return r;
	if (k < n->n) {
		n->i = k;
		return settle(cur, e);
	}
	if (!n->n)
		return 0;
	n->i = n->n - 1;
	return step_over(cur, e);
}

/* Before the first entry of a leaf: the last one of the leaf before. */
static int step_back(struct apfs_cursor *cur, struct err *e)
{
	int r = 0;

	while (cur->depth && !cur->at[cur->depth - 1].i)
		pop(cur);
	if (!cur->depth)
		return 0;
	cur->at[cur->depth - 1].i--;
	while (!r && cur->at[cur->depth - 1].level) {
		r = descend(cur, e);
		cur->at[cur->depth - 1].i = cur->at[cur->depth - 1].n - 1;
	}
	return r ? r : settle(cur, e);
}

int apfs_cursor_seek_last(struct apfs_cursor *cur, const struct apfs_key *want,
			  struct err *e)
{
	struct apfs_node *n;
	uint32_t k = 0;
	int r = go_down(cur, want, e);

	if (r)
		return r;
	n = &cur->at[cur->depth - 1];
	r = count_before(cur->t, n, want, true, &k, e);
	if (r)
		return r;
	if (!k)
		return step_back(cur, e);
	n->i = k - 1;
	return settle(cur, e);
}

/* Entries that are stepped over ascend; see TIES_MAX. */
static int check_order(struct apfs_cursor *cur, const struct apfs_key *before,
		       uint64_t bno, struct err *e)
{
	const struct apfs_key *now = &cur->key;
	bool tie = before->id == now->id && before->type == now->type &&
		   before->num == now->num;

	if (!tie)
		cur->ties = 0;
	if (apfs_key_cmp(before, now) < 0)
		return 0;
	if (tie && now->type == APFS_REC_DIR_REC && cur->ties++ < TIES_MAX)
		return 0;
	return err_set(e, E_CORRUPT, "block %" PRIu64 ": %s: entries are not in order", bno,
		       cur->t->kind->name);
}

int apfs_cursor_next(struct apfs_cursor *cur, struct err *e)
{
	struct apfs_key before = cur->key;
	struct apfs_blk *leaf = cur->at[cur->depth - 1].b;
	int r;

	/* The key's name lies in the leaf, which must not go before they are compared. */
	leaf->refs++;
	r = step_over(cur, e);
	if (!r && !cur->end)
		r = check_order(cur, &before, leaf->bno, e);
	apfs_blk_put(cur->t->c, leaf);
	return r;
}

int apfs_tree_probe(const struct apfs_tree *t, struct err *e)
{
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, t);
	r = push(&cur, t->root, e);
	apfs_cursor_release(&cur);
	return r;
}
