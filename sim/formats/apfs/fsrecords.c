/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/fsrecords.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/fswalk.h"

void apfs_fs_release(struct apfs_fs *fs)
{
	apfs_records_release(&fs->recs);
	apfs_streams_release(&fs->streams);
}

/* ---- Records ---- */

int apfs_fs_add(struct apfs_fs_walk *w, uint64_t id, enum apfs_rec_type type,
		const void *val, size_t val_len, struct err *e)
{
	const struct apfs_record r = {.id = id, .type = (uint8_t)type};

	return apfs_records_add(&w->fs->recs, &r, NULL, 0, val, val_len, e);
}

int apfs_fs_add_numbered(struct apfs_fs_walk *w, uint64_t id, enum apfs_rec_type type,
			 uint64_t num, const void *val, size_t val_len, struct err *e)
{
	const struct apfs_record r = {.id = id, .type = (uint8_t)type, .num = num};
	const le64 tail = to_le64(num);

	return apfs_records_add(&w->fs->recs, &r, &tail, sizeof(tail), val, val_len, e);
}

struct xfield {
	uint8_t type, flags;
	uint16_t size;
	const void *value;
};

#define XFIELDS_MAX                                                                      \
	(sizeof(struct apfs_xf_blob) + 2 * sizeof(struct apfs_x_field) + 256 + 40)

/* Lay @n fields into zeroed @out; the bytes used. */
static size_t put_xfields(uint8_t *out, const struct xfield *f, size_t n)
{
	struct apfs_xf_blob *blob = (struct apfs_xf_blob *)out;
	struct apfs_x_field *desc = (struct apfs_x_field *)(blob + 1);
	uint8_t *values = (uint8_t *)(desc + n);
	size_t used = 0;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		desc[i].x_type = f[i].type;
		desc[i].x_flags = f[i].flags;
		desc[i].x_size = to_le16(f[i].size);
		memcpy(values + used, f[i].value, f[i].size);
		used += (f[i].size + 7u) & ~7u;
	}
	blob->xf_num_exts = to_le16((uint16_t)n);
	blob->xf_used_data = to_le16((uint16_t)used);
	return (size_t)(values - out) + used;
}

/* ---- Inodes and names ---- */

static uint64_t internal_flags(const struct fs_node *n)
{
	static const struct {
		const char *xattr;
		uint64_t set, clear;
	} rules[] = {
		{APFS_XATTR_NAME_RSRC_FORK, APFS_INODE_HAS_RSRC_FORK,
		 APFS_INODE_NO_RSRC_FORK},
		{APFS_XATTR_NAME_FINDER_INFO, APFS_INODE_HAS_FINDER_INFO, 0},
		{APFS_XATTR_NAME_SECURITY, APFS_INODE_HAS_SECURITY_EA, 0},
	};
	uint64_t flags = APFS_INODE_NO_RSRC_FORK;

	for (const struct fs_xattr *x = n->xattrs; x; x = x->next)
		for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
			if (strcmp(x->name, rules[i].xattr) == 0)
				flags = (flags & ~rules[i].clear) | rules[i].set;
	return flags;
}

/* Children of a folder, names of a file. */
static uint32_t count_of(const struct apfs_fs_walk *w, const struct fs_node *n)
{
	size_t count = 0;

	if (S_ISDIR(n->mode))
		for (const struct fs_node *c = n->children; c; c = c->next)
			count++;
	else if (!apfs_fs_names_of(w, n->tag, &count))
		count = 1;
	return (uint32_t)count;
}

/* Times that the tree does not give are those of the last change. */
static le64 time_of(int64_t own, const struct fs_node *n)
{
	return to_le64((uint64_t)(own != 0 ? own : n->mtime_ns));
}

static void fill_inode(struct apfs_j_inode_val *v, const struct fs_node *n,
		       uint64_t parent, uint32_t count)
{
	v->parent_id = to_le64(parent);
	v->private_id = to_le64(n->tag);
	v->create_time = time_of(n->create_ns, n);
	v->mod_time = time_of(0, n);
	v->change_time = time_of(n->change_ns, n);
	v->access_time = time_of(n->access_ns, n);
	v->internal_flags = to_le64(internal_flags(n));
	v->nchildren_or_nlink = to_le32(count);
	v->write_generation_counter = to_le32(1);
	v->bsd_flags = to_le32(n->bsd_flags);
	v->owner = to_le32(n->uid);
	v->group = to_le32(n->gid);
	v->mode = to_le16((uint16_t)n->mode);
}

static int add_inode(struct apfs_fs_walk *w, const struct fs_node *n, const char *name,
		     uint64_t parent, struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_inode_val) + XFIELDS_MAX] = {0};
	struct apfs_j_inode_val *v = (struct apfs_j_inode_val *)raw;
	const struct apfs_j_dstream stream = apfs_fs_dstream(n->size);
	const struct xfield fields[] = {
		{APFS_INO_XF_NAME, APFS_XF_DO_NOT_COPY, (uint16_t)(strlen(name) + 1),
		 name},
		{APFS_INO_XF_DSTREAM, APFS_XF_SYSTEM_FIELD, sizeof(stream), &stream},
	};
	size_t len = sizeof(*v);

	fill_inode(v, n, parent, count_of(w, n));
	len += put_xfields(v->xfields, fields, S_ISREG(n->mode) ? 2 : 1);
	return apfs_fs_add(w, n->tag, APFS_REC_INODE, raw, len, e);
}

static int add_drec(struct apfs_fs_walk *w, uint64_t dir, const char *name,
		    uint64_t sibling, const struct fs_node *n, struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_drec_val) + XFIELDS_MAX] = {0};
	struct apfs_j_drec_val *v = (struct apfs_j_drec_val *)raw;
	uint8_t tail[sizeof(le32) + APFS_NAME_MAX + 1];
	const le64 id = to_le64(sibling);
	const struct xfield field = {APFS_DREC_XF_SIBLING_ID, APFS_XF_SYSTEM_FIELD,
				     sizeof(id), &id};
	size_t name_len = strlen(name) + 1;
	uint32_t hash;
	int rc = apfs_name_hash(name, !w->spec->case_sensitive, &hash, e);

	if (rc != 0)
		return rc;
	const struct apfs_record r = {
		.id = dir,
		.type = APFS_REC_DIR_REC,
		.num = hash,
		.name_at = offsetof(struct apfs_j_drec_hashed_key, name),
	};

	put_le32(tail, hash << APFS_DREC_HASH_SHIFT | (uint32_t)name_len);
	memcpy(tail + sizeof(le32), name, name_len);
	v->file_id = to_le64(n->tag);
	v->date_added = to_le64((uint64_t)n->mtime_ns);
	v->flags = to_le16((uint16_t)((n->mode & S_IFMT) >> 12)); /* DT_* */
	return apfs_records_add(
		&w->fs->recs, &r, tail, sizeof(le32) + name_len, raw,
		sizeof(*v) + put_xfields(v->xfields, &field, sibling != 0), e);
}

static int add_children(struct apfs_fs_walk *w, const struct fs_node *dir, struct err *e)
{
	int rc = 0;

	for (struct fs_node *c = dir->children; c && rc == 0; c = c->next) {
		uint64_t sibling = 0;
		size_t n;

		if (c->link)
			sibling = c->tag;
		else if (c->n_links > 0)
			sibling = apfs_fs_names_of(w, c->tag, &n)->sibling;
		rc = add_drec(w, dir->tag, c->name, sibling, apfs_fs_inode_of(c), e);
	}
	return rc;
}

static int add_siblings(struct apfs_fs_walk *w, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < w->n_names && rc == 0; i++) {
		const struct apfs_fs_name *n = &w->names[i];
		uint8_t raw[sizeof(struct apfs_j_sibling_val) + APFS_NAME_MAX + 1];
		struct apfs_j_sibling_val *v = (struct apfs_j_sibling_val *)raw;
		const struct apfs_j_sibling_map_val map = {to_le64(n->ino)};
		size_t len = strlen(n->node->name) + 1;

		v->parent_id = to_le64(n->node->parent->tag);
		v->name_len = to_le16((uint16_t)len);
		memcpy(v->name, n->node->name, len);
		rc = apfs_fs_add_numbered(w, n->ino, APFS_REC_SIBLING_LINK, n->sibling,
					  raw, sizeof(*v) + len, e);
		if (rc == 0)
			rc = apfs_fs_add(w, n->sibling, APFS_REC_SIBLING_MAP, &map,
					 sizeof(map), e);
	}
	return rc;
}

/* ---- The whole ---- */

static int add_file(struct apfs_fs_walk *w, const struct fs_node *n, struct err *e)
{
	int rc = add_inode(w, n, n->name, n->parent->tag, e);

	if (rc == 0)
		rc = apfs_fs_add_xattrs(w, n, e);
	if (rc == 0 && S_ISDIR(n->mode)) {
		w->fs->n_dirs++;
		rc = add_children(w, n, e);
	} else if (rc == 0 && S_ISREG(n->mode)) {
		w->fs->n_files++;
		rc = apfs_fs_add_content(w, n, e);
	} else {
		w->fs->n_symlinks++;
	}
	return rc;
}

/* The two folders that every volume has; their parent is no inode. */
static int add_specials(struct apfs_fs_walk *w, struct err *e)
{
	const struct fs_node *root = w->spec->tree->root;
	const struct fs_node private = {.mode = S_IFDIR | 0755,
					.mtime_ns = root->mtime_ns,
					.tag = APFS_INO_PRIVATE};
	int rc = add_inode(w, root, "root", APFS_INO_ROOT_PARENT, e);

	if (rc == 0)
		rc = add_drec(w, APFS_INO_ROOT_PARENT, "root", 0, root, e);
	if (rc == 0)
		rc = apfs_fs_add_xattrs(w, root, e);
	if (rc == 0)
		rc = add_children(w, root, e);
	if (rc == 0)
		rc = add_inode(w, &private, "private-dir", APFS_INO_ROOT_PARENT, e);
	if (rc == 0)
		rc = add_drec(w, APFS_INO_ROOT_PARENT, "private-dir", 0, &private, e);
	return rc;
}

static int add_tree(struct apfs_fs_walk *w, struct err *e)
{
	const struct fs_tree *t = w->spec->tree;
	char path[256];
	int rc = add_specials(w, e);

	for (struct fs_node *n = fs_tree_next(t, t->root); n && rc == 0;
	     n = fs_tree_next(t, n)) {
		if (!n->link)
			rc = add_file(w, n, e);
		if (rc != 0)
			err_ctx(e, "%s", fs_node_path(n, path, sizeof(path)));
	}
	return rc != 0 ? rc : add_siblings(w, e);
}

/*
 * Refuse two names of a folder that mean the same. Only names with one hash can.
 * Different names with one hash (some in every folder of many thousands) are sorted by
 * their bytes, as the Linux driver and apfsck do it.
 */
static int check_duplicates(const struct apfs_fs_walk *w, struct err *e)
{
	const struct apfs_records *rs = &w->fs->recs;
	const bool fold = !w->spec->case_sensitive;

	for (size_t i = 0; i < rs->n; i++) {
		const struct apfs_record *a = &rs->v[i], *b = a + 1;

		for (; b < rs->v + rs->n && a->type == APFS_REC_DIR_REC; b++) {
			const char *na = apfs_record_name(rs, a),
				   *nb = apfs_record_name(rs, b);

			if (b->id != a->id || b->type != a->type || b->num != a->num)
				break;
			if (apfs_name_same(na, nb, fold))
				return err_set(
					e, E_EXISTS,
					"'%s' and '%s' are one name on this volume", na,
					nb);
		}
	}
	return 0;
}

uint64_t apfs_fs_first_id(const struct apfs_volume_spec *spec)
{
	const bool shifted = spec->in_group && spec->role == APFS_ROLE_SYSTEM;

	return APFS_INO_FIRST_USER | (shifted ? APFS_INO_SYSTEM_MARK : 0);
}

int apfs_fs_collect(struct apfs_fs *fs, const struct apfs_volume_spec *spec,
		    uint64_t first_id, struct apfs_out *out, struct err *e)
{
	struct apfs_fs_walk w = {.fs = fs, .out = out, .spec = spec};
	int rc;

	*fs = (struct apfs_fs){
		.next_id = first_id ? first_id : apfs_fs_first_id(spec),
		.streams = {.hashed = spec->sealed},
	};
	rc = apfs_fs_number(&w, e);
	if (rc == 0)
		rc = add_tree(&w, e);
	if (rc == 0) {
		apfs_records_sort(&fs->recs);
		apfs_streams_sort_by_owner(&fs->streams);
		rc = check_duplicates(&w, e);
	}
	free(w.names);
	return rc;
}
