/* SPDX-License-Identifier: MIT */
/*
 * New content for the live state. Nothing of the old one is kept: what no snapshot has is
 * freed, and the rest loses an owner.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/edit_snapshot.h"
#include "sim/formats/apfs/fsrecords.h"
#include "sim/formats/apfs/state.h"

/* ---- The old content ---- */

/* What all snapshots amount to. */
static int add_up_snapshots(struct apfs_edit *ed, const struct edit_volume *v,
			    struct edit_extents *ret, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < v->snaps.n && rc == 0; i++) {
		struct edit_extents one = {.v = NULL}, sum = {.v = NULL};
		struct edit_extents unowned = {.v = NULL};

		rc = edit_extents_load(ed, v->snaps.v[i].extentref, &one, NULL, e);
		if (rc == 0)
			rc = edit_extents_merge(ret, &one, &sum, &unowned, e);
		edit_extents_release(&one);
		edit_extents_release(&unowned);
		edit_extents_release(ret);
		*ret = sum;
	}
	return rc;
}

/* Free the live state's own blocks; its list says that it uses nothing of the rest. */
static int drop_content(struct apfs_edit *ed, struct edit_volume *v, struct err *e)
{
	struct edit_extents all = {.v = NULL}, none = {.v = NULL};
	int rc = edit_settle(ed, e);

	if (rc == 0)
		rc = edit_volume_free_live(ed, v, e);
	if (rc == 0)
		rc = add_up_snapshots(ed, v, &all, e);
	if (rc == 0)
		rc = edit_extents_disown(&all, &none, e);
	edit_extents_release(&all);
	edit_extents_release(&v->extents);
	v->extents = none;
	v->extents_dirty = true;
	return rc;
}

/* ---- The new content ---- */

/* How many ids the nodes, names and attributes of @t may take. */
static uint64_t ids_of(const struct fs_tree *t)
{
	uint64_t n = 0;

	for (const struct fs_node *node = t->root; node; node = fs_tree_next(t, node)) {
		n += 2;
		for (const struct fs_xattr *x = node->xattrs; x; x = x->next)
			n++;
	}
	return n;
}

/*
 * The same tree gets the same numbers whenever it is written, so that its root hash is
 * the same, unless that would give a file the number of a snapshot.
 */
static uint64_t choose_first_id(const struct edit_volume *v,
				const struct apfs_volume_spec *volume)
{
	uint64_t first = apfs_fs_first_id(volume), n = ids_of(volume->tree);

	for (size_t i = 0; i < v->snaps.n; i++)
		if (v->snaps.v[i].inum >= first && v->snaps.v[i].inum - first < n)
			return le64_get(v->sb.apfs_next_obj_id);
	return first;
}

static int make_spec(const struct edit_volume *v, struct fs_tree *tree,
		     enum apfs_edit_seal mode, struct apfs_volume_spec *ret,
		     struct err *e)
{
	const uint64_t incompat = le64_get(v->sb.apfs_incompatible_features);
	const uint64_t names =
		APFS_INCOMPAT_CASE_INSENSITIVE | APFS_INCOMPAT_NORMALIZATION_INSENSITIVE;

	*ret = (struct apfs_volume_spec){
		.name = (const char *)v->sb.apfs_volname,
		.role = le16_get(v->sb.apfs_role),
		.in_group =
			le64_get(v->sb.apfs_features) & APFS_FEATURE_VOLGRP_SYSTEM_INO,
		.case_sensitive = !(incompat & APFS_INCOMPAT_CASE_INSENSITIVE),
		.tree = tree,
		.sealed = mode != APFS_EDIT_UNSEALED,
	};
	if (!(incompat & names))
		return err_set(e, E_UNSUPPORTED,
			       "volume '%s' compares names byte by byte", ret->name);
	if (ret->sealed && ret->role != APFS_ROLE_SYSTEM && ret->role != APFS_ROLE_NONE)
		return err_set(e, E_INVAL,
			       "volume '%s' is not a System volume and cannot be sealed",
			       ret->name);
	return 0;
}

/* The new extents among what is said of the old ones. */
static int add_runs(struct edit_volume *v, const struct apfs_streams *streams,
		    struct err *e)
{
	struct edit_extents new = {.v = NULL}, sum = {.v = NULL}, unowned = {.v = NULL};
	int rc = 0;

	for (size_t i = 0; i < streams->n_runs && rc == 0; i++)
		rc = edit_extents_add(&new,
				      &(struct edit_extent){
					      .block = streams->runs[i].block,
					      .count = streams->runs[i].count,
					      .owner = streams->runs[i].owner,
					      .refcnt = 1,
				      },
				      e);
	if (rc == 0)
		rc = edit_extents_merge(&v->extents, &new, &sum, &unowned, e);
	edit_extents_release(&new);
	edit_extents_release(&unowned);
	edit_extents_release(&v->extents);
	v->extents = sum;
	return rc;
}

static void fill_superblock(struct apfs_edit *ed, struct edit_volume *v,
			    const struct apfs_state *s)
{
	const uint64_t next_id = le64_get(v->sb.apfs_next_obj_id);

	apfs_state_fill(s, &v->sb);
	if (next_id > s->next_id)
		v->sb.apfs_next_obj_id = to_le64(next_id);
	v->sb.apfs_last_mod_time = to_le64((uint64_t)ed->time_ns);
	edit_volume_gain(v, s->n_blocks);
}

static int write_content(struct apfs_edit *ed, struct edit_volume *v,
			 const struct apfs_volume_spec *volume, uint8_t *ret_root_hash,
			 struct err *e)
{
	struct apfs_mappings map = {.v = NULL};
	struct apfs_state state;
	const struct apfs_state_spec spec = {
		.volume = volume,
		.first_id = choose_first_id(v, volume),
		.xid = ed->xid,
		.out = &ed->out,
		.next_oid = &ed->next_oid,
		.map = &map,
	};
	int rc = apfs_state_write(&spec, &state, e);

	for (size_t i = 0; i < map.n && rc == 0; i++)
		rc = edit_omap_add(&v->omap, &map.v[i], e);
	if (rc == 0)
		rc = add_runs(v, &state.streams, e);
	if (rc == 0)
		fill_superblock(ed, v, &state);
	if (rc == 0 && ret_root_hash)
		memcpy(ret_root_hash, state.root_hash, sizeof(state.root_hash));
	apfs_state_release(&state);
	apfs_mappings_release(&map);
	return rc;
}

int apfs_edit_replace_tree(struct apfs_edit *ed, unsigned slot, struct fs_tree *tree,
			   enum apfs_edit_seal mode, uint8_t ret_root_hash[32],
			   struct err *e)
{
	struct apfs_volume_spec spec;
	struct edit_volume *v;
	int rc = edit_volume_get(ed, slot, &v, e);

	if (rc == 0)
		rc = make_spec(v, tree, mode, &spec, e);
	if (rc != 0)
		return rc;
	v->content_xid = ed->xid;
	rc = drop_content(ed, v, e);
	if (rc == 0)
		rc = write_content(ed, v, &spec,
				   mode == APFS_EDIT_UNSEALED ? NULL : ret_root_hash, e);
	if (rc == 0)
		rc = edit_volume_sweep(ed, v, e);
	if (rc == 0 && mode == APFS_EDIT_BROKEN)
		rc = edit_seal_break(ed, v, e);
	return rc;
}
