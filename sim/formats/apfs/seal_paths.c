/* SPDX-License-Identifier: MIT */
/*
 * Which files a finding is about. Names are read without checking, from nodes that may be
 * damaged: they are for people, and what cannot be read is left out.
 */
#define _GNU_SOURCE /* asprintf */
#include "sim/formats/apfs/seal_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  512
#define INODES_MAX 100000 /* so many are counted for one finding */

struct names {
	struct apfs_volume *v;
	struct apfs_seal_finding *f;
};

/* ---- paths ---- */

/* The name in an inode record, "" when it has none. Borrowed from @cur. */
static const char *name_of(const struct apfs_cursor *cur)
{
	size_t head = sizeof(struct apfs_j_inode_val), n;
	const uint8_t *name;

	if (cur->val_len < head ||
	    !apfs_xfield_find(cur->val + head, cur->val_len - head, APFS_INO_XF_NAME,
			      &name, &n) ||
	    !n || memchr(name, 0, n) != name + n - 1)
		return "";
	return (const char *)name;
}

/* Put "/name" in front of the path in @b. */
static int prepend(struct buf *b, const char *name, struct err *e)
{
	size_t n = strlen(name) + 1, old = b->len;
	int r = buf_append_zeros(b, n, e);

	if (r)
		return r;
	memmove(b->data + n, b->data, old);
	b->data[0] = '/';
	memcpy(b->data + 1, name, n - 1);
	return 0;
}

/* Put the path of folder @ino in front of what is in @b. */
static int prepend_folder(struct apfs_volume *v, uint64_t ino, struct buf *b,
			  struct err *e)
{
	int r = 0;

	for (unsigned depth = 0; !r && ino != APFS_INO_ROOT; depth++) {
		struct apfs_key key = {.id = ino, .type = APFS_REC_INODE, .name = ""};
		struct apfs_inode inode;
		struct apfs_cursor cur;

		if (depth == DEPTH_MAX)
			return err_set(e, E_CORRUPT, "folders in a circle");
		r = apfs_record_find(v, &cur, &key, e);
		if (r)
			return r;
		r = apfs_inode_parse(ino, cur.val, cur.val_len, &inode, e);
		if (!r)
			r = prepend(b, name_of(&cur), e);
		apfs_cursor_release(&cur);
		ino = inode.parent;
	}
	return r;
}

static int add_path(struct apfs_seal_finding *f, const char *path, struct err *e)
{
	for (size_t i = 0; i < f->n_paths; i++)
		if (!strcmp(f->paths[i], path))
			return 0;
	if (f->n_paths == APFS_SEAL_PATHS_MAX) {
		f->more_paths++;
		return 0;
	}
	f->paths[f->n_paths] = strdup(path);
	if (!f->paths[f->n_paths])
		return err_set(e, E_NOMEM, "paths: out of memory");
	f->n_paths++;
	return 0;
}

/* One name of a file, with what is behind it: an attribute. */
static int add_name(struct names *t, uint64_t parent, const char *name,
		    const char *behind, struct err *e)
{
	struct buf b = BUF_INIT;
	int r;

	if (t->f->n_paths == APFS_SEAL_PATHS_MAX) {
		t->f->more_paths++;
		return 0;
	}
	r = buf_printf(&b, e, "/%s%s", name, behind);
	if (!r)
		r = prepend_folder(t->v, parent, &b, e);
	if (!r)
		r = add_path(t->f, buf_str(&b), e);
	buf_release(&b);
	if (!r || e->code == E_NOMEM)
		return r;
	/* A damaged folder above. */
	err_clear(e);
	return 0;
}

/* The names that hard links give, from the record that @cur is at on. */
static int add_links(struct names *t, struct apfs_cursor *cur, uint64_t ino,
		     const char *behind, bool *any, struct err *e)
{
	int r = 0;

	while (!r && !cur->end && cur->key.id == ino &&
	       cur->key.type <= APFS_REC_SIBLING_LINK) {
		const struct apfs_j_sibling_val *val = (const void *)cur->val;
		size_t n = cur->val_len >= sizeof(*val) ? le16_get(val->name_len) : 0;

		if (cur->key.type == APFS_REC_SIBLING_LINK && n &&
		    n <= cur->val_len - sizeof(*val) && !val->name[n - 1]) {
			*any = true;
			r = add_name(t, le64_get(val->parent_id), (const char *)val->name,
				     behind, e);
		}
		if (!r)
			r = apfs_cursor_next(cur, e);
	}
	return r;
}

/* All paths of @ino. E_NOTFOUND when there is no such inode. */
static int add_inode(struct names *t, uint64_t ino, const char *behind, struct err *e)
{
	struct apfs_key key = {.id = ino, .type = APFS_REC_INODE, .name = ""};
	struct apfs_inode inode;
	struct apfs_cursor cur;
	char name[APFS_NAME_BUF];
	bool any = false;
	int r = apfs_record_find(t->v, &cur, &key, e);

	if (r)
		return r;
	r = apfs_inode_parse(ino, cur.val, cur.val_len, &inode, e);
	snprintf(name, sizeof(name), "%s", name_of(&cur));
	if (!r && ino == APFS_INO_ROOT)
		r = add_path(t->f, "/", e);
	else if (!r)
		r = add_links(t, &cur, ino, behind, &any, e);
	apfs_cursor_release(&cur);
	if (r || any || ino == APFS_INO_ROOT)
		return r;
	return add_name(t, inode.parent, name, behind, e);
}

/* ---- findings ---- */

static bool damaged(int r, struct err *e)
{
	if (!r || e->code == E_NOMEM)
		return false;
	err_clear(e);
	return true;
}

/* All inodes of the ids that a node is about. */
static int add_span(struct names *t, struct err *e)
{
	struct apfs_key at = {.id = t->f->first_id, .type = APFS_REC_INODE, .name = ""};
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, &t->v->fs);
	r = apfs_cursor_seek(&cur, &at, e);
	for (unsigned n = 0; !r && !cur.end && cur.key.id <= t->f->last_id; n++) {
		if (n == INODES_MAX)
			break;
		if (cur.key.type == APFS_REC_INODE) {
			r = add_inode(t, cur.key.id, "", e);
			if (damaged(r, e))
				r = 0;
		}
		if (!r)
			r = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	return damaged(r, e) ? 0 : r;
}

/* ---- streams that are not called as their inode ---- */

struct wanted {
	struct seal_check *s;
	struct seal_ids ids; /* sorted */
};

/* @stream belongs to @ino: its names belong to all findings about it. */
static int found_owner(struct wanted *w, uint64_t stream, uint64_t ino,
		       const char *behind, struct err *e)
{
	struct apfs_seal_report *report = w->s->report;
	int r = 0;

	if (!seal_ids_has(&w->ids, stream))
		return 0;
	for (size_t i = 0; i < report->n_findings && !r; i++) {
		struct names t = {&w->s->plain, &report->findings[i]};

		if (t.f->first_id == stream && t.f->last_id == stream)
			r = add_inode(&t, ino, behind, e);
	}
	return damaged(r, e) ? 0 : r;
}

static int look_for_owner(struct wanted *w, const struct apfs_cursor *cur, struct err *e)
{
	char behind[APFS_NAME_BUF + 16];
	struct apfs_xattr_value x;
	struct apfs_inode inode;

	if (cur->key.type == APFS_REC_INODE &&
	    !apfs_inode_parse(cur->key.id, cur->val, cur->val_len, &inode, e) &&
	    inode.stream != inode.ino)
		return found_owner(w, inode.stream, inode.ino, "", e);
	if (cur->key.type != APFS_REC_XATTR ||
	    apfs_xattr_parse(&cur->key, cur->val, cur->val_len, &x, e) || !x.stream)
		return 0;
	snprintf(behind, sizeof(behind), " (attribute %s)", cur->key.name);
	return found_owner(w, x.stream, cur->key.id, behind, e);
}

/* One walk over all records for all streams that nobody is known to own. */
static int find_owners(struct wanted *w, struct err *e)
{
	struct apfs_key first = {.name = ""};
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, &w->s->plain.fs);
	r = apfs_cursor_seek(&cur, &first, e);
	while (!r && !cur.end) {
		r = look_for_owner(w, &cur, e);
		if (!r)
			r = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	return damaged(r, e) ? 0 : r;
}

int seal_find_paths(struct seal_check *s, struct err *e)
{
	struct wanted w = {.s = s};
	int r = 0;

	for (size_t i = 0; i < s->report->n_findings && !r; i++) {
		struct names t = {&s->plain, &s->report->findings[i]};

		if (t.f->fault == APFS_SEAL_FAULT_FLAG ||
		    t.f->fault == APFS_SEAL_FAULT_ROOT)
			continue;
		if (t.f->first_id != t.f->last_id) {
			r = add_span(&t, e);
			continue;
		}
		r = add_inode(&t, t.f->first_id, "", e);
		if (r == -E_NOTFOUND)
			r = seal_ids_add(&w.ids, t.f->first_id, e);
		else if (damaged(r, e))
			r = 0;
	}
	seal_ids_sort(&w.ids);
	if (!r && w.ids.n)
		r = find_owners(&w, e);
	seal_ids_release(&w.ids);
	return r;
}
