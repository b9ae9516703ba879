/* SPDX-License-Identifier: MIT */
/* Writing the free queues: trees of nodes in memory, of the blocks freed last. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/edit_queue.h"

#define KEY_LEN sizeof(struct apfs_free_queue_key)
#define VAL_LEN sizeof(le64)
/* Slots of the table of contents: the footer of a root is left out, there are no ghosts.
 */
#define SLOTS                                                                            \
	((APFS_BLOCK_SIZE - sizeof(struct apfs_btree_node)) /                            \
	 (KEY_LEN + VAL_LEN + sizeof(struct apfs_kvoff)))
#define TOC_LEN (SLOTS * sizeof(struct apfs_kvoff))
/* Entries that fit any node, also a root. */
#define ENTRIES                                                                          \
	((APFS_BLOCK_SIZE - sizeof(struct apfs_btree_node) - TOC_LEN -                   \
	  sizeof(struct apfs_btree_info)) /                                              \
	 (KEY_LEN + VAL_LEN))

/* What an entry of a node is made of: a run, or in an index node a child. */
struct item {
	uint64_t block; /* of the key; the transaction is the same for all */
	uint64_t val;
	bool ghost; /* a run of one block has no value */
};

struct items {
	struct item *v; /* owned */
	size_t n, cap;
	uint64_t blocks;
};

static int items_add(struct items *l, const struct item *one, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct item *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for a free queue");
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *one;
	return 0;
}

static int add_run(void *ctx, const struct apfs_range *run, struct err *e)
{
	struct items *l = ctx;

	l->blocks += run->count;
	return items_add(l,
			 &(struct item){.block = run->block,
					.val = run->count,
					.ghost = run->count == 1},
			 e);
}

struct tree {
	uint64_t xid;
	uint64_t root_oid;
	uint64_t *next_oid;
	uint64_t n_nodes, n_keys;
	struct edit_ephs *l;
};

static void fill_node(uint8_t *block, const struct tree *t, const struct item *v,
		      size_t n, unsigned level, bool root)
{
	struct apfs_btree_node *node = (struct apfs_btree_node *)block;
	uint8_t *keys = node->btn_data + TOC_LEN;
	uint8_t *end =
		block + APFS_BLOCK_SIZE - (root ? sizeof(struct apfs_btree_info) : 0);
	uint8_t *val = end;

	node->btn_flags = to_le16((uint16_t)(APFS_BTNODE_FIXED_KV_SIZE |
					     (root ? APFS_BTNODE_ROOT : 0) |
					     (level == 0 ? APFS_BTNODE_LEAF : 0)));
	node->btn_level = to_le16((uint16_t)level);
	node->btn_nkeys = to_le32((uint32_t)n);
	node->btn_table_space.len = to_le16(TOC_LEN);
	node->btn_key_free_list.off = to_le16(APFS_BTOFF_INVALID);
	node->btn_val_free_list.off = to_le16(APFS_BTOFF_INVALID);
	for (size_t i = 0; i < n; i++) {
		struct apfs_kvoff *toc = (struct apfs_kvoff *)node->btn_data + i;

		put_le64(keys + i * KEY_LEN, t->xid);
		put_le64(keys + i * KEY_LEN + 8, v[i].block);
		toc->k = to_le16((uint16_t)(i * KEY_LEN));
		toc->v = to_le16(APFS_BTOFF_INVALID);
		if (v[i].ghost)
			continue;
		val -= VAL_LEN;
		put_le64(val, v[i].val);
		toc->v = to_le16((uint16_t)(end - val));
	}
	node->btn_free_space.off = to_le16((uint16_t)(n * KEY_LEN));
	node->btn_free_space.len = to_le16((uint16_t)(val - (keys + n * KEY_LEN)));
}

static void fill_info(uint8_t *block, const struct tree *t)
{
	struct apfs_btree_info *info =
		(void *)(block + APFS_BLOCK_SIZE - sizeof(struct apfs_btree_info));

	info->bt_flags = to_le32(APFS_BTREE_EPHEMERAL | APFS_BTREE_ALLOW_GHOSTS);
	info->bt_node_size = to_le32(APFS_BLOCK_SIZE);
	info->bt_key_size = info->bt_longest_key = to_le32(KEY_LEN);
	info->bt_val_size = info->bt_longest_val = to_le32(VAL_LEN);
	info->bt_key_count = to_le64(t->n_keys);
	info->bt_node_count = to_le64(t->n_nodes);
}

static int add_node(struct tree *t, const struct item *v, size_t n, unsigned level,
		    bool root, uint64_t *ret_oid, struct err *e)
{
	uint32_t type = APFS_OBJ_EPHEMERAL | (root ? APFS_OT_BTREE : APFS_OT_BTREE_NODE);
	uint8_t *block = calloc(1, APFS_BLOCK_SIZE);

	if (!block)
		return err_set(e, E_NOMEM, "out of memory for a free queue");
	t->n_nodes++;
	*ret_oid = root ? t->root_oid : (*t->next_oid)++;
	fill_node(block, t, v, n, level, root);
	if (root)
		fill_info(block, t);
	apfs_obj_seal(block, *ret_oid, t->xid, type, APFS_OT_FREE_QUEUE);
	return edit_ephs_add(t->l,
			     &(struct edit_eph){.type = type,
						.subtype = APFS_OT_FREE_QUEUE,
						.oid = *ret_oid,
						.object = block,
						.size = APFS_BLOCK_SIZE},
			     e);
}

/* The nodes of one level from what they hold; *@up gets an entry for each. */
static int build_level(struct tree *t, const struct items *l, unsigned level,
		       struct items *up, struct err *e)
{
	int rc = 0;

	for (size_t at = 0, n; at < l->n && rc == 0; at += n) {
		struct item child = {.block = l->v[at].block};

		n = l->n - at < ENTRIES ? l->n - at : ENTRIES;
		rc = add_node(t, l->v + at, n, level, false, &child.val, e);
		if (rc == 0)
			rc = items_add(up, &child, e);
	}
	return rc;
}

static int build(struct tree *t, struct items *l, struct err *e)
{
	unsigned level = 0;
	uint64_t oid;
	int rc = 0;

	t->n_keys = l->n;
	while (l->n > ENTRIES && rc == 0) {
		struct items up = {.blocks = l->blocks};

		rc = build_level(t, l, level++, &up, e);
		free(l->v);
		*l = up;
	}
	return rc != 0 ? rc : add_node(t, l->v, l->n, level, true, &oid, e);
}

int edit_queue_write(struct edit_space *s, unsigned queue, uint64_t xid,
		     uint64_t *next_oid, struct edit_ephs *l, struct err *e)
{
	struct apfs_free_queue *q = &edit_space_raw(s)->sm_fq[queue];
	struct tree t = {.xid = xid,
			 .root_oid = le64_get(q->sfq_tree_oid),
			 .next_oid = next_oid,
			 .l = l};
	struct items items = {.v = NULL};
	int rc = edit_space_queue(s, queue, add_run, &items, e);

	if (rc == 0 && t.root_oid == 0 && items.n > 0)
		t.root_oid = (*next_oid)++;
	if (rc == 0 && t.root_oid != 0)
		rc = build(&t, &items, e);
	if (rc == 0 && t.n_nodes > le16_get(q->sfq_tree_node_limit))
		rc = err_set(e, E_NOSPC,
			     "what is freed fills %" PRIu64
			     " nodes of a free queue, which takes %u",
			     t.n_nodes, le16_get(q->sfq_tree_node_limit));
	q->sfq_tree_oid = to_le64(t.root_oid);
	q->sfq_count = to_le64(items.blocks);
	q->sfq_oldest_xid = to_le64(items.n > 0 ? xid : 0);
	free(items.v);
	return rc;
}
