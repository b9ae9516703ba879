/* SPDX-License-Identifier: MIT */
/* Folders: one name, or all of them (APFS Reference p. 78). */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct apfs_dir {
	uint64_t ino;
	bool started;
	struct apfs_cursor cur;
	struct apfs_dirent ent;
};

static int parse_dirent(const struct apfs_cursor *cur, struct apfs_dirent *ret,
			struct err *e)
{
	const struct apfs_j_drec_val *val = (const void *)cur->val;
	const uint8_t *sibling;
	size_t n;

	if (cur->val_len < sizeof(*val))
		return err_set(e, E_CORRUPT, "folder %#" PRIx64 ": bad entry '%s'",
			       cur->key.id, cur->key.name);
	ret->ino = le64_get(val->file_id);
	ret->type = le16_get(val->flags) & APFS_DREC_TYPE_MASK;
	ret->added_ns = (int64_t)le64_get(val->date_added);
	ret->sibling = 0;
	if (apfs_xfield_find(val->xfields, cur->val_len - sizeof(*val),
			     APFS_DREC_XF_SIBLING_ID, &sibling, &n) &&
	    n >= sizeof(le64))
		ret->sibling = get_le64(sibling);
	memcpy(ret->name, cur->key.name, cur->key.name_len + 1);
	return 0;
}

static bool in_folder(const struct apfs_cursor *cur, uint64_t dir)
{
	return !cur->end && cur->key.id == dir && cur->key.type == APFS_REC_DIR_REC;
}

/* Names of one hash are neighbours, in an order that implementations disagree on. */
static int find_hashed(struct apfs_volume *v, struct apfs_cursor *cur, uint64_t dir,
		       const char *name, bool *found, struct err *e)
{
	struct apfs_key want = {.id = dir, .type = APFS_REC_DIR_REC, .name = ""};
	uint32_t hash, other;
	int r = apfs_name_hash(name, v->fold, &hash, e);

	*found = false;
	if (r)
		return r;
	want.num = hash;
	r = apfs_cursor_seek(cur, &want, e);
	while (!r && in_folder(cur, dir) && cur->key.num == hash) {
		const char *there = cur->key.name;
		struct err not_utf8;

		*found = !strcmp(there, name) ||
			 (!apfs_name_hash(there, v->fold, &other, &not_utf8) &&
			  apfs_name_same(there, name, v->fold));
		if (*found)
			break;
		r = apfs_cursor_next(cur, e);
	}
	return r;
}

static int find_plain(struct apfs_cursor *cur, uint64_t dir, const char *name, bool *found,
		      struct err *e)
{
	struct apfs_key want = {.id = dir, .type = APFS_REC_DIR_REC, .name = name};
	int r = apfs_cursor_seek(cur, &want, e);

	*found = !r && in_folder(cur, dir) && !strcmp(cur->key.name, name);
	return r;
}

int apfs_dir_find(struct apfs_volume *v, uint64_t dir, const char *name,
		  struct apfs_dirent *ret, struct err *e)
{
	struct apfs_cursor cur;
	bool found;
	int r;

	apfs_cursor_init(&cur, &v->fs);
	if (v->fs.hashed_names)
		r = find_hashed(v, &cur, dir, name, &found, e);
	else
		r = find_plain(&cur, dir, name, &found, e);
	if (!r && !found)
		r = err_set(e, E_NOTFOUND, "no '%s'", name);
	if (!r)
		r = parse_dirent(&cur, ret, e);
	apfs_cursor_release(&cur);
	return r;
}

int apfs_dir_open(struct apfs_volume *v, uint64_t dir, struct apfs_dir **ret,
		  struct err *e)
{
	struct apfs_dir *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(e, E_NOMEM, "folder: out of memory");
	d->ino = dir;
	apfs_cursor_init(&d->cur, &v->fs);
	*ret = d;
	return 0;
}

int apfs_dir_next(struct apfs_dir *d, const struct apfs_dirent **ret, struct err *e)
{
	struct apfs_key first = {.id = d->ino, .type = APFS_REC_DIR_REC, .name = ""};
	int r = 0;

	*ret = NULL;
	if (!d->started)
		r = apfs_cursor_seek(&d->cur, &first, e);
	else if (!d->cur.end)
		r = apfs_cursor_next(&d->cur, e);
	d->started = true;
	if (r || !in_folder(&d->cur, d->ino)) {
		apfs_cursor_release(&d->cur);
		return r;
	}
	r = parse_dirent(&d->cur, &d->ent, e);
	if (!r)
		*ret = &d->ent;
	return r;
}

void apfs_dir_close(struct apfs_dir *d)
{
	if (!d)
		return;
	apfs_cursor_release(&d->cur);
	free(d);
}
