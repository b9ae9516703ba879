/* SPDX-License-Identifier: MIT */
/* Object maps: where a virtual object is, as of a transaction (APFS Reference p. 44). */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>

int apfs_omap_open(struct apfs *c, uint64_t bno, struct apfs_tree *t, struct err *e)
{
	struct apfs_obj_want want = {
		.what = "object map",
		.oid = bno,
		.type = APFS_OBJ_PHYSICAL | APFS_OT_OMAP,
	};
	const struct apfs_omap *om;
	struct apfs_blk *b;
	int r = apfs_obj_get(c, bno, &want, &b, e);

	if (r)
		return r;
	om = (const struct apfs_omap *)b->data;
	*t = (struct apfs_tree){
		.c = c,
		.kind = &apfs_omap_tree_kind,
		.root = le64_get(om->om_tree_oid),
	};
	if (le32_get(om->om_tree_type) != (APFS_OBJ_PHYSICAL | APFS_OT_BTREE))
		r = err_set(e, E_CORRUPT, "block %" PRIu64 ": object map of type %#x", bno,
			    le32_get(om->om_tree_type));
	apfs_blk_put(c, b);
	return r ? r : apfs_tree_probe(t, e);
}

static int check_entry(const struct apfs_cursor *cur, uint64_t oid,
		       struct apfs_omap_entry *ret, struct err *e)
{
	const struct apfs_omap_val *val = (const struct apfs_omap_val *)cur->val;

	ret->flags = le32_get(val->ov_flags);
	ret->bno = le64_get(val->ov_paddr);
	ret->xid = cur->key.num;
	if (ret->flags & APFS_OMAP_VAL_DELETED)
		return err_set(e, E_CORRUPT, "object %#" PRIx64 " was deleted in %" PRIu64,
			       oid, ret->xid);
	if (ret->flags & APFS_OMAP_VAL_ENCRYPTED)
		return err_set(e, E_UNSUPPORTED, "object %#" PRIx64 " is encrypted", oid);
	if (le32_get(val->ov_size) != APFS_BLOCK_SIZE)
		return err_set(e, E_UNSUPPORTED, "object %#" PRIx64 " has %u bytes", oid,
			       le32_get(val->ov_size));
	return 0;
}

int apfs_omap_find(const struct apfs_tree *omap, uint64_t oid, uint64_t xid,
		   struct apfs_omap_entry *ret, struct err *e)
{
	struct apfs_key want = {.id = oid, .num = xid, .name = ""};
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, omap);
	r = apfs_cursor_seek_last(&cur, &want, e);
	if (!r && (cur.end || cur.key.id != oid))
		r = err_set(e, E_CORRUPT,
			    "object %#" PRIx64 " of transaction %" PRIu64
			    " or before is not in the object map",
			    oid, xid);
	if (!r)
		r = check_entry(&cur, oid, ret, e);
	apfs_cursor_release(&cur);
	return r;
}
