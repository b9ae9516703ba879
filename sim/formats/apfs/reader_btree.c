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

/*
 * Names of one hash are sorted by bytes in some implementations and by length first in
 * others. As many of them may follow each other in any order.
 */
#define TIES_MAX 64

/* Put the node that @to refers to below the nodes that @cur holds. */
static int push(struct apfs_cursor *cur, const struct apfs_child *to, struct err *e)
{
	struct apfs_node *n = &cur->at[cur->depth];
	int r;

	if (cur->depth == APFS_TREE_DEPTH)
		return err_set(e, E_CORRUPT, "%s is deeper than %d nodes",
			       cur->t->kind->name, APFS_TREE_DEPTH);
	r = apfs_node_get(cur->t, to, cur->depth ? n - 1 : NULL, n, e);
	if (!r)
		cur->depth++;
	return r;
}

static int push_root(struct apfs_cursor *cur, struct err *e)
{
	struct apfs_child root = {.ref = cur->t->root};

	if (cur->t->verify)
		root.hash = apfs_verify_root_hash(cur->t->verify);
	return push(cur, &root, e);
}

static void pop(struct apfs_cursor *cur)
{
	apfs_blk_put(cur->t->c, cur->at[--cur->depth].b);
}

static int descend(struct apfs_cursor *cur, struct err *e)
{
	const struct apfs_node *n = &cur->at[cur->depth - 1];
	struct apfs_child child;
	int r = apfs_node_child(cur->t, n, n->i, &child, e);

	return r ? r : push(cur, &child, e);
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
		int r = apfs_node_key(t, n, mid, &k, e);

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
	int r = apfs_node_key(cur->t, n, n->i, &cur->key, e);

	cur->end = false;
	return r ? r : apfs_node_val(cur->t, n, n->i, &cur->val, &cur->val_len, e);
}

/* From the root down to the leaf where @want is or would be. */
static int go_down(struct apfs_cursor *cur, const struct apfs_key *want, struct err *e)
{
	int r;

	apfs_cursor_release(cur);
	cur->ties = 0;
	r = push_root(cur, e);
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

/* Go to the leaf *ret_n; *ret_k: how many entries of it are before @want, or also @equal.
 */
static int seek_leaf(struct apfs_cursor *cur, const struct apfs_key *want, bool equal,
		     struct apfs_node **ret_n, uint32_t *ret_k, struct err *e)
{
	int r = go_down(cur, want, e);

	if (r)
		return r;
	*ret_n = &cur->at[cur->depth - 1];
	return count_before(cur->t, *ret_n, want, equal, ret_k, e);
}

int apfs_cursor_seek(struct apfs_cursor *cur, const struct apfs_key *want, struct err *e)
{
	struct apfs_node *n;
	uint32_t k = 0;
	int r = seek_leaf(cur, want, false, &n, &k, e);

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
	int r = seek_leaf(cur, want, true, &n, &k, e);

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
	return err_set(e, E_CORRUPT, "block %" PRIu64 ": %s: entries are not in order",
		       bno, cur->t->kind->name);
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
	r = push_root(&cur, e);
	apfs_cursor_release(&cur);
	return r;
}
