/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/fsrecords.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/formats/apfs/btree_build.h"
#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/content.h"

#define XATTR_NAME_MAX     127 /* bytes: XATTR_MAXNAMELEN of a Mac */
#define SYMLINK_TARGET_MAX 1023
#define FS_OWNED_PREFIX    "com.apple.fs."

/* One name of a file with hard links. The first of a file has the lowest sibling id. */
struct name {
	struct fs_node *node;
	uint64_t ino, sibling;
	size_t order;
};

/* What is needed while a tree is walked. */
struct walk {
	struct apfs_fs *fs;
	struct apfs_out *out;
	const struct apfs_volume_spec *spec;
	struct name *names; /* owned; sorted by file, then order */
	size_t n_names;
};

void apfs_fs_release(struct apfs_fs *fs)
{
	apfs_records_release(&fs->recs);
	free(fs->runs);
	fs->runs = NULL;
}

static struct fs_node *content_node(struct fs_node *n)
{
	return n->link ? n->link : n;
}

/* ---- Numbers: every file and every name of a hard link gets its id first ---- */

static int check_node(const struct fs_node *n, struct err *e)
{
	int rc = n->parent ? apfs_name_check(n->name, e) : 0;

	if (rc != 0)
		return rc;
	if (!S_ISDIR(n->mode) && !S_ISREG(n->mode) && !S_ISLNK(n->mode))
		return err_set(e, E_INVAL, "file type %o", n->mode & S_IFMT);
	if (S_ISLNK(n->mode) && (n->size == 0 || n->size > SYMLINK_TARGET_MAX))
		return err_set(e, E_INVAL, "target of a link must have 1..%d bytes",
			       SYMLINK_TARGET_MAX);
	return 0;
}

static int number_inodes(struct walk *w, struct err *e)
{
	const struct fs_tree *t = w->spec->tree;
	char path[256];

	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		int rc = check_node(n, e);

		if (rc != 0) {
			err_ctx(e, "%s", fs_node_path(n, path, sizeof(path)));
			return rc;
		}
		w->n_names += n->link || n->n_links > 0;
		if (!n->link)
			n->tag = n == t->root ? APFS_INO_ROOT : w->fs->next_id++;
	}
	return 0;
}

static int name_order(const void *pa, const void *pb)
{
	const struct name *a = pa, *b = pb;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	/* The name that the inode itself carries must have the lowest sibling id. */
	if (!a->node->link != !b->node->link)
		return a->node->link ? 1 : -1;
	return a->order < b->order ? -1 : 1;
}

static int number_names(struct walk *w, struct err *e)
{
	const struct fs_tree *t = w->spec->tree;
	size_t at = 0;

	if (w->n_names == 0)
		return 0;
	w->names = calloc(w->n_names, sizeof(*w->names));
	if (!w->names)
		return err_set(e, E_NOMEM, "out of memory for hard links");
	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		if (n->link || n->n_links > 0) {
			w->names[at] = (struct name){
				.node = n, .ino = content_node(n)->tag, .order = at};
			at++;
		}
	}
	qsort(w->names, w->n_names, sizeof(*w->names), name_order);
	for (size_t i = 0; i < w->n_names; i++) {
		w->names[i].sibling = w->fs->next_id++;
		if (w->names[i].node->link)
			w->names[i].node->tag = w->names[i].sibling;
	}
	return 0;
}

/* The first name of file @ino, *@ret_n: how many there are; NULL for a file with one. */
static const struct name *names_of(const struct walk *w, uint64_t ino, size_t *ret_n)
{
	size_t lo = 0, hi = w->n_names;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (w->names[mid].ino < ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (hi = lo; hi < w->n_names && w->names[hi].ino == ino; hi++)
		;
	*ret_n = hi - lo;
	return hi > lo ? &w->names[lo] : NULL;
}

/* ---- Records ---- */

static int add(struct walk *w, uint64_t id, enum apfs_rec_type type, const void *val,
	       size_t val_len, struct err *e)
{
	const struct apfs_record r = {.id = id, .type = (uint8_t)type};

	return apfs_records_add(&w->fs->recs, &r, NULL, 0, val, val_len, e);
}

static int add_numbered(struct walk *w, uint64_t id, enum apfs_rec_type type, uint64_t num,
			const void *val, size_t val_len, struct err *e)
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

#define XFIELDS_MAX (sizeof(struct apfs_xf_blob) + 2 * sizeof(struct apfs_x_field) + 256 + 40)

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

/* ---- Data streams ---- */

static struct apfs_j_dstream dstream_of(uint64_t size)
{
	return (struct apfs_j_dstream){
		.size = to_le64(size),
		.alloced_size = to_le64(apfs_blocks_of(size) * APFS_BLOCK_SIZE),
		.total_bytes_written = to_le64(size),
	};
}

/* Note that stream @id has @size bytes from @block on. */
static int add_extent(struct walk *w, uint64_t id, uint64_t block, uint64_t size,
		      struct err *e)
{
	struct apfs_fs *fs = w->fs;
	const uint64_t count = apfs_blocks_of(size);
	const struct apfs_j_file_extent_val val = {
		.len_and_flags = to_le64(count * APFS_BLOCK_SIZE),
		.phys_block_num = to_le64(block),
	};

	if (count == 0)
		return 0;
	if (fs->n_runs == fs->cap_runs) {
		size_t cap = fs->cap_runs ? fs->cap_runs * 2 : 256;
		struct apfs_run *v = reallocarray(fs->runs, cap, sizeof(*v));

		if (!v)
			return err_set(e, E_NOMEM, "out of memory for extents");
		fs->runs = v;
		fs->cap_runs = cap;
	}
	fs->runs[fs->n_runs++] =
		(struct apfs_run){.block = block, .count = count, .owner = id};
	fs->n_data_blocks += count;
	return add_numbered(w, id, APFS_REC_FILE_EXTENT, 0, &val, sizeof(val), e);
}

static int add_content(struct walk *w, const struct fs_node *n, struct err *e)
{
	const struct apfs_j_dstream_id_val refs = {to_le32(1)};
	uint64_t block;
	int rc = apfs_content_file(w->out, n, &block, e);

	if (rc == 0)
		rc = add(w, n->tag, APFS_REC_DSTREAM_ID, &refs, sizeof(refs), e);
	if (rc == 0)
		rc = add_extent(w, n->tag, block, n->size, e);
	return rc;
}

/* ---- Extended attributes ---- */

static int add_xattr_record(struct walk *w, uint64_t ino, const char *name, const void *val,
			    size_t val_len, struct err *e)
{
	const struct apfs_record r = {
		.id = ino,
		.type = APFS_REC_XATTR,
		.name_at = offsetof(struct apfs_j_xattr_key, name),
	};
	uint8_t tail[sizeof(le16) + XATTR_NAME_MAX + 1];
	size_t len = strlen(name) + 1;

	put_le16(tail, (uint16_t)len);
	memcpy(tail + sizeof(le16), name, len);
	return apfs_records_add(&w->fs->recs, &r, tail, sizeof(le16) + len, val, val_len, e);
}

static int add_xattr_embedded(struct walk *w, uint64_t ino, const char *name,
			      const void *value, size_t len, struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_xattr_val) + APFS_XATTR_MAX_EMBEDDED];
	struct apfs_j_xattr_val *val = (struct apfs_j_xattr_val *)raw;
	const bool owned = strncmp(name, FS_OWNED_PREFIX, strlen(FS_OWNED_PREFIX)) == 0;

	val->flags = to_le16(APFS_XATTR_DATA_EMBEDDED |
			     (owned ? APFS_XATTR_FILE_SYSTEM_OWNED : 0));
	val->xdata_len = to_le16((uint16_t)len);
	if (len > 0)
		memcpy(val->xdata, value, len);
	return add_xattr_record(w, ino, name, raw, sizeof(*val) + len, e);
}

static int add_xattr_stream(struct walk *w, uint64_t ino, const struct fs_xattr *x,
			    struct err *e)
{
	struct {
		struct apfs_j_xattr_val val;
		struct apfs_j_xattr_dstream stream;
	} raw = {
		.val.flags = to_le16(APFS_XATTR_DATA_STREAM),
		.val.xdata_len = to_le16(sizeof(raw.stream)),
		.stream.xattr_obj_id = to_le64(w->fs->next_id),
		.stream.dstream = dstream_of(x->len),
	};
	uint64_t id = w->fs->next_id++, block;
	int rc = apfs_content_bytes(w->out, x->value, x->len, &block, e);

	if (rc == 0)
		rc = add_extent(w, id, block, x->len, e);
	if (rc == 0)
		rc = add_xattr_record(w, ino, x->name, &raw, sizeof(raw), e);
	return rc;
}

static bool xattr_fits(const struct fs_xattr *x)
{
	return x->len <= APFS_XATTR_MAX_EMBEDDED &&
	       sizeof(struct apfs_j_xattr_key) + strlen(x->name) + 1 +
			       sizeof(struct apfs_j_xattr_val) + x->len <=
		       APFS_BTREE_ENTRY_MAX;
}

static int add_xattrs(struct walk *w, const struct fs_node *n, struct err *e)
{
	int rc = 0;

	if (S_ISLNK(n->mode)) /* the target with its NUL */
		rc = add_xattr_embedded(w, n->tag, APFS_XATTR_NAME_SYMLINK, n->data,
					(size_t)n->size + 1, e);
	for (const struct fs_xattr *x = n->xattrs; x && rc == 0; x = x->next) {
		size_t len = strlen(x->name);

		if (len == 0 || len > XATTR_NAME_MAX ||
		    strcmp(x->name, APFS_XATTR_NAME_SYMLINK) == 0)
			rc = err_set(e, E_INVAL, "xattr name '%.140s'", x->name);
		else if (xattr_fits(x))
			rc = add_xattr_embedded(w, n->tag, x->name, x->value, x->len, e);
		else
			rc = add_xattr_stream(w, n->tag, x, e);
	}
	return rc;
}

/* ---- Inodes and names ---- */

static uint64_t internal_flags(const struct fs_node *n)
{
	static const struct {
		const char *xattr;
		uint64_t set, clear;
	} rules[] = {
		{APFS_XATTR_NAME_RSRC_FORK, APFS_INODE_HAS_RSRC_FORK, APFS_INODE_NO_RSRC_FORK},
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
static uint32_t count_of(const struct walk *w, const struct fs_node *n)
{
	size_t count = 0;

	if (S_ISDIR(n->mode))
		for (const struct fs_node *c = n->children; c; c = c->next)
			count++;
	else if (!names_of(w, n->tag, &count))
		count = 1;
	return (uint32_t)count;
}

static void fill_inode(struct apfs_j_inode_val *v, const struct fs_node *n, uint64_t parent,
		       uint32_t count)
{
	const le64 time = to_le64((uint64_t)n->mtime_ns);

	v->parent_id = to_le64(parent);
	v->private_id = to_le64(n->tag);
	v->create_time = v->mod_time = v->change_time = v->access_time = time;
	v->internal_flags = to_le64(internal_flags(n));
	v->nchildren_or_nlink = to_le32(count);
	v->write_generation_counter = to_le32(1);
	v->bsd_flags = to_le32(n->bsd_flags);
	v->owner = to_le32(n->uid);
	v->group = to_le32(n->gid);
	v->mode = to_le16((uint16_t)n->mode);
}

static int add_inode(struct walk *w, const struct fs_node *n, const char *name,
		     uint64_t parent, struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_inode_val) + XFIELDS_MAX] = {0};
	struct apfs_j_inode_val *v = (struct apfs_j_inode_val *)raw;
	const struct apfs_j_dstream stream = dstream_of(n->size);
	const struct xfield fields[] = {
		{APFS_INO_XF_NAME, APFS_XF_DO_NOT_COPY, (uint16_t)(strlen(name) + 1), name},
		{APFS_INO_XF_DSTREAM, APFS_XF_SYSTEM_FIELD, sizeof(stream), &stream},
	};
	size_t len = sizeof(*v);

	fill_inode(v, n, parent, count_of(w, n));
	len += put_xfields(v->xfields, fields, S_ISREG(n->mode) ? 2 : 1);
	return add(w, n->tag, APFS_REC_INODE, raw, len, e);
}

static int add_drec(struct walk *w, uint64_t dir, const char *name, uint64_t sibling,
		    const struct fs_node *n, struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_drec_val) + XFIELDS_MAX] = {0};
	struct apfs_j_drec_val *v = (struct apfs_j_drec_val *)raw;
	uint8_t tail[sizeof(le32) + APFS_NAME_MAX + 1];
	const le64 id = to_le64(sibling);
	const struct xfield field = {APFS_DREC_XF_SIBLING_ID, APFS_XF_SYSTEM_FIELD, sizeof(id),
				     &id};
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
	return apfs_records_add(&w->fs->recs, &r, tail, sizeof(le32) + name_len, raw,
				sizeof(*v) + put_xfields(v->xfields, &field, sibling != 0), e);
}

static int add_children(struct walk *w, const struct fs_node *dir, struct err *e)
{
	int rc = 0;

	for (struct fs_node *c = dir->children; c && rc == 0; c = c->next) {
		uint64_t sibling = 0;
		size_t n;

		if (c->link)
			sibling = c->tag;
		else if (c->n_links > 0)
			sibling = names_of(w, c->tag, &n)->sibling;
		rc = add_drec(w, dir->tag, c->name, sibling, content_node(c), e);
	}
	return rc;
}

static int add_siblings(struct walk *w, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < w->n_names && rc == 0; i++) {
		const struct name *n = &w->names[i];
		uint8_t raw[sizeof(struct apfs_j_sibling_val) + APFS_NAME_MAX + 1];
		struct apfs_j_sibling_val *v = (struct apfs_j_sibling_val *)raw;
		const struct apfs_j_sibling_map_val map = {to_le64(n->ino)};
		size_t len = strlen(n->node->name) + 1;

		v->parent_id = to_le64(n->node->parent->tag);
		v->name_len = to_le16((uint16_t)len);
		memcpy(v->name, n->node->name, len);
		rc = add_numbered(w, n->ino, APFS_REC_SIBLING_LINK, n->sibling, raw,
				  sizeof(*v) + len, e);
		if (rc == 0)
			rc = add(w, n->sibling, APFS_REC_SIBLING_MAP, &map, sizeof(map), e);
	}
	return rc;
}

/* ---- The whole ---- */

static int add_file(struct walk *w, const struct fs_node *n, struct err *e)
{
	int rc = add_inode(w, n, n->name, n->parent->tag, e);

	if (rc == 0)
		rc = add_xattrs(w, n, e);
	if (rc == 0 && S_ISDIR(n->mode)) {
		w->fs->n_dirs++;
		rc = add_children(w, n, e);
	} else if (rc == 0 && S_ISREG(n->mode)) {
		w->fs->n_files++;
		rc = add_content(w, n, e);
	} else {
		w->fs->n_symlinks++;
	}
	return rc;
}

/* The two folders that every volume has; their parent is no inode. */
static int add_specials(struct walk *w, struct err *e)
{
	const struct fs_node *root = w->spec->tree->root;
	const struct fs_node private = {
		.mode = S_IFDIR | 0755, .mtime_ns = root->mtime_ns, .tag = APFS_INO_PRIVATE};
	int rc = add_inode(w, root, "root", APFS_INO_ROOT_PARENT, e);

	if (rc == 0)
		rc = add_drec(w, APFS_INO_ROOT_PARENT, "root", 0, root, e);
	if (rc == 0)
		rc = add_xattrs(w, root, e);
	if (rc == 0)
		rc = add_children(w, root, e);
	if (rc == 0)
		rc = add_inode(w, &private, "private-dir", APFS_INO_ROOT_PARENT, e);
	if (rc == 0)
		rc = add_drec(w, APFS_INO_ROOT_PARENT, "private-dir", 0, &private, e);
	return rc;
}

static int add_tree(struct walk *w, struct err *e)
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
 * Two names of a folder with one hash. Equal ones are an error. Others are sorted by
 * their bytes by some implementations and first by length by others; where the two
 * differ, no order is right for all readers.
 */
static int check_pair(const struct walk *w, const struct apfs_record *a,
		      const struct apfs_record *b, struct err *e)
{
	const char *na = apfs_record_name(&w->fs->recs, a);
	const char *nb = apfs_record_name(&w->fs->recs, b);

	if (apfs_name_same(na, nb, !w->spec->case_sensitive))
		return err_set(e, E_EXISTS, "'%s' and '%s' are one name on this volume", na, nb);
	if (a->key_len > b->key_len)
		return err_set(e, E_UNSUPPORTED,
			       "names '%s' and '%s' of one folder have the same hash, and "
			       "APFS implementations disagree on their order",
			       na, nb);
	return 0;
}

static int check_collisions(const struct walk *w, struct err *e)
{
	const struct apfs_records *rs = &w->fs->recs;
	int rc = 0;

	for (size_t i = 0; i < rs->n && rc == 0; i++) {
		const struct apfs_record *a = &rs->v[i];

		if (a->type != APFS_REC_DIR_REC)
			continue;
		for (size_t j = i + 1; j < rs->n && rc == 0; j++) {
			const struct apfs_record *b = &rs->v[j];

			if (b->id != a->id || b->type != a->type || b->num != a->num)
				break;
			rc = check_pair(w, a, b, e);
		}
	}
	return rc;
}

int apfs_fs_collect(struct apfs_fs *fs, const struct apfs_volume_spec *spec,
		    struct apfs_out *out, struct err *e)
{
	struct walk w = {.fs = fs, .out = out, .spec = spec};
	const bool shifted = spec->in_group && spec->role == APFS_ROLE_SYSTEM;
	int rc;

	*fs = (struct apfs_fs){
		.next_id = APFS_INO_FIRST_USER | (shifted ? APFS_INO_SYSTEM_MARK : 0)};
	rc = number_inodes(&w, e);
	if (rc == 0)
		rc = number_names(&w, e);
	if (rc == 0)
		rc = add_tree(&w, e);
	if (rc == 0) {
		apfs_records_sort(&fs->recs);
		rc = check_collisions(&w, e);
	}
	free(w.names);
	return rc;
}
