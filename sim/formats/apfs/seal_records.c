/* SPDX-License-Identifier: MIT */
/*
 * The records of a sealed tree that are about content: which hashes there are, whether
 * they cover all of each file, and where the content is. Records of one id are
 * neighbours. A stream that is not called as its inode (of an attribute, of a clone) is
 * checked at the end, since its owner may come before it or behind it.
 */
#include "sim/formats/apfs/seal_impl.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

bool seal_must_stop(const struct err *e)
{
	return e->code == E_NOMEM || e->code == E_INFRA || e->code == E_CANCELED ||
	       e->code == E_OVERFLOW;
}

/* What @e says becomes a finding, unless nothing more can be done. */
int seal_structure(struct seal_walk *w, uint64_t bno, struct seal_span ids, struct err *e)
{
	struct apfs_seal_finding f = {
		.fault = APFS_SEAL_FAULT_STRUCTURE,
		.block = bno,
		.first_id = ids.first,
		.last_id = ids.last,
	};
	struct err why = *e;

	if (seal_must_stop(&why))
		return -(int)why.code;
	err_clear(e);
	return seal_find(w->s, &f, e, "%s", why.msg);
}

static int bad_record(struct seal_walk *w, uint64_t bno, const char *what, struct err *e)
{
	err_set(e, E_CORRUPT, "block %" PRIu64 ": %s of %#" PRIx64, bno, what, w->at.id);
	return seal_structure(w, bno, (struct seal_span){w->at.id, w->at.id}, e);
}

static int uncovered(struct seal_walk *w, uint64_t stream, uint64_t from, uint64_t size,
		     struct err *e)
{
	struct apfs_seal_finding f = {
		.fault = APFS_SEAL_FAULT_COVER,
		.first_id = w->at.id,
		.last_id = w->at.id,
		.offset = from,
		.length = size > from ? size - from : 0,
	};

	return seal_find(w->s, &f, e, "data of %#" PRIx64 ": not all has a hash", stream);
}

/* The hashes of @stream, whose records are elsewhere, must reach up to @size. */
static int cover_other(struct seal_walk *w, uint64_t stream, uint64_t size, struct err *e)
{
	struct apfs_chunk c = {0};
	int r = size ? apfs_chunk_find(&w->s->plain, stream, size - 1, &c, e) : 0;

	if (r != -E_BADHASH)
		return r ? seal_structure(w, 0, (struct seal_span){w->at.id, w->at.id}, e)
			 : 0;
	err_clear(e);
	return uncovered(w, stream, 0, size, e);
}

static int leave_owner(struct seal_walk *w, struct err *e)
{
	const struct seal_owner *o = &w->at;
	uint64_t fork = 0;
	int r;

	if (!o->has_inode || !S_ISREG(o->inode.mode))
		return 0;
	if (!(o->inode.bsd_flags & APFS_UF_COMPRESSED))
		return o->need > o->next ? uncovered(w, o->id, o->next, o->need, e) : 0;
	r = seal_data_packed(w->s, &o->inode, &fork, e);
	return !r && fork ? seal_ids_add(&w->forks, fork, e) : r;
}

static int on_inode(struct seal_walk *w, const uint8_t *val, size_t len, uint64_t bno,
		    struct err *e)
{
	struct seal_owner *o = &w->at;
	int r = apfs_inode_parse(o->id, val, len, &o->inode, e);

	if (r)
		return seal_structure(w, bno, (struct seal_span){o->id, o->id}, e);
	o->has_inode = true;
	w->s->report->inodes++;
	if (!S_ISREG(o->inode.mode) || (o->inode.bsd_flags & APFS_UF_COMPRESSED))
		return 0;
	if (o->inode.stream != o->id)
		return cover_other(w, o->inode.stream, o->inode.stream_size, e);
	o->need = o->inode.stream_size;
	return 0;
}

static int on_xattr(struct seal_walk *w, const struct apfs_key *key, const uint8_t *val,
		    size_t len, uint64_t bno, struct err *e)
{
	const struct seal_owner *o = &w->at;
	struct apfs_xattr_value x;
	bool packed = o->has_inode && (o->inode.bsd_flags & APFS_UF_COMPRESSED);

	if (apfs_xattr_parse(key, val, len, &x, e))
		return seal_structure(w, bno, (struct seal_span){o->id, o->id}, e);
	/* Of a compressed file the hashes are those of what the fork unpacks to. */
	if (!x.stream || (packed && !strcmp(key->name, APFS_XATTR_NAME_RSRC_FORK)))
		return 0;
	return cover_other(w, x.stream, x.size, e);
}

static int on_file_info(struct seal_walk *w, const struct apfs_key *key,
			const uint8_t *val, size_t len, uint64_t bno, struct err *e)
{
	struct seal_owner *o = &w->at;
	struct apfs_chunk c;
	int r = 0;

	if (apfs_chunk_parse(key, val, len, &c, e))
		return seal_structure(w, bno, (struct seal_span){o->id, o->id}, e);
	c.leaf = bno;
	if (c.off != o->next && !o->gap) {
		o->gap = true;
		r = bad_record(w, bno, "hashes do not follow each other: data", e);
	}
	o->next = c.off + c.len;
	if (r)
		return r;
	if (!o->has_inode)
		return seal_ids_add(&w->streams, o->id, e);
	/* A compressed file is unpacked when all of its records are known. */
	return o->inode.bsd_flags & APFS_UF_COMPRESSED ? 0 : seal_data_add(w->s, &c, e);
}

int seal_record(struct seal_walk *w, const struct apfs_key *key, const uint8_t *val,
		size_t len, uint64_t bno, struct err *e)
{
	int r = 0;

	w->n_keys++;
	if (key->id != w->at.id) {
		r = leave_owner(w, e);
		w->at = (struct seal_owner){.id = key->id};
	}
	if (r)
		return r;
	switch (key->type) {
	case APFS_REC_INODE:
		return on_inode(w, val, len, bno, e);
	case APFS_REC_XATTR:
		return on_xattr(w, key, val, len, bno, e);
	case APFS_REC_FILE_INFO:
		return on_file_info(w, key, val, len, bno, e);
	case APFS_REC_FILE_EXTENT:
		return bad_record(w, bno, "a sealed volume has a file extent", e);
	default:
		return 0;
	}
}

/* All hashes of a stream whose records are not those of an inode. */
static int check_stream(struct seal_walk *w, uint64_t id, struct err *e)
{
	struct apfs_key first = {.id = id, .type = APFS_REC_FILE_INFO, .name = ""};
	struct apfs_cursor cur;
	struct apfs_chunk c;
	int r;

	apfs_cursor_init(&cur, w->t);
	r = apfs_cursor_seek(&cur, &first, e);
	while (!r && !cur.end && cur.key.id == id && cur.key.type == APFS_REC_FILE_INFO) {
		r = apfs_chunk_parse(&cur.key, cur.val, cur.val_len, &c, e);
		c.leaf = cur.at[cur.depth - 1].b->bno;
		if (!r)
			r = seal_data_add(w->s, &c, e);
		if (!r)
			r = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	/* A bad record was a finding when its leaf was looked at. */
	if (!r || seal_must_stop(e))
		return r;
	err_clear(e);
	return 0;
}

int seal_records_finish(struct seal_walk *w, struct err *e)
{
	int r = leave_owner(w, e);

	seal_ids_sort(&w->forks);
	for (size_t i = 0; i < w->streams.n && !r; i++)
		if (!seal_ids_has(&w->forks, w->streams.ids[i]))
			r = check_stream(w, w->streams.ids[i], e);
	return r ? r : seal_data_finish(w->s, e);
}
