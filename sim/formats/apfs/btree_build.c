/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/btree_build.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/raw_space.h"

/* Bytes that a node has for table of contents, keys and values, footer left out. */
#define ROOM                                                                             \
	(APFS_BLOCK_SIZE - sizeof(struct apfs_btree_node) -                              \
	 sizeof(struct apfs_btree_info))
#define VAR_TOC_MIN (APFS_BTREE_TOC_ENTRY_INCREMENT * sizeof(struct apfs_kvloc))
/* The longest value of an index node. */
#define CHILD_MAX   (sizeof(struct apfs_btn_index_val) + SHA256_SIZE)
#define ENTRIES_MAX (ROOM / sizeof(struct apfs_kvoff))

_Static_assert(APFS_BTREE_ENTRY_MAX == ROOM - VAR_TOC_MIN,
	       "an entry fits any node alone");

const struct apfs_btree_kind apfs_omap_tree = {
	.subtype = APFS_OT_OMAP,
	.flags = APFS_BTREE_PHYSICAL,
	.key_size = sizeof(struct apfs_omap_key),
	.val_size = sizeof(struct apfs_omap_val),
};
const struct apfs_btree_kind apfs_fs_tree = {
	.subtype = APFS_OT_FSTREE,
	.flags = APFS_BTREE_KV_NONALIGNED,
};
const struct apfs_btree_kind apfs_omap_snapshot_tree = {
	.subtype = APFS_OT_OMAP_SNAPSHOT,
	.flags = APFS_BTREE_PHYSICAL,
	.key_size = sizeof(le64),
	.val_size = sizeof(struct apfs_omap_snapshot),
};
const struct apfs_btree_kind apfs_sealed_fs_tree = {
	.subtype = APFS_OT_FSTREE,
	.flags = APFS_BTREE_KV_NONALIGNED | APFS_BTREE_HASHED | APFS_BTREE_NOHEADER,
};
const struct apfs_btree_kind apfs_fext_tree = {
	.subtype = APFS_OT_FEXT_TREE,
	.flags = APFS_BTREE_PHYSICAL,
	.key_size = sizeof(struct apfs_fext_tree_key),
	.val_size = sizeof(struct apfs_fext_tree_val),
};
/* Its sizes are constant, and yet Macs store them as variable. */
const struct apfs_btree_kind apfs_extentref_tree = {
	.subtype = APFS_OT_EXTENTREF_TREE,
	.flags = APFS_BTREE_KV_NONALIGNED | APFS_BTREE_PHYSICAL,
};
const struct apfs_btree_kind apfs_snapmeta_tree = {
	.subtype = APFS_OT_SNAPMETA_TREE,
	.flags = APFS_BTREE_KV_NONALIGNED | APFS_BTREE_PHYSICAL,
};
const struct apfs_btree_kind apfs_free_queue_tree = {
	.subtype = APFS_OT_FREE_QUEUE,
	.flags = APFS_BTREE_EPHEMERAL | APFS_BTREE_ALLOW_GHOSTS,
	.key_size = sizeof(struct apfs_free_queue_key),
	.val_size = sizeof(le64),
};

/* A node that is being filled. */
struct apfs_btree_level {
	size_t n, keys_len, vals_len;
	uint64_t closed; /* nodes of this level that were written */
	struct {
		uint16_t k, v; /* lengths */
	} entry[ENTRIES_MAX];
	uint8_t keys[ROOM], vals[ROOM]; /* in the order of addition */
};

int apfs_mappings_add(struct apfs_mappings *m, const struct apfs_mapping *one,
		      struct err *e)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct apfs_mapping *v = reallocarray(m->v, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for an object map");
		m->v = v;
		m->cap = cap;
	}
	m->v[m->n++] = *one;
	return 0;
}

void apfs_mappings_release(struct apfs_mappings *m)
{
	free(m->v);
	*m = (struct apfs_mappings){.v = NULL};
}

void apfs_btree_init(struct apfs_btree *t, const struct apfs_btree_kind *kind,
		     struct apfs_out *out, uint64_t xid, uint64_t *next_oid,
		     struct apfs_mappings *map)
{
	*t = (struct apfs_btree){
		.kind = kind, .out = out, .xid = xid, .next_oid = next_oid, .map = map};
	if (next_oid)
		t->root_oid = (*next_oid)++;
}

void apfs_btree_release(struct apfs_btree *t)
{
	for (size_t i = 0; i < APFS_BTREE_LEVELS; i++)
		free(t->level[i]);
	memset(t->level, 0, sizeof(t->level));
}

/*
 * Bytes of the table of contents. Fixed sizes: as if a node had no footer, for Apple's
 * fsck insists on it. Variable: in steps of 8 entries, never empty.
 */
static size_t toc_len(const struct apfs_btree_kind *k, unsigned level, size_t n)
{
	if (k->key_size > 0) {
		size_t val = level == 0 ? k->val_size : sizeof(le64);

		return (APFS_BLOCK_SIZE - sizeof(struct apfs_btree_node)) /
		       (k->key_size + val + sizeof(struct apfs_kvoff)) *
		       sizeof(struct apfs_kvoff);
	}
	size_t steps =
		(n + APFS_BTREE_TOC_ENTRY_INCREMENT - 1) / APFS_BTREE_TOC_ENTRY_INCREMENT;

	return (steps ? steps : 1) * VAR_TOC_MIN;
}

static bool is_hashed(const struct apfs_btree *t)
{
	return t->kind->flags & APFS_BTREE_HASHED;
}

static bool fits(const struct apfs_btree *t, unsigned level, size_t key_len,
		 size_t val_len)
{
	const struct apfs_btree_level *l = t->level[level];

	return toc_len(t->kind, level, l->n + 1) + l->keys_len + key_len + l->vals_len +
		       val_len <=
	       ROOM;
}

static void fill_toc(uint8_t *toc, const struct apfs_btree_kind *k,
		     const struct apfs_btree_level *l)
{
	size_t key_at = 0, val_at = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint16_t klen = l->entry[i].k, vlen = l->entry[i].v;

		val_at += vlen;
		if (k->key_size > 0) {
			struct apfs_kvoff *kv = (struct apfs_kvoff *)toc + i;

			*kv = (struct apfs_kvoff){to_le16((uint16_t)key_at),
						  to_le16((uint16_t)val_at)};
		} else {
			struct apfs_kvloc *kv = (struct apfs_kvloc *)toc + i;

			kv->k = (struct apfs_nloc){to_le16((uint16_t)key_at),
						   to_le16(klen)};
			kv->v = (struct apfs_nloc){to_le16((uint16_t)val_at),
						   to_le16(vlen)};
		}
		key_at += klen;
	}
}

/* Values lie from the end of the node downward. */
static void fill_vals(uint8_t *end, const struct apfs_btree_level *l)
{
	const uint8_t *val = l->vals;

	for (size_t i = 0; i < l->n; i++) {
		end -= l->entry[i].v;
		memcpy(end, val, l->entry[i].v);
		val += l->entry[i].v;
	}
}

static void fill_info(struct apfs_btree_info *info, const struct apfs_btree *t)
{
	const struct apfs_btree_kind *k = t->kind;

	info->bt_flags = to_le32(k->flags);
	info->bt_node_size = to_le32(APFS_BLOCK_SIZE);
	info->bt_key_size = to_le32(k->key_size);
	info->bt_val_size = to_le32(k->val_size);
	info->bt_longest_key = to_le32(k->key_size ? k->key_size : t->longest_key);
	info->bt_longest_val = to_le32(k->val_size ? k->val_size : t->longest_val);
	info->bt_key_count = to_le64(t->n_keys);
	info->bt_node_count = to_le64(t->n_nodes);
}

/* Everything of a node but its object header, into zeroed @block. */
static void fill_node(uint8_t *block, const struct apfs_btree *t,
		      const struct apfs_btree_level *l, unsigned level, bool root)
{
	struct apfs_btree_node *node = (struct apfs_btree_node *)block;
	size_t toc = toc_len(t->kind, level, l->n);
	size_t end = APFS_BLOCK_SIZE - (root ? sizeof(struct apfs_btree_info) : 0);
	size_t used = sizeof(*node) + toc + l->keys_len + l->vals_len;
	unsigned flags = (root ? APFS_BTNODE_ROOT : 0) |
			 (level == 0 ? APFS_BTNODE_LEAF : 0) |
			 (t->kind->key_size > 0 ? APFS_BTNODE_FIXED_KV_SIZE : 0) |
			 (is_hashed(t) ? APFS_BTNODE_HASHED | APFS_BTNODE_NOHEADER : 0);

	node->btn_flags = to_le16((uint16_t)flags);
	node->btn_level = to_le16((uint16_t)level);
	node->btn_nkeys = to_le32((uint32_t)l->n);
	node->btn_table_space.len = to_le16((uint16_t)toc);
	node->btn_free_space.off = to_le16((uint16_t)l->keys_len);
	node->btn_free_space.len = to_le16((uint16_t)(end - used));
	node->btn_key_free_list.off = to_le16(APFS_BTOFF_INVALID);
	node->btn_val_free_list.off = to_le16(APFS_BTOFF_INVALID);
	fill_toc(node->btn_data, t->kind, l);
	memcpy(node->btn_data + toc, l->keys, l->keys_len);
	fill_vals(block + end, l);
	if (root)
		fill_info((struct apfs_btree_info *)(block + end), t);
}

/* What the level above says of a node: its block or oid, and the hash of a hashed one. */
struct child {
	uint64_t ref;
	uint8_t hash[SHA256_SIZE];
};

/* A virtual node goes into the object map; that of a hashed tree has no header. */
static int name_node(struct apfs_btree *t, uint8_t *block, uint64_t paddr, uint32_t type,
		     struct child *c, struct err *e)
{
	struct apfs_mapping m = {.oid = c->ref, .xid = t->xid, .paddr = paddr};
	int rc = 0;

	if (!t->next_oid) {
		apfs_obj_seal(block, paddr, t->xid, APFS_OBJ_PHYSICAL | type,
			      t->kind->subtype);
		return 0;
	}
	if (is_hashed(t)) {
		m.flags = APFS_OMAP_VAL_NOHEADER;
		rc = sha256_of(t->sha, block, APFS_BLOCK_SIZE, c->hash, e);
	} else {
		apfs_obj_seal(block, c->ref, t->xid, APFS_OBJ_VIRTUAL | type,
			      t->kind->subtype);
	}
	return rc != 0 ? rc : apfs_mappings_add(t->map, &m, e);
}

/* Write the open node of @level. */
static int write_node(struct apfs_btree *t, unsigned level, bool root, struct child *ret,
		      struct err *e)
{
	uint32_t type = root ? APFS_OT_BTREE : APFS_OT_BTREE_NODE;
	uint8_t *block;
	uint64_t paddr;
	int rc = apfs_out_block(t->out, &block, &paddr, e);

	if (rc != 0)
		return rc;
	t->n_nodes++;
	fill_node(block, t, t->level[level], level, root);
	ret->ref = !t->next_oid ? paddr : root ? t->root_oid : (*t->next_oid)++;
	return name_node(t, block, paddr, type, ret, e);
}

static int level_open(struct apfs_btree *t, unsigned level, struct err *e)
{
	if (level == APFS_BTREE_LEVELS)
		return err_set(e, E_OVERFLOW, "b-tree with more than %d levels",
			       APFS_BTREE_LEVELS);
	if (t->level[level])
		return 0;
	t->level[level] = calloc(1, sizeof(*t->level[level]));
	return t->level[level] ? 0 : err_set(e, E_NOMEM, "out of memory for a b-tree");
}

static void append(struct apfs_btree_level *l, const void *key, size_t key_len,
		   const void *val, size_t val_len)
{
	memcpy(l->keys + l->keys_len, key, key_len);
	if (val_len > 0)
		memcpy(l->vals + l->vals_len, val, val_len);
	l->keys_len += key_len;
	l->vals_len += val_len;
	l->entry[l->n].k = (uint16_t)key_len;
	l->entry[l->n].v = (uint16_t)val_len;
	l->n++;
}

/* Write the open node of @level and name it in the level above. */
static int level_close(struct apfs_btree *t, unsigned level, struct err *e);

static int add_at(struct apfs_btree *t, unsigned level, const void *key, size_t key_len,
		  const void *val, size_t val_len, struct err *e)
{
	int rc = level_open(t, level, e);

	if (rc == 0 && !fits(t, level, key_len, val_len))
		rc = level_close(t, level, e);
	if (rc == 0)
		append(t->level[level], key, key_len, val, val_len);
	return rc;
}

static int level_close(struct apfs_btree *t, unsigned level, struct err *e)
{
	struct apfs_btree_level *l = t->level[level];
	uint8_t raw[CHILD_MAX];
	struct apfs_btn_index_val *val = (struct apfs_btn_index_val *)raw;
	struct child c;
	int rc = write_node(t, level, false, &c, e);

	if (rc != 0)
		return rc;
	/* Relative, so that a seal does not depend on where the ids of a volume begin. */
	val->binv_child_oid = to_le64(is_hashed(t) ? c.ref - t->root_oid : c.ref);
	if (is_hashed(t))
		memcpy(val->binv_child_hash, c.hash, sizeof(c.hash));
	/* Bounded: level_open refuses to go above APFS_BTREE_LEVELS. */
	rc = add_at(t, level + 1, l->keys, l->entry[0].k, val,
		    is_hashed(t) ? CHILD_MAX : sizeof(le64), e);
	l->n = l->keys_len = l->vals_len = 0;
	l->closed++;
	return rc;
}

int apfs_btree_add(struct apfs_btree *t, const void *key, size_t key_len, const void *val,
		   size_t val_len, struct err *e)
{
	if (key_len > APFS_BTREE_ENTRY_MAX - CHILD_MAX ||
	    val_len > APFS_BTREE_ENTRY_MAX - key_len)
		return err_set(e, E_OVERFLOW, "record of %zu + %zu bytes", key_len,
			       val_len);
	if (key_len > t->longest_key)
		t->longest_key = (uint32_t)key_len;
	if (val_len > t->longest_val)
		t->longest_val = (uint32_t)val_len;
	t->n_keys++;
	return add_at(t, 0, key, key_len, val, val_len, e);
}

int apfs_btree_finish(struct apfs_btree *t, uint64_t *ret_root, struct err *e)
{
	unsigned level = 0;
	struct child root;
	int rc = level_open(t, 0, e);

	while (rc == 0 && t->level[level]->closed > 0)
		rc = level_close(t, level++, e);
	if (rc == 0)
		rc = write_node(t, level, true, &root, e);
	if (rc != 0)
		return rc;
	*ret_root = root.ref;
	if (is_hashed(t))
		memcpy(t->root_hash, root.hash, sizeof(root.hash));
	return 0;
}

void apfs_btree_ephemeral(uint8_t *block, const struct apfs_btree_kind *kind,
			  uint64_t oid, uint64_t xid, const void *key, const void *val)
{
	struct apfs_btree t = {.kind = kind, .n_nodes = 1};
	struct apfs_btree_level node = {.n = 0};

	if (key) {
		append(&node, key, kind->key_size, val, kind->val_size);
		t.n_keys = 1;
	}
	fill_node(block, &t, &node, 0, true);
	apfs_obj_seal(block, oid, xid, APFS_OBJ_EPHEMERAL | APFS_OT_BTREE, kind->subtype);
}
