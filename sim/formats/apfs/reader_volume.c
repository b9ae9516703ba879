/* SPDX-License-Identifier: MIT */
/* Volumes and their snapshots (APFS Reference p. 50, 117). */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SNAPSHOTS_MAX 100000

#define INCOMPAT_READABLE                                                                \
	(APFS_INCOMPAT_CASE_INSENSITIVE | APFS_INCOMPAT_DATALESS_SNAPS |                 \
	 APFS_INCOMPAT_ENC_ROLLED | APFS_INCOMPAT_NORMALIZATION_INSENSITIVE |            \
	 APFS_INCOMPAT_INCOMPLETE_RESTORE | APFS_INCOMPAT_SEALED_VOLUME |                \
	 0x40ull /* PFK */ | 0x80ull /* preallocation */ | 0x100ull /* second root */)

static const struct {
	uint16_t role;
	const char *name;
} role_names[] = {
	{APFS_ROLE_NONE, "none"},         {APFS_ROLE_SYSTEM, "System"},
	{APFS_ROLE_USER, "User"},         {APFS_ROLE_RECOVERY, "Recovery"},
	{APFS_ROLE_VM, "VM"},             {APFS_ROLE_PREBOOT, "Preboot"},
	{APFS_ROLE_INSTALLER, "Installer"}, {APFS_ROLE_DATA, "Data"},
	{APFS_ROLE_BASEBAND, "Baseband"}, {APFS_ROLE_UPDATE, "Update"},
	{APFS_ROLE_XART, "xART"},         {APFS_ROLE_HARDWARE, "Hardware"},
	{APFS_ROLE_BACKUP, "Backup"},     {APFS_ROLE_ENTERPRISE, "Enterprise"},
	{APFS_ROLE_PRELOGIN, "Prelogin"},
};
#define N_ROLES (sizeof(role_names) / sizeof(role_names[0]))

const char *apfs_role_name(uint16_t role, char buf[static 16])
{
	for (size_t i = 0; i < N_ROLES; i++)
		if (role_names[i].role == role)
			return role_names[i].name;
	snprintf(buf, 16, "role %#x", role);
	return buf;
}

unsigned apfs_slots(const struct apfs *c)
{
	for (unsigned n = APFS_NX_MAX_FILE_SYSTEMS; n; n--)
		if (le64_get(c->sb.nx_fs_oid[n - 1]))
			return n;
	return 0;
}

static void fill_info(const struct apfs_superblock *sb, unsigned slot,
		      struct apfs_volume_info *i)
{
	static const struct apfs_uuid no_group;

	memset(i, 0, sizeof(*i));
	i->slot = slot;
	memcpy(i->name, sb->apfs_volname, sizeof(i->name) - 1);
	i->role = le16_get(sb->apfs_role);
	uuid_text(sb->apfs_vol_uuid.b, i->uuid);
	if (memcmp(&sb->apfs_volume_group_id, &no_group, sizeof(no_group)) != 0)
		uuid_text(sb->apfs_volume_group_id.b, i->group);
	i->features = le64_get(sb->apfs_features);
	i->ro_features = le64_get(sb->apfs_readonly_compatible_features);
	i->incompat_features = le64_get(sb->apfs_incompatible_features);
	i->flags = le64_get(sb->apfs_fs_flags);
	i->case_sensitive = !(i->incompat_features & APFS_INCOMPAT_CASE_INSENSITIVE);
	i->sealed = i->incompat_features & APFS_INCOMPAT_SEALED_VOLUME;
	i->encrypted = !(i->flags & APFS_FS_UNENCRYPTED);
	i->xid = le64_get(sb->apfs_o.o_xid);
	i->num_files = le64_get(sb->apfs_num_files);
	i->num_dirs = le64_get(sb->apfs_num_directories);
	i->num_symlinks = le64_get(sb->apfs_num_symlinks);
	i->num_other = le64_get(sb->apfs_num_other_fsobjects);
	i->num_snapshots = le64_get(sb->apfs_num_snapshots);
	i->alloc_blocks = le64_get(sb->apfs_fs_alloc_count);
	i->next_obj_id = le64_get(sb->apfs_next_obj_id);
	i->last_mod_ns = (int64_t)le64_get(sb->apfs_last_mod_time);
	i->unmount_ns = (int64_t)le64_get(sb->apfs_unmount_time);
	i->root_to_xid = le64_get(sb->apfs_root_to_xid);
}

/* The superblock at block @bno, as @want says, into @ret. */
static int read_superblock(struct apfs *c, uint64_t bno, const struct apfs_obj_want *want,
			   struct apfs_superblock *ret, struct err *e)
{
	struct apfs_blk *b;
	int r = apfs_obj_get(c, bno, want, &b, e);

	if (r)
		return r;
	memcpy(ret, b->data, sizeof(*ret));
	apfs_blk_put(c, b);
	if (le32_get(ret->apfs_magic) != APFS_FS_MAGIC)
		return err_set(e, E_CORRUPT, "block %" PRIu64 ": no volume superblock", bno);
	return 0;
}

static int read_live(struct apfs *c, unsigned slot, struct apfs_superblock *ret,
		     uint64_t *ret_bno, struct err *e)
{
	struct apfs_obj_want want = {.what = "volume superblock", .type = APFS_OT_FS};
	struct apfs_omap_entry at;
	int r;

	if (slot < APFS_NX_MAX_FILE_SYSTEMS)
		want.oid = le64_get(c->sb.nx_fs_oid[slot]);
	if (!want.oid)
		return err_set(e, E_NOTFOUND, "no volume in slot %u", slot);
	r = apfs_omap_find(&c->omap, want.oid, c->xid, &at, e);
	want.xid = at.xid;
	if (!r)
		r = read_superblock(c, at.bno, &want, ret, e);
	if (r)
		return err_ctx(e, "volume in slot %u", slot);
	*ret_bno = at.bno;
	return 0;
}

int apfs_volume_get_info(struct apfs *c, unsigned slot, struct apfs_volume_info *ret,
			 struct err *e)
{
	struct apfs_superblock sb;
	uint64_t bno;
	int r = read_live(c, slot, &sb, &bno, e);

	if (!r)
		fill_info(&sb, slot, ret);
	return r;
}

static bool named_slot(const char *want, unsigned *ret)
{
	char *end;
	unsigned long n;

	if (strncmp(want, "slot:", 5) != 0 || want[5] < '0' || want[5] > '9')
		return false;
	n = strtoul(want + 5, &end, 10);
	*ret = (unsigned)n;
	return !*end && n < APFS_NX_MAX_FILE_SYSTEMS;
}

/* How well a volume answers to @want; 0: not at all. */
static int match_volume(const struct apfs_volume_info *i, const char *want)
{
	char buf[16];

	if (!strcmp(i->name, want))
		return 3;
	if (!strcasecmp(i->uuid, want))
		return 2;
	return i->role && !strcasecmp(apfs_role_name(i->role, buf), want);
}

int apfs_volume_find(struct apfs *c, const char *want, unsigned *ret_slot, struct err *e)
{
	struct apfs_volume_info info;
	int best = 0;

	if (named_slot(want, ret_slot))
		return apfs_volume_get_info(c, *ret_slot, &info, e);
	for (unsigned slot = 0; slot < apfs_slots(c); slot++) {
		int r = apfs_volume_get_info(c, slot, &info, e);
		int m;

		if (r == -E_NOTFOUND)
			continue;
		if (r)
			return r;
		m = match_volume(&info, want);
		if (m > best) {
			best = m;
			*ret_slot = slot;
		}
	}
	return best ? 0 : err_set(e, E_NOTFOUND, "no volume '%s'", want);
}

int apfs_volume_find_role(struct apfs *c, uint16_t role, unsigned *ret_slot,
			  struct err *e)
{
	struct apfs_volume_info info;
	char buf[16];

	for (unsigned slot = 0; slot < apfs_slots(c); slot++) {
		int r = apfs_volume_get_info(c, slot, &info, e);

		if (r && r != -E_NOTFOUND)
			return r;
		if (!r && info.role == role) {
			*ret_slot = slot;
			return 0;
		}
	}
	return err_set(e, E_NOTFOUND, "no volume of role %s", apfs_role_name(role, buf));
}

static int check_readable(const struct apfs_volume *v, struct err *e)
{
	if (v->info.encrypted)
		return err_set(e, E_UNSUPPORTED, "encrypted volume");
	if (v->info.incompat_features & ~INCOMPAT_READABLE)
		return err_set(e, E_UNSUPPORTED,
			       "block %" PRIu64 ": volume superblock: "
			       "apfs_incompatible_features %#" PRIx64 " has unknown bits",
			       v->sb_bno, v->info.incompat_features);
	return 0;
}

/* The trees of the state that @v->sb describes, as of @xid. */
static int open_trees(struct apfs_volume *v, uint64_t xid, struct err *e)
{
	const struct apfs_superblock *sb = &v->sb;

	v->fs = (struct apfs_tree){
		.c = v->c,
		.kind = &apfs_fs_tree_kind,
		.root = le64_get(sb->apfs_root_tree_oid),
		.omap = &v->omap,
		.xid = xid,
		.hashed_names = v->info.incompat_features &
				(APFS_INCOMPAT_CASE_INSENSITIVE |
				 APFS_INCOMPAT_NORMALIZATION_INSENSITIVE),
		.sealed = v->info.sealed,
	};
	v->fext = (struct apfs_tree){
		.c = v->c,
		.kind = &apfs_fext_tree_kind,
		.root = le64_get(sb->apfs_fext_tree_oid),
	};
	/* What a damaged root of a sealed volume means is for its hash to say. */
	return v->info.sealed ? 0 : apfs_tree_probe(&v->fs, e);
}

static int open_live(struct apfs_volume *v, unsigned slot, struct err *e)
{
	int r = read_live(v->c, slot, &v->sb, &v->sb_bno, e);

	if (r)
		return r;
	fill_info(&v->sb, slot, &v->info);
	v->fold = !v->info.case_sensitive;
	r = check_readable(v, e);
	if (!r)
		r = apfs_omap_open(v->c, le64_get(v->sb.apfs_omap_oid), &v->omap, e);
	if (r)
		return r;
	v->snaps = (struct apfs_tree){
		.c = v->c,
		.kind = &apfs_snap_tree_kind,
		.root = le64_get(v->sb.apfs_snap_meta_tree_oid),
	};
	if (le64_get(v->sb.apfs_revert_to_xid))
		return err_set(e, E_UNSUPPORTED,
			       "volume is to be reverted to transaction %" PRIu64,
			       le64_get(v->sb.apfs_revert_to_xid));
	return 0;
}

static int parse_snapshot(const struct apfs_cursor *cur, struct apfs_snapshot *ret,
			  uint64_t *sblock, struct err *e)
{
	const struct apfs_j_snap_metadata_val *val = (const void *)cur->val;
	size_t n = cur->val_len >= sizeof(*val) ? le16_get(val->name_len) : 0;

	if (!n || n > cur->val_len - sizeof(*val) || n > sizeof(ret->name) ||
	    memchr(val->name, 0, n) != val->name + n - 1)
		return err_set(e, E_CORRUPT, "snapshot %" PRIu64 ": bad record", cur->key.id);
	ret->xid = cur->key.id;
	ret->create_ns = (int64_t)le64_get(val->create_time);
	ret->change_ns = (int64_t)le64_get(val->change_time);
	ret->flags = le32_get(val->flags);
	memcpy(ret->name, val->name, n);
	*sblock = le64_get(val->sblock_oid);
	return 0;
}

int apfs_snapshots(struct apfs_volume *v, struct apfs_snapshot **ret, size_t *ret_n,
		   struct err *e)
{
	struct apfs_key first = {.type = APFS_REC_SNAP_METADATA, .name = ""};
	struct apfs_snapshot *list = NULL;
	struct apfs_cursor cur;
	size_t n = 0;
	int r;

	apfs_cursor_init(&cur, &v->snaps);
	r = apfs_cursor_seek(&cur, &first, e);
	while (!r && !cur.end) {
		if (cur.key.type == APFS_REC_SNAP_METADATA) {
			struct apfs_snapshot *p = reallocarray(list, n + 1, sizeof(*p));

			if (!p || n >= SNAPSHOTS_MAX) {
				r = err_set(e, E_NOMEM, "too many snapshots");
				list = p ? p : list;
				break;
			}
			list = p;
			r = parse_snapshot(&cur, &list[n], &list[n].sblock, e);
			n++;
		}
		if (!r)
			r = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	if (r) {
		free(list);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* The xid of the snapshot called @name. */
static int find_snapshot(struct apfs_volume *v, const char *name, uint64_t *ret,
			 struct err *e)
{
	struct apfs_key want = {
		.id = APFS_OBJ_ID_MASK,
		.type = APFS_REC_SNAP_NAME,
		.name = name,
	};
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, &v->snaps);
	r = apfs_cursor_seek(&cur, &want, e);
	if (!r && (cur.end || apfs_key_cmp(&cur.key, &want) != 0))
		r = err_set(e, E_NOTFOUND, "no snapshot '%s'", name);
	if (!r && cur.val_len < sizeof(le64))
		r = err_set(e, E_CORRUPT, "snapshot '%s': bad record", name);
	if (!r)
		*ret = get_le64(cur.val);
	apfs_cursor_release(&cur);
	return r;
}

/* Put the snapshot's superblock in the place of the live one. */
static int enter_snapshot(struct apfs_volume *v, uint64_t xid, struct err *e)
{
	struct apfs_key want = {.id = xid, .type = APFS_REC_SNAP_METADATA, .name = ""};
	struct apfs_obj_want sb = {
		.what = "superblock of snapshot",
		.type = APFS_OBJ_PHYSICAL | APFS_OT_FS,
	};
	struct apfs_snapshot snap;
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, &v->snaps);
	r = apfs_cursor_seek(&cur, &want, e);
	if (!r && (cur.end || apfs_key_cmp(&cur.key, &want) != 0))
		r = err_set(e, E_NOTFOUND, "no snapshot of transaction %" PRIu64, xid);
	if (!r)
		r = parse_snapshot(&cur, &snap, &sb.oid, e);
	apfs_cursor_release(&cur);
	if (!r)
		r = read_superblock(v->c, sb.oid, &sb, &v->sb, e);
	if (r)
		return r;
	v->sb_bno = sb.oid;
	fill_info(&v->sb, v->info.slot, &v->info);
	v->fold = !v->info.case_sensitive;
	return check_readable(v, e);
}

/* @snapshot or @xid names a snapshot; neither: live. */
static int open_state(struct apfs_volume *v, unsigned slot, const char *snapshot,
		      uint64_t xid, struct err *e)
{
	int r = open_live(v, slot, e);

	if (!r && snapshot)
		r = find_snapshot(v, snapshot, &xid, e);
	if (!r && xid)
		r = enter_snapshot(v, xid, e);
	if (!r)
		r = open_trees(v, xid ? xid : v->c->xid, e);
	if (r && v->info.name[0])
		return err_ctx(e, "volume '%s'", v->info.name);
	return r;
}

static int open_volume(struct apfs *c, unsigned slot, const char *snapshot, uint64_t xid,
		       struct apfs_volume **ret, struct err *e)
{
	struct apfs_volume *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return err_set(e, E_NOMEM, "volume: out of memory");
	v->c = c;
	r = open_state(v, slot, snapshot, xid, e);
	if (r) {
		free(v);
		return r;
	}
	*ret = v;
	return 0;
}

int apfs_volume_open(struct apfs *c, unsigned slot, const char *snapshot,
		     struct apfs_volume **ret, struct err *e)
{
	return open_volume(c, slot, snapshot, 0, ret, e);
}

int apfs_volume_open_xid(struct apfs *c, unsigned slot, uint64_t xid,
			 struct apfs_volume **ret, struct err *e)
{
	return open_volume(c, slot, NULL, xid, ret, e);
}

void apfs_volume_close(struct apfs_volume *v)
{
	if (v)
		apfs_verify_free(v->verify);
	free(v);
}

const struct apfs_volume_info *apfs_volume_info_of(const struct apfs_volume *v)
{
	return &v->info;
}

int apfs_snapshot_uuid(struct apfs_volume *v, char ret[static UUID_TEXT_MAX],
		       struct err *e)
{
	struct apfs_obj_want want = {
		.what = "extended metadata of a snapshot",
		.oid = le64_get(v->sb.apfs_snap_meta_ext_oid),
		.type = APFS_OT_SNAP_META_EXT,
	};
	const struct apfs_snap_meta_ext *ext;
	struct apfs_omap_entry at;
	struct apfs_blk *b = NULL;
	int r;

	if (!want.oid)
		return err_set(e, E_NOTFOUND, "there is no %s", want.what);
	r = apfs_omap_find(&v->omap, want.oid, v->fs.xid, &at, e);
	if (r)
		return err_ctx(e, "%s", want.what);
	want.xid = at.xid;
	r = apfs_obj_get(v->c, at.bno, &want, &b, e);
	if (r)
		return r;
	ext = (const void *)b->data;
	uuid_text(ext->sme_uuid.b, ret);
	apfs_blk_put(v->c, b);
	return 0;
}
