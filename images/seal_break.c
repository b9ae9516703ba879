/* SPDX-License-Identifier: MIT */
#include "images/seal_break.h"

#include <stdio.h>
#include <string.h>

#include "images/seal_edit.h"
#include "images/seal_signature.h"

const struct seal_break_row seal_break_rows[SEAL_BREAK_N] = {
	[SEAL_BREAK_DATA] = {"data", true, true, true, "a bit of the file's content"},
	[SEAL_BREAK_SLACK] = {"slack", true, true, false,
			      "a bit behind the end of the file, in its last block"},
	[SEAL_BREAK_NODE] =
		{"node", false, true, false,
		 "a bit of the leaf with the file's inode; no path: of the root"},
	[SEAL_BREAK_ROOT_HASH] = {"root-hash", false, false, false,
				  "a bit of the stored root hash, with a right checksum"},
	[SEAL_BREAK_FLAG] =
		{"flag", false, false, false,
		 "the live state is marked as broken, as the first write does"},
	[SEAL_BREAK_SIGNATURE] = {"signature", false, false, false,
				  "a bit of the signature of the root hash, on Preboot"},
};

enum seal_break_kind seal_break_by_name(const char *name)
{
	int i = 0;

	while (i < SEAL_BREAK_N && strcmp(seal_break_rows[i].name, name))
		i++;
	return (enum seal_break_kind)i;
}

static const enum apfs_seal_damage damages[SEAL_BREAK_N] = {
	[SEAL_BREAK_DATA] = APFS_SEAL_DAMAGE_DATA,
	[SEAL_BREAK_SLACK] = APFS_SEAL_DAMAGE_SLACK,
	[SEAL_BREAK_NODE] = APFS_SEAL_DAMAGE_NODE,
	[SEAL_BREAK_ROOT_HASH] = APFS_SEAL_DAMAGE_ROOT_HASH,
};

static int check_spec(const struct seal_break_spec *s, struct err *e)
{
	const struct seal_break_row *row;

	if (s->kind >= SEAL_BREAK_N)
		return err_set(e, E_INVAL, "no such kind of damage");
	row = &seal_break_rows[s->kind];
	if (row->needs_path && !s->path)
		return err_set(e, E_INVAL, "%s: which file?", row->name);
	if (!row->takes_path && s->path)
		return err_set(e, E_INVAL, "%s is not about a file", row->name);
	if (!row->takes_offset && s->offset)
		return err_set(e, E_INVAL, "%s is not about a byte", row->name);
	return 0;
}

/* ---- in place ---- */

static int break_volume(struct seal_place *p, const struct seal_break_spec *spec,
			struct seal_break_result *ret, struct err *e)
{
	const struct apfs_seal_break how = {.damage = damages[spec->kind],
					    .path = spec->path,
					    .offset = spec->offset};
	const struct apfs_snapshot *snap;
	struct apfs_volume *v;
	uint64_t xid;
	int r = seal_place_state(p, spec->snapshot, &v, &xid, e);

	if (r)
		return r;
	snap = seal_place_snapshot(p, xid);
	snprintf(ret->state, sizeof(ret->state), "'%s', %s%s", p->volume.name,
		 snap ? "snapshot " : "live state", snap ? snap->name : "");
	r = apfs_seal_break(v, &how, &ret->bit, e);
	apfs_volume_close(v);
	return r;
}

/* Where in the file with the manifest the signature begins. */
static int find_signature(const struct seal_signature *s, size_t *ret, struct err *e)
{
	const struct buf *file = s->manifest_file.len ? &s->manifest_file : &s->file;
	struct img4 img;
	struct im4m m;
	int r;

	if (s->manifest_file.len) {
		r = im4m_parse(file->data, file->len, &m, e);
	} else {
		r = img4_parse(file->data, file->len, &img, e);
		m = img.manifest;
		if (!r && !img.has_manifest)
			r = err_set(e, E_NOTFOUND, "%s has no manifest", s->path);
	}
	if (!r)
		*ret = (size_t)(m.signature.p - file->data);
	return r;
}

static int flip_in_file(struct apfs_volume *v, const char *path, size_t off,
			struct seal_break_result *ret, struct err *e)
{
	struct apfs_inode ino;
	struct apfs_file *f;
	uint64_t at = 0;
	int r = apfs_lookup(v, path, APFS_FOLLOW, &ino, e);

	if (!r)
		r = apfs_file_open(v, &ino, &f, e);
	if (r)
		return r;
	r = apfs_file_locate(f, off, &at, e);
	apfs_file_close(f);
	if (!r && !at)
		r = err_set(e, E_UNSUPPORTED, "%s has a hole at %zu", path, off);
	return r ? r : apfs_seal_flip(v, at, &ret->bit, e);
}

static int break_signature(struct seal_place *p, struct seal_break_result *ret,
			   struct err *e)
{
	struct seal_signature s;
	struct apfs_volume *preboot = NULL;
	unsigned slot;
	size_t at = 0;
	int r = seal_signature_find(p, (struct span){0}, &s, e);

	if (!r && !s.found)
		r = err_set(e, E_NOTFOUND, "Preboot has no signed root hash of '%s'",
			    p->volume.name);
	if (!r)
		r = find_signature(&s, &at, e);
	if (!r)
		r = apfs_volume_find_role(p->apfs, APFS_ROLE_PREBOOT, &slot, e);
	if (!r)
		r = apfs_volume_open(p->apfs, slot, NULL, &preboot, e);
	if (!r)
		r = flip_in_file(preboot, s.manifest_path, at, ret, e);
	if (!r) {
		snprintf(ret->state, sizeof(ret->state), "Preboot:%s", s.manifest_path);
		snprintf(ret->bit.what, sizeof(ret->bit.what), "the signature");
	}
	apfs_volume_close(preboot);
	seal_signature_release(&s);
	return r;
}

static int break_in_place(const char *path, const struct seal_break_spec *spec,
			  struct seal_break_result *ret, struct err *e)
{
	struct seal_place p;
	int r = seal_place_open_rw(&p, path, spec->volume, e);

	if (!r && spec->kind == SEAL_BREAK_SIGNATURE)
		r = break_signature(&p, ret, e);
	else if (!r)
		r = break_volume(&p, spec, ret, e);
	if (!r) {
		ret->in_place = true;
		ret->disk_offset = p.cs.v[p.container].offset +
				   ret->bit.block * APFS_BLOCK_SIZE + ret->bit.at;
	}
	seal_place_close(&p);
	return r;
}

/* ---- as the file system does it ---- */

static int break_flag(const char *path, const struct seal_break_spec *spec,
		      int64_t time_ns, struct seal_break_result *ret, struct err *e)
{
	struct seal_edit at;
	int r = seal_edit_begin(&at, path, spec->volume, time_ns, e);

	if (!r)
		r = apfs_edit_break_seal(at.ed, at.slot, e);
	snprintf(ret->state, sizeof(ret->state), "'%s', live state", at.name);
	snprintf(ret->bit.what, sizeof(ret->bit.what), "im_flags and im_broken_xid");
	return seal_edit_end(&at, r, e);
}

int seal_break(const char *path, const struct seal_break_spec *spec, int64_t time_ns,
	       struct seal_break_result *ret, struct err *e)
{
	int r = check_spec(spec, e);

	*ret = (struct seal_break_result){.in_place = false};
	if (r)
		return r;
	return spec->kind == SEAL_BREAK_FLAG ? break_flag(path, spec, time_ns, ret, e)
					     : break_in_place(path, spec, ret, e);
}
