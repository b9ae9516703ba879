/* SPDX-License-Identifier: MIT */
/*
 * Which versions of virtual objects are needed. A state needs, of each object that it can
 * reach from its superblock, the youngest version that is not younger than itself. What
 * no state needs is dropped. To find out by going through the trees depends on nothing
 * that an earlier writer may or may not have recorded.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/apfs/edit_impl.h"

/* One state while it is gone through. */
struct walk {
	struct apfs_edit *ed;
	struct edit_volume *v;
	uint64_t xid;  /* objects as of it */
	uint64_t root; /* oid of the file-system tree */
	bool sealed;
	uint8_t *seen;	   /* for each mapping: part of this state */
	uint64_t youngest; /* transaction of a node */
};

static int bad(uint64_t block, const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT,
		       "block %" PRIu64 ": node of the file-system tree: %s", block,
		       what);
}

/* ---- Nodes ---- */

/* Note that the state needs @oid; *@ret: which version. Once for each object. */
static int see(struct walk *w, uint64_t oid, const struct apfs_mapping **ret,
	       struct err *e)
{
	const struct apfs_mapping *m = edit_omap_find(&w->v->omap, oid, w->xid);
	size_t i = m ? (size_t)(m - w->v->omap.map.v) : 0;

	if (!m || m->flags & APFS_OMAP_VAL_DELETED)
		return err_set(e, E_CORRUPT,
			       "object %#" PRIx64 " of transaction %" PRIu64
			       " or before is not in the object map",
			       oid, w->xid);
	if (w->seen[i])
		return bad(m->paddr, "it is in the tree twice", e);
	w->seen[i] = 1;
	*ret = m;
	return 0;
}

static int get_node(const struct walk *w, const struct apfs_mapping *m, bool root,
		    struct apfs_blk **ret, struct err *e)
{
	const struct apfs_obj_want want = {
		.what = "file-system tree",
		.oid = m->oid,
		.xid = m->xid,
		.type = root ? APFS_OT_BTREE : APFS_OT_BTREE_NODE,
		.subtype = APFS_OT_FSTREE,
	};

	if (w->sealed)
		return apfs_blk_get(w->ed->c, m->paddr, false, ret, e);
	return apfs_obj_get(w->ed->c, m->paddr, &want, ret, e);
}

/* The oid of child @i of an index node. */
static int child_of(const struct walk *w, const struct apfs_blk *b, bool root, uint32_t i,
		    uint64_t *ret, struct err *e)
{
	const struct apfs_btree_node *n = (const void *)b->data;
	size_t toc = sizeof(*n) + le16_get(n->btn_table_space.off);
	size_t keys = toc + le16_get(n->btn_table_space.len);
	size_t end = APFS_BLOCK_SIZE - (root ? sizeof(struct apfs_btree_info) : 0);
	size_t at = toc + i * sizeof(struct apfs_kvloc), off, len;

	if (keys > end || at + sizeof(struct apfs_kvloc) > keys)
		return bad(b->bno, "table of contents is too short", e);
	off = get_le16(b->data + at + 4);
	len = get_le16(b->data + at + 6);
	if (off > end - keys || len > off || len < sizeof(le64))
		return bad(b->bno, "bad value", e);
	*ret = get_le64(b->data + end - off);
	if (w->sealed && ckd_add(ret, *ret, w->root))
		return bad(b->bno, "bad child", e);
	return 0;
}

/* Levels fall by one, so that this ends; leaves need not be read. */
static int walk_node(struct walk *w, uint64_t oid, unsigned level, struct err *e)
{
	const bool root = oid == w->root;
	const struct apfs_mapping *m = NULL;
	struct apfs_blk *b = NULL;
	int rc = see(w, oid, &m, e);

	if (rc != 0)
		return rc;
	if (m->xid > w->youngest)
		w->youngest = m->xid;
	if (level == 0 && !root)
		return 0;
	rc = get_node(w, m, root, &b, e);
	if (rc != 0)
		return rc;
	const struct apfs_btree_node *n = (const void *)b->data;

	if (root)
		level = le16_get(n->btn_level);
	if (level != le16_get(n->btn_level) || level > APFS_TREE_DEPTH)
		rc = bad(b->bno, "btn_level is not one below its parent's", e);
	for (uint32_t i = 0; level > 0 && i < le32_get(n->btn_nkeys) && rc == 0; i++) {
		uint64_t child = 0;

		rc = child_of(w, b, root, i, &child, e);
		if (rc == 0)
			rc = walk_node(w, child, level - 1, e);
	}
	apfs_blk_put(w->ed->c, b);
	return rc;
}

/* ---- States ---- */

static int walk_init(struct walk *w, struct apfs_edit *ed, struct edit_volume *v,
		     struct err *e)
{
	*w = (struct walk){.ed = ed, .v = v};
	edit_omap_sort(&v->omap);
	w->seen = calloc(v->omap.map.n + 1, 1);
	if (!w->seen)
		return err_set(e, E_NOMEM, "out of memory for an object map");
	return edit_settle(ed, e);
}

static int walk_state(struct walk *w, const struct apfs_superblock *sb, uint64_t xid,
		      struct err *e)
{
	const uint64_t integrity = le64_get(sb->apfs_integrity_meta_oid);
	const uint64_t ext = le64_get(sb->apfs_snap_meta_ext_oid);
	const struct apfs_mapping *m;

	memset(w->seen, 0, w->v->omap.map.n);
	w->xid = xid;
	w->root = le64_get(sb->apfs_root_tree_oid);
	w->sealed = edit_volume_sealed(sb);
	int rc = walk_node(w, w->root, 0, e);

	if (rc == 0 && integrity != 0)
		rc = see(w, integrity, &m, e);
	/* Implementations that do not know of it leave it behind or lose it. */
	if (rc == 0 && ext != 0 && edit_omap_find(&w->v->omap, ext, xid))
		rc = see(w, ext, &m, e);
	return rc;
}

int edit_volume_tree_xid(struct apfs_edit *ed, struct edit_volume *v, uint64_t *ret,
			 struct err *e)
{
	struct walk w;
	int rc = walk_init(&w, ed, v, e);

	if (rc == 0)
		rc = walk_state(&w, &v->sb, ed->xid, e);
	*ret = w.youngest;
	free(w.seen);
	return rc;
}

/* ---- Sweeping ---- */

static void mark(uint8_t *needed, const struct walk *w)
{
	for (size_t i = 0; i < w->v->omap.map.n; i++)
		needed[i] |= w->seen[i];
}

/*
 * The extended metadata of a snapshot is a version of an object of the live state. On a
 * Mac the snapshot's own superblock does not name it.
 */
static void mark_extended(const struct walk *w, uint8_t *needed, uint64_t xid)
{
	uint64_t oid = le64_get(w->v->sb.apfs_snap_meta_ext_oid);
	const struct apfs_mapping *m = oid ? edit_omap_find(&w->v->omap, oid, xid) : NULL;

	if (m && m->xid == xid)
		needed[m - w->v->omap.map.v] = 1;
}

static int mark_all(struct walk *w, uint8_t *needed, struct err *e)
{
	struct edit_volume *v = w->v;
	int rc = walk_state(w, &v->sb, w->ed->xid, e);

	mark(needed, w);
	for (size_t i = 0; i < v->snaps.n && rc == 0; i++) {
		struct apfs_superblock sb;

		rc = edit_snapshot_superblock(w->ed, v, i, &sb, e);
		if (rc == 0)
			rc = walk_state(w, &sb, v->snaps.v[i].xid, e);
		mark(needed, w);
		mark_extended(w, needed, v->snaps.v[i].xid);
		if (rc != 0)
			err_ctx(e, "snapshot '%s'", v->snaps.v[i].name);
	}
	return rc;
}

/* A note that an object is gone is of use while there is an older version of it. */
static bool is_last_word(const struct apfs_mappings *map, size_t i)
{
	return map->v[i].flags & APFS_OMAP_VAL_DELETED &&
	       (i == 0 || map->v[i - 1].oid != map->v[i].oid);
}

static int drop(struct apfs_edit *ed, struct edit_volume *v, const uint8_t *needed,
		struct err *e)
{
	struct apfs_mappings *map = &v->omap.map;
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < map->n; i++) {
		const struct apfs_mapping m = map->v[i];
		bool deleted = m.flags & APFS_OMAP_VAL_DELETED;

		if (needed[i] || deleted) {
			map->v[kept] = m;
			kept += !is_last_word(map, kept);
		} else if (rc == 0) {
			rc = edit_volume_free_blocks(ed, v, m.paddr, 1, e);
		}
	}
	v->omap.dirty |= kept != map->n;
	map->n = kept;
	return rc;
}

int edit_volume_sweep(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	struct walk w;
	uint8_t *needed = NULL;
	int rc = walk_init(&w, ed, v, e);

	if (rc == 0) {
		needed = calloc(v->omap.map.n + 1, 1);
		rc = needed ? mark_all(&w, needed, e)
			    : err_set(e, E_NOMEM, "out of memory for an object map");
	}
	if (rc == 0)
		rc = drop(ed, v, needed, e);
	free(needed);
	free(w.seen);
	return rc;
}
