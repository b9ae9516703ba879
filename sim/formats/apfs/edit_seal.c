/* SPDX-License-Identifier: MIT */
/* Which state a Mac roots from, and whether the seal of the live state is intact. */
#include <inttypes.h>
#include <string.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/edit_impl.h"

int apfs_edit_set_root(struct apfs_edit *ed, unsigned slot, const char *name,
		       struct err *e)
{
	struct edit_volume *v;
	uint64_t xid = 0;
	size_t i;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc == 0 && name)
		rc = edit_snapshots_find(&v->snaps, name, &i, e);
	if (rc != 0)
		return rc;
	if (name)
		xid = v->snaps.v[i].xid;
	if (le64_get(v->sb.apfs_root_to_xid) == xid)
		return 0;
	v->sb.apfs_root_to_xid = to_le64(xid);
	v->dirty = true;
	return 0;
}

/* ---- The seal ---- */

/* The integrity metadata of the live state into @block. */
static int read_integrity(struct apfs_edit *ed, struct edit_volume *v, uint8_t *block,
			  struct err *e)
{
	struct apfs_obj_want want = {.what = "integrity metadata",
				     .oid = le64_get(v->sb.apfs_integrity_meta_oid),
				     .type = APFS_OT_INTEGRITY_META};
	const struct apfs_mapping *m;
	struct apfs_blk *b;
	int rc;

	if (!edit_volume_sealed(&v->sb))
		return err_set(e, E_INVAL, "volume '%.255s' is not sealed",
			       (const char *)v->sb.apfs_volname);
	m = edit_omap_find(&v->omap, want.oid, ed->xid);
	if (!m)
		return err_set(e, E_CORRUPT,
			       "object map: no integrity metadata %#" PRIx64, want.oid);
	want.xid = m->xid;
	rc = edit_settle(ed, e);
	if (rc == 0)
		rc = apfs_obj_get(ed->c, m->paddr, &want, &b, e);
	if (rc != 0)
		return rc;
	memcpy(block, b->data, APFS_BLOCK_SIZE);
	apfs_blk_put(ed->c, b);
	return 0;
}

/*
 * New integrity metadata in the place of the old. When a snapshot needs the old one, the
 * new one is another object: a second version of the same would keep 7-Zip from reading
 * objects with a higher id.
 */
static int write_integrity(struct apfs_edit *ed, struct edit_volume *v,
			   const uint8_t *from, struct err *e)
{
	struct apfs_mapping *old = edit_omap_find(
		&v->omap, le64_get(v->sb.apfs_integrity_meta_oid), ed->xid);
	const bool shared = v->snaps.n > 0 && v->snaps.v[v->snaps.n - 1].xid >= old->xid;
	struct apfs_mapping m = {.oid = shared ? ed->next_oid++ : old->oid,
				 .xid = ed->xid};
	uint8_t *block;
	int rc = apfs_out_block(&ed->out, &block, &m.paddr, e);

	if (rc != 0)
		return rc;
	memcpy(block, from, APFS_BLOCK_SIZE);
	apfs_obj_seal(block, m.oid, m.xid, APFS_OBJ_VIRTUAL | APFS_OT_INTEGRITY_META, 0);
	edit_volume_gain(v, 1);
	if (shared) {
		v->sb.apfs_integrity_meta_oid = to_le64(m.oid);
		return edit_omap_add(&v->omap, &m, e);
	}
	rc = edit_volume_free_blocks(ed, v, old->paddr, 1, e);
	*old = m;
	v->omap.dirty = true;
	return rc;
}

int edit_seal_break(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	uint8_t block[APFS_BLOCK_SIZE];
	struct apfs_integrity_meta *im = (struct apfs_integrity_meta *)block;
	int rc = read_integrity(ed, v, block, e);

	if (rc != 0 || le32_get(im->im_flags) & APFS_SEAL_BROKEN)
		return rc;
	im->im_flags = to_le32(le32_get(im->im_flags) | APFS_SEAL_BROKEN);
	/* Version 1 has no such field. */
	if (le32_get(im->im_version) >= APFS_INTEGRITY_VERSION_2)
		im->im_broken_xid = to_le64(ed->xid);
	return write_integrity(ed, v, block, e);
}

int apfs_edit_break_seal(struct apfs_edit *ed, unsigned slot, struct err *e)
{
	struct edit_volume *v;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc != 0)
		return rc;
	/* The content that was sealed in this transaction is older than the break. */
	if (v->content_xid == ed->xid)
		edit_next_xid(ed);
	return edit_seal_break(ed, v, e);
}

/* Has anything of the file-system tree been written since the seal was broken? */
static int check_unchanged(struct apfs_edit *ed, struct edit_volume *v, uint64_t broken,
			   struct err *e)
{
	uint64_t youngest;
	int rc = edit_volume_tree_xid(ed, v, &youngest, e);

	if (rc == 0 && youngest >= broken)
		rc = err_set(e, E_PERM,
			     "the volume was changed in %" PRIu64
			     ", after its seal was broken in %" PRIu64,
			     youngest, broken);
	return rc;
}

int apfs_edit_unbreak(struct apfs_edit *ed, unsigned slot, struct err *e)
{
	uint8_t block[APFS_BLOCK_SIZE];
	struct apfs_integrity_meta *im = (struct apfs_integrity_meta *)block;
	struct edit_volume *v;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc == 0)
		rc = read_integrity(ed, v, block, e);
	if (rc != 0 || !(le32_get(im->im_flags) & APFS_SEAL_BROKEN))
		return rc;
	if (le32_get(im->im_version) < APFS_INTEGRITY_VERSION_2)
		return err_set(e, E_PERM, "a seal of version %u cannot be mended",
			       le32_get(im->im_version));
	rc = check_unchanged(ed, v, le64_get(im->im_broken_xid), e);
	if (rc != 0)
		return rc;
	im->im_flags = to_le32(le32_get(im->im_flags) & ~APFS_SEAL_BROKEN);
	im->im_broken_xid = to_le64(0);
	return write_integrity(ed, v, block, e);
}
