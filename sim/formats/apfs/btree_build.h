/* SPDX-License-Identifier: MIT */
/*
 * B-trees built bottom-up from records that come in order (APFS Reference p. 122).
 *
 * One node per level is open; a full one is written and its first key goes to the level
 * above. Every node leaves room for the footer of a root, so that whichever is alone on
 * its level at the end can be the root.
 */
#ifndef SIM_FORMATS_APFS_BTREE_BUILD_H
#define SIM_FORMATS_APFS_BTREE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/base/sha256.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/raw.h"

struct apfs_btree_kind {
	uint32_t subtype;
	uint32_t flags;              /* bt_flags */
	uint16_t key_size, val_size; /* 0: variable */
};

extern const struct apfs_btree_kind apfs_omap_tree, apfs_omap_snapshot_tree, apfs_fs_tree,
	apfs_sealed_fs_tree, apfs_extentref_tree, apfs_fext_tree, apfs_snapmeta_tree,
	apfs_free_queue_tree;

/* Where the virtual objects of a tree are: what goes into an object map. */
struct apfs_mapping {
	uint64_t oid, xid, paddr;
	uint32_t flags; /* APFS_OMAP_VAL_* */
};

struct apfs_mappings {
	struct apfs_mapping *v; /* owned */
	size_t n, cap;
};

int apfs_mappings_add(struct apfs_mappings *m, const struct apfs_mapping *one,
		      struct err *e) MUST_CHECK;
void apfs_mappings_release(struct apfs_mappings *m);

/* Longest key and value together that any node takes. */
#define APFS_BTREE_ENTRY_MAX 3936u
#define APFS_BTREE_LEVELS    12

struct apfs_btree_level;

struct apfs_btree {
	const struct apfs_btree_kind *kind;
	struct apfs_out *out;          /* borrowed */
	uint64_t xid;
	uint64_t *next_oid;            /* borrowed; of virtual trees, else NULL */
	struct apfs_mappings *map;     /* borrowed; of virtual trees, else NULL */
	struct apfs_btree_level *level[APFS_BTREE_LEVELS]; /* owned */
	uint64_t root_oid;             /* of virtual trees: known from the start */
	uint64_t n_nodes, n_keys;
	uint32_t longest_key, longest_val;
	struct sha256 *sha;            /* borrowed; of hashed trees, else NULL */
	uint8_t root_hash[SHA256_SIZE]; /* of hashed trees, when finished */
};

/*
 * A hashed tree is virtual. Its nodes have no object header, and what names a node in the
 * level above is its oid, counted from the root's, and the SHA-256 of its block.
 *
 * Start a tree whose nodes are stamped with @xid. Physical trees: @next_oid and @map are
 * NULL. Virtual ones take ids from *@next_oid, the root's first, and add one mapping per
 * node to @map. After a failure of any function the tree can only be released. Set t->sha
 * of a hashed tree before anything else.
 */
void apfs_btree_init(struct apfs_btree *t, const struct apfs_btree_kind *kind,
		     struct apfs_out *out, uint64_t xid, uint64_t *next_oid,
		     struct apfs_mappings *map);
void apfs_btree_release(struct apfs_btree *t);

/*
 * Add a record; keys must come in the order of the tree, which is not checked here. Sizes
 * of a fixed kind are its own. E_OVERFLOW: longer than APFS_BTREE_ENTRY_MAX; E_NOSPC.
 */
int apfs_btree_add(struct apfs_btree *t, const void *key, size_t key_len, const void *val,
		   size_t val_len, struct err *e) MUST_CHECK;

/*
 * Write what is open. *@ret_root: the root's block, or oid if virtual. t->n_nodes and
 * t->n_keys are final then.
 */
int apfs_btree_finish(struct apfs_btree *t, uint64_t *ret_root, struct err *e) MUST_CHECK;

/*
 * An ephemeral tree of one node, with one record or (@key NULL) none, into @block (4096
 * zero bytes). @kind has fixed sizes.
 */
void apfs_btree_ephemeral(uint8_t *block, const struct apfs_btree_kind *kind,
			  uint64_t oid, uint64_t xid, const void *key, const void *val);

#endif
