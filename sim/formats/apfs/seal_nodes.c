/* SPDX-License-Identifier: MIT */
/*
 * All nodes of a sealed tree, and the records that say what the content of files has to
 * be. A bad node does not end the walk: what can be read below it is looked at too.
 *
 * No node is gone into twice, whatever the bytes say: keys ascend over the whole walk,
 * and a node whose first key does not is left out.
 */
#include "sim/formats/apfs/seal_impl.h"

#include <inttypes.h>
#include <string.h>

#define PROGRESS_NODES 256
#define TIES_MAX       64 /* names of one hash, as in reader_btree.c */

/* ---- order ---- */

/* Does @key come behind all that was seen? */
static bool ascends(struct seal_walk *w, const struct apfs_key *key)
{
	const struct apfs_key *last = &w->last;
	bool tie = w->any && last->id == key->id && last->type == key->type &&
		   last->num == key->num;

	if (!w->any || apfs_key_cmp(last, key) < 0)
		return true;
	return tie && key->type == APFS_REC_DIR_REC && w->ties < TIES_MAX;
}

static void advance(struct seal_walk *w, const struct apfs_key *key)
{
	bool tie = w->any && w->last.id == key->id && w->last.type == key->type &&
		   w->last.num == key->num;

	w->ties = tie ? w->ties + 1 : 0;
	w->any = true;
	w->last = *key;
	memcpy(w->last_name, key->name, key->name_len + 1);
	w->last.name = w->last_name;
}

/* ---- nodes ---- */

static int visit(struct seal_walk *w, const struct apfs_child *to,
		 const struct apfs_node *above, const struct apfs_key *first,
		 struct seal_span ids, unsigned depth, struct err *e);

static int bad_order(const struct apfs_node *n, uint32_t i, struct err *e)
{
	return err_set(e, E_CORRUPT,
		       "block %" PRIu64
		       ": node of the file-system tree: entry %u is not in "
		       "order",
		       n->b->bno, i);
}

static int leaf_entry(struct seal_walk *w, const struct apfs_node *n, uint32_t i,
		      struct seal_span ids, struct err *e)
{
	struct apfs_key key;
	const uint8_t *val;
	size_t len;
	int r = apfs_node_key(w->t, n, i, &key, e);

	if (!r)
		r = apfs_node_val(w->t, n, i, &val, &len, e);
	if (!r && !ascends(w, &key))
		r = bad_order(n, i, e);
	if (r)
		return seal_structure(w, n->b->bno, ids, e);
	advance(w, &key);
	return seal_record(w, &key, val, len, n->b->bno, e);
}

static int index_entry(struct seal_walk *w, const struct apfs_node *n, uint32_t i,
		       struct seal_span ids, unsigned depth, struct err *e)
{
	struct apfs_key key, next;
	struct apfs_child child;
	int r = apfs_node_key(w->t, n, i, &key, e);

	if (!r)
		r = apfs_node_child(w->t, n, i, &child, e);
	if (!r && !child.hash)
		r = err_set(e, E_CORRUPT,
			    "block %" PRIu64
			    ": node of the file-system tree: entry %u has no "
			    "SHA-256 of its child",
			    n->b->bno, i);
	if (r)
		return seal_structure(w, n->b->bno, ids, e);
	ids.first = key.id;
	if (i + 1 < n->n && !apfs_node_key(w->t, n, i + 1, &next, e))
		ids.last = next.id;
	err_clear(e);
	return visit(w, &child, n, &key, ids, depth + 1, e);
}

static int entries(struct seal_walk *w, const struct apfs_node *n, struct seal_span ids,
		   unsigned depth, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; i < n->n && !r; i++)
		r = n->level ? index_entry(w, n, i, ids, depth, e)
			     : leaf_entry(w, n, i, ids, e);
	return r;
}

/* What the first key must be, so that nothing is gone into twice. */
static int check_first(struct seal_walk *w, const struct apfs_node *n,
		       const struct apfs_key *first, struct err *e)
{
	struct apfs_key key;
	int r = n->n ? apfs_node_key(w->t, n, 0, &key, e) : 0;

	if (r || !n->n)
		return r;
	if (!ascends(w, &key))
		return bad_order(n, 0, e);
	if (first && apfs_key_cmp(&key, first) != 0)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64
			       ": node of the file-system tree: its first "
			       "key is not the one in its parent",
			       n->b->bno);
	return 0;
}

static int wrong_hash(struct seal_walk *w, const struct apfs_node *n,
		      const struct apfs_child *to, const uint8_t *found,
		      const struct apfs_node *above, struct seal_span ids, struct err *e)
{
	struct apfs_seal_finding f = {
		.fault = above ? APFS_SEAL_FAULT_NODE : APFS_SEAL_FAULT_ROOT,
		.block = n->b->bno,
		.first_id = ids.first,
		.last_id = ids.last,
	};
	char is[2 * APFS_SEAL_HASH_LEN + 1], want[2 * APFS_SEAL_HASH_LEN + 1];

	if (above)
		return seal_find(
			w->s, &f, e,
			"block %" PRIu64 ": node %#" PRIx64
			" of the file-system tree: its hash is not the one in its "
			"parent, block %" PRIu64,
			n->b->bno, to->ref, above->b->bno);
	hex_text(found, APFS_SEAL_HASH_LEN, is);
	hex_text(to->hash, APFS_SEAL_HASH_LEN, want);
	return seal_find(w->s, &f, e,
			 "block %" PRIu64
			 ": the root node has the hash %s, the seal says %s",
			 n->b->bno, is, want);
}

/* The node in n->b, whose hash is compared first. */
static int look_at(struct seal_walk *w, struct apfs_node *n, const struct apfs_child *to,
		   const struct apfs_node *above, const struct apfs_key *first,
		   struct seal_span ids, unsigned depth, struct err *e)
{
	struct apfs_seal_report *report = w->s->report;
	uint8_t hash[APFS_SEAL_HASH_LEN];
	bool bad;
	int r = sha256_of(&w->s->pool.sha, n->b->data, APFS_BLOCK_SIZE, hash, e);

	if (r)
		return r;
	report->node_bytes += APFS_BLOCK_SIZE;
	bad = memcmp(hash, to->hash, sizeof(hash)) != 0;
	if (bad)
		r = wrong_hash(w, n, to, hash, above, ids, e);
	if (!r && report->nodes++ % PROGRESS_NODES == 0)
		r = seal_progress(w->s, e);
	if (r)
		return r;
	r = apfs_node_layout(w->t, above, n, e);
	if (!r)
		r = check_first(w, n, first, e);
	if (!r)
		return entries(w, n, ids, depth, e);
	/* Of a node that is known to be bad one finding is enough. */
	if (!bad)
		return seal_structure(w, n->b->bno, ids, e);
	err_clear(e);
	return 0;
}

static int visit(struct seal_walk *w, const struct apfs_child *to,
		 const struct apfs_node *above, const struct apfs_key *first,
		 struct seal_span ids, unsigned depth, struct err *e)
{
	struct apfs_node n = {0};
	int r;

	if (depth == APFS_TREE_DEPTH) {
		err_set(e, E_CORRUPT, "the file-system tree is deeper than %d nodes",
			APFS_TREE_DEPTH);
		return seal_structure(w, above->b->bno, ids, e);
	}
	if (apfs_node_block(w->t, to->ref, !above, &n.b, e))
		return seal_structure(w, 0, ids, e);
	r = look_at(w, &n, to, above, first, ids, depth, e);
	apfs_blk_put(w->t->c, n.b);
	return r;
}

/* ---- the whole ---- */

/* What the root says of the whole tree; it can be wrong only if it was sealed so. */
static int check_counts(struct seal_walk *w, const struct apfs_child *root, struct err *e)
{
	const struct apfs_btree_info *info;
	uint64_t bno, nodes, keys;
	struct apfs_blk *b;
	int r;

	if (w->s->report->faults)
		return 0;
	r = apfs_node_block(w->t, root->ref, true, &b, e);
	if (r)
		return r;
	bno = b->bno;
	info = (const void *)(b->data + APFS_BLOCK_SIZE - sizeof(*info));
	nodes = le64_get(info->bt_node_count);
	keys = le64_get(info->bt_key_count);
	apfs_blk_put(w->t->c, b);
	if (nodes == w->s->report->nodes && keys == w->n_keys)
		return 0;
	err_set(e, E_CORRUPT,
		"block %" PRIu64
		": root of the file-system tree: bt_node_count is %" PRIu64
		", bt_key_count %" PRIu64 "; there are %" PRIu64 " and %" PRIu64,
		bno, nodes, keys, w->s->report->nodes, w->n_keys);
	return seal_structure(w, bno, (struct seal_span){0}, e);
}

int seal_walk(struct seal_check *s, const uint8_t *root_hash, struct err *e)
{
	struct seal_walk w = {.s = s, .t = &s->plain.fs, .at = {.id = UINT64_MAX}};
	struct apfs_child root = {.ref = s->plain.fs.root, .hash = root_hash};
	struct seal_span all = {0, APFS_OBJ_ID_MASK};
	int r = visit(&w, &root, NULL, NULL, all, 0, e);

	if (!r)
		r = check_counts(&w, &root, e);
	if (!r)
		r = seal_records_finish(&w, e);
	seal_ids_release(&w.streams);
	seal_ids_release(&w.forks);
	return r;
}
