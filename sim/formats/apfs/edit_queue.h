/* SPDX-License-Identifier: MIT */
/*
 * The free queues (APFS Reference p. 160): trees of ephemeral nodes that name blocks
 * which only older checkpoints use.
 */
#ifndef SIM_FORMATS_APFS_EDIT_QUEUE_H
#define SIM_FORMATS_APFS_EDIT_QUEUE_H

#include "sim/formats/apfs/edit_space.h"

/* An ephemeral object of a checkpoint, of one block or more. */
struct edit_eph {
	uint32_t type, subtype; /* type with storage bits */
	uint64_t oid;
	uint64_t block;	 /* where it lay in the checkpoint before; 0: new */
	uint8_t *object; /* owned */
	uint32_t size;	 /* bytes */
	bool seen;	 /* node of a queue that was read */
};

struct edit_ephs {
	struct edit_eph *v; /* owned */
	size_t n, cap;
};

/* Takes over one->object, also on failure. E_NOMEM. */
int edit_ephs_add(struct edit_ephs *l, const struct edit_eph *one,
		  struct err *e) MUST_CHECK;
void edit_ephs_release(struct edit_ephs *l);
/* The object of @oid; NULL when there is none. */
struct edit_eph *edit_ephs_find(const struct edit_ephs *l, uint64_t oid);

/*
 * Read the queue @queue (APFS_SFQ_*) of the newest checkpoint, whose nodes are in @l, and
 * release what it holds in @s. Its nodes are marked as seen. E_CORRUPT.
 */
int edit_queue_load(struct edit_space *s, unsigned queue, struct edit_ephs *l,
		    struct err *e) MUST_CHECK;

/*
 * Add the nodes of the queue of the new checkpoint @xid to @l and update the space
 * manager. A queue that has no tree gets one if it needs one. E_NOSPC: the queue has a
 * limit, and what was freed is in too many pieces.
 */
int edit_queue_write(struct edit_space *s, unsigned queue, uint64_t xid,
		     uint64_t *next_oid, struct edit_ephs *l, struct err *e) MUST_CHECK;

#endif
