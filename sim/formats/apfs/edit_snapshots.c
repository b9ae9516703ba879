/* SPDX-License-Identifier: MIT */
/* The list of a volume's snapshots. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/apfs/edit_impl.h"

int edit_snapshots_add(struct edit_snapshots *s, const struct apfs_snapshot_entry *one,
		       struct err *e)
{
	struct apfs_snapshot_entry *v = reallocarray(s->v, s->n + 1, sizeof(*v));
	char *name = strdup(one->name);

	if (v)
		s->v = v;
	if (!v || !name) {
		free(name);
		return err_set(e, E_NOMEM, "out of memory for snapshots");
	}
	v[s->n] = *one;
	v[s->n++].name = name;
	return 0;
}

static void free_name(struct apfs_snapshot_entry *s)
{
	free((char *)(uintptr_t)s->name); /* from strdup above */
}

void edit_snapshots_remove(struct edit_snapshots *s, size_t i)
{
	free_name(&s->v[i]);
	s->n--;
	memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v));
}

void edit_snapshots_release(struct edit_snapshots *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_name(&s->v[i]);
	free(s->v);
	edit_blocks_release(&s->nodes);
}

static int bad(const struct apfs_cursor *at, const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT, "snapshot %" PRIu64 ": %s", at->key.id, what);
}

/* The records of names say again what the others say, and are written anew. */
static int add_record(void *ctx, const struct apfs_cursor *at, struct err *e)
{
	struct edit_snapshots *s = ctx;
	const struct apfs_j_snap_metadata_val *val = (const void *)at->val;
	size_t n = at->val_len >= sizeof(*val) ? le16_get(val->name_len) : 0;
	char name[APFS_SNAPSHOT_NAME_MAX];

	if (at->key.type != APFS_REC_SNAP_METADATA)
		return 0;
	if (n < 2 || n > sizeof(name) || n > at->val_len - sizeof(*val) ||
	    memchr(val->name, 0, n) != val->name + n - 1)
		return bad(at, "bad name", e);
	memcpy(name, val->name, n);
	if (le32_get(val->flags) != 0)
		return err_set(e, E_UNSUPPORTED, "snapshot '%s': flags %#x", name,
			       le32_get(val->flags));
	return edit_snapshots_add(
		s,
		&(struct apfs_snapshot_entry){
			.name = name,
			.xid = at->key.id,
			.extentref = le64_get(val->extentref_tree_oid),
			.superblock = le64_get(val->sblock_oid),
			.inum = le64_get(val->inum),
			.create_ns = (int64_t)le64_get(val->create_time),
			.change_ns = (int64_t)le64_get(val->change_time),
		},
		e);
}

int edit_snapshots_load(struct apfs_edit *ed, uint64_t root, struct edit_snapshots *s,
			struct err *e)
{
	const struct apfs_tree tree = {
		.c = ed->c, .kind = &apfs_snap_tree_kind, .root = root};

	return edit_tree_scan(&tree, add_record, s, &s->nodes, e);
}

int edit_snapshots_find(const struct edit_snapshots *s, const char *name, size_t *ret,
			struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].name, name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return err_set(e, E_NOTFOUND, "no snapshot '%s'", name);
}

int edit_snapshot_superblock(struct apfs_edit *ed, const struct edit_volume *v, size_t i,
			     struct apfs_superblock *ret, struct err *e)
{
	const struct apfs_obj_want want = {
		.what = "superblock of a snapshot",
		.oid = v->snaps.v[i].superblock,
		.type = APFS_OBJ_PHYSICAL | APFS_OT_FS,
	};
	struct apfs_blk *b;
	int rc = apfs_obj_get(ed->c, want.oid, &want, &b, e);

	if (rc != 0)
		return rc;
	memcpy(ret, b->data, sizeof(*ret));
	apfs_blk_put(ed->c, b);
	if (le32_get(ret->apfs_magic) != APFS_FS_MAGIC)
		return err_set(e, E_CORRUPT, "block %" PRIu64 ": apfs_magic", want.oid);
	return 0;
}
