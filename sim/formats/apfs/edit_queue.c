/* SPDX-License-Identifier: MIT */
/* Reading the free queues. */
#include "sim/formats/apfs/edit_queue.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/base/ckd.h"

#define DEPTH_MAX 8

int edit_ephs_add(struct edit_ephs *l, const struct edit_eph *one, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct edit_eph *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v) {
			free(one->object);
			return err_set(e, E_NOMEM, "out of memory for ephemeral objects");
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *one;
	return 0;
}

void edit_ephs_release(struct edit_ephs *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].object);
	free(l->v);
	*l = (struct edit_ephs){.v = NULL};
}

struct edit_eph *edit_ephs_find(const struct edit_ephs *l, uint64_t oid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].oid == oid)
			return &l->v[i];
	return NULL;
}

struct walk {
	struct edit_space *s;
	unsigned queue;
	struct edit_ephs *l;
	uint64_t count, oldest;
};

/* A node with its parts located, and inside the block. */
struct node {
	const uint8_t *block;
	uint64_t where;
	size_t toc, keys, vals_end;
	uint32_t n;
	unsigned level;
};

static int bad(const struct node *n, const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT, "block %" PRIu64 ": node of a free queue: %s",
		       n->where, what);
}

static int open_node(const struct walk *w, uint64_t oid, bool root, struct node *ret,
		     struct err *e)
{
	struct edit_eph *eph = edit_ephs_find(w->l, oid);
	uint32_t type = APFS_OBJ_EPHEMERAL | (root ? APFS_OT_BTREE : APFS_OT_BTREE_NODE);
	const struct apfs_btree_node *raw;
	uint32_t flags, toc_len;

	if (!eph || eph->type != type || eph->subtype != APFS_OT_FREE_QUEUE ||
	    eph->size != APFS_BLOCK_SIZE)
		return err_set(e, E_CORRUPT,
			       "free queue: no node %#" PRIx64 " in the checkpoint", oid);
	raw = (const struct apfs_btree_node *)eph->object;
	*ret = (struct node){
		.block = eph->object,
		.where = eph->block,
		.n = le32_get(raw->btn_nkeys),
		.level = le16_get(raw->btn_level),
		.toc = sizeof(*raw) + le16_get(raw->btn_table_space.off),
		.vals_end = APFS_BLOCK_SIZE - (root ? sizeof(struct apfs_btree_info) : 0),
	};
	if (eph->seen)
		return bad(ret, "it is in a queue already", e);
	eph->seen = true;
	flags = le16_get(raw->btn_flags);
	toc_len = le16_get(raw->btn_table_space.len);
	ret->keys = ret->toc + toc_len;
	if (ret->keys > ret->vals_end || ret->n > toc_len / sizeof(struct apfs_kvoff))
		return bad(ret, "table of contents is too long", e);
	if (!(flags & APFS_BTNODE_FIXED_KV_SIZE) ||
	    !!(flags & APFS_BTNODE_ROOT) != root ||
	    !!(flags & APFS_BTNODE_LEAF) != !ret->level)
		return bad(ret, "btn_flags do not fit", e);
	return 0;
}

static int entry(const struct node *n, uint32_t i, const uint8_t **key,
		 const uint8_t **val, struct err *e)
{
	const uint8_t *toc = n->block + n->toc + i * sizeof(struct apfs_kvoff);
	size_t koff = get_le16(toc), voff = get_le16(toc + 2);
	size_t room = n->vals_end - n->keys;

	if (!range_inside(koff, sizeof(struct apfs_free_queue_key), room))
		return bad(n, "bad key", e);
	*key = n->block + n->keys + koff;
	*val = NULL;
	if (voff == APFS_BTOFF_INVALID)
		return 0;
	if (voff > room || voff < sizeof(le64))
		return bad(n, "bad value", e);
	*val = n->block + n->vals_end - voff;
	return 0;
}

static int take(struct walk *w, const struct node *n, const uint8_t *raw_key,
		const uint8_t *val, struct err *e)
{
	const struct apfs_free_queue_key *key = (const void *)raw_key;
	uint64_t xid = le64_get(key->sfqk_xid);
	struct apfs_range run = {
		.block = le64_get(key->sfqk_paddr),
		.count = val ? get_le64(val) : 1, /* a ghost */
	};

	if (!xid || xid > w->s->c->xid)
		return bad(n, "sfqk_xid is in the future", e);
	if (!run.count || ckd_add(&w->count, w->count, run.count))
		return bad(n, "bad length", e);
	if (!w->oldest || xid < w->oldest)
		w->oldest = xid;
	int rc = edit_space_release_run(w->s, w->queue, &run, e);

	return rc != 0 ? err_ctx(e, "block %" PRIu64, n->where) : 0;
}

/* Bounded: every node is entered once, and levels fall. */
static int walk_node(struct walk *w, uint64_t oid, unsigned depth, unsigned level,
		     struct err *e)
{
	struct node n = {.n = 0};
	int rc = open_node(w, oid, depth == 0, &n, e);

	if (rc == 0 && depth > 0 && n.level + 1 != level)
		rc = bad(&n, "level is not one below its parent's", e);
	if (rc == 0 && (depth >= DEPTH_MAX || n.level > DEPTH_MAX))
		rc = bad(&n, "too deep", e);
	for (uint32_t i = 0; i < n.n && rc == 0; i++) {
		static const uint8_t none[sizeof(struct apfs_free_queue_key)];
		const uint8_t *key = none, *val = NULL;

		rc = entry(&n, i, &key, &val, e);
		if (rc == 0 && n.level == 0)
			rc = take(w, &n, key, val, e);
		else if (rc == 0)
			rc = val ? walk_node(w, get_le64(val), depth + 1, n.level, e)
				 : bad(&n, "an index entry without child", e);
	}
	return rc;
}

int edit_queue_load(struct edit_space *s, unsigned queue, struct edit_ephs *l,
		    struct err *e)
{
	const struct apfs_free_queue *q = &edit_space_raw(s)->sm_fq[queue];
	struct walk w = {.s = s, .queue = queue, .l = l};
	int rc = 0;

	if (le64_get(q->sfq_tree_oid) != 0)
		rc = walk_node(&w, le64_get(q->sfq_tree_oid), 0, 0, e);
	if (rc == 0 && w.count != le64_get(q->sfq_count))
		rc = err_set(e, E_CORRUPT,
			     "block %" PRIu64 ": space manager: sfq_count %" PRIu64
			     " of a queue of %" PRIu64 " blocks",
			     s->block, le64_get(q->sfq_count), w.count);
	return rc;
}
