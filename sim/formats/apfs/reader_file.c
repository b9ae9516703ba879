/* SPDX-License-Identifier: MIT */
/* The content of files: extents (APFS Reference p. 103, 154). */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/ckd.h"

/* ---- a stream of data: what is filed under one id ---- */

void apfs_stream_init(struct apfs_stream *s, struct apfs_volume *v, uint64_t id,
		      uint64_t size)
{
	*s = (struct apfs_stream){.v = v, .id = id, .size = size};
}

/* A sealed volume keeps its extents in a tree of their own. */
static const struct apfs_tree *extents_of(const struct apfs_volume *v,
					  struct apfs_key *want)
{
	want->name = "";
	if (v->info.sealed)
		return &v->fext;
	want->type = APFS_REC_FILE_EXTENT;
	return &v->fs;
}

static bool same_stream(const struct apfs_cursor *cur, const struct apfs_key *want)
{
	return !cur->end && cur->key.id == want->id && cur->key.type == want->type;
}

/* Take the extent that @cur is at. Both kinds of value begin alike. */
static int take_extent(struct apfs_stream *s, const struct apfs_cursor *cur,
		       struct err *e)
{
	uint64_t len, bno, blocks = s->v->c->blocks;

	if (cur->val_len < sizeof(struct apfs_fext_tree_val))
		return err_set(e, E_CORRUPT, "extent has %zu bytes", cur->val_len);
	len = get_le64(cur->val) & APFS_FILE_EXTENT_LEN_MASK;
	bno = get_le64(cur->val + 8);
	s->start = cur->key.num;
	if (!len || len % APFS_BLOCK_SIZE || s->start % APFS_BLOCK_SIZE ||
	    ckd_add(&s->end, s->start, len))
		return err_set(e, E_CORRUPT,
			       "extent of %" PRIu64 " bytes at offset %" PRIu64, len, s->start);
	if (!range_inside(bno, len / APFS_BLOCK_SIZE, blocks))
		return err_set(e, E_CORRUPT,
			       "extent of %" PRIu64 " bytes at block %" PRIu64
			       " is beyond the container's end at %" PRIu64,
			       len, bno, blocks);
	s->disk_off = bno * APFS_BLOCK_SIZE;
	return 0;
}

/*
 * Find what @off lies in: an extent, or the gap between two, which is a hole like an
 * extent at block 0.
 */
static int find_extent(struct apfs_stream *s, uint64_t off, struct err *e)
{
	struct apfs_key want = {.id = s->id, .num = off};
	struct apfs_cursor cur;
	uint64_t gap = 0;
	int r;

	apfs_cursor_init(&cur, extents_of(s->v, &want));
	r = apfs_cursor_seek_last(&cur, &want, e);
	if (!r && same_stream(&cur, &want)) {
		r = take_extent(s, &cur, e);
		if (r || off < s->end)
			goto out;
		gap = s->end;
	}
	if (!r && cur.end)
		r = apfs_cursor_seek(&cur, &want, e);
	else if (!r)
		r = apfs_cursor_next(&cur, e);
	if (r)
		goto out;
	s->disk_off = 0;
	s->start = gap;
	s->end = same_stream(&cur, &want) ? cur.key.num : UINT64_MAX;
out:
	apfs_cursor_release(&cur);
	if (r)
		s->start = s->end = 0;
	return r;
}

static int stream_error(const struct apfs_stream *s, struct err *e)
{
	return err_ctx(e, "data of %#" PRIx64, s->id);
}

int apfs_stream_locate(struct apfs_stream *s, uint64_t off, struct err *e)
{
	if (off >= s->start && off < s->end)
		return 0;
	return find_extent(s, off, e) ? stream_error(s, e) : 0;
}

int apfs_stream_read(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		     struct err *e)
{
	uint8_t *p = buf;

	while (len) {
		size_t n = len;
		int r = apfs_stream_locate(s, off, e);

		if (r)
			return r;
		if (n > s->end - off)
			n = s->end - off;
		if (s->disk_off)
			r = apfs_read_bytes(s->v->c, s->disk_off + (off - s->start), p, n, e);
		else
			memset(p, 0, n);
		if (r)
			return stream_error(s, e);
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

int apfs_stream_pread(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		      size_t *ret_len, struct err *e)
{
	*ret_len = 0;
	if (off >= s->size)
		return 0;
	if (len > s->size - off)
		len = s->size - off;
	*ret_len = len;
	if (s->v->verify && !s->raw)
		return apfs_verify_pread(s, off, buf, len, e);
	return apfs_stream_read(s, off, buf, len, e);
}

static int stream_next_data(struct apfs_stream *s, uint64_t off, uint64_t *ret,
			  struct err *e)
{
	/* Holes are what the extents say, and those are not sealed. */
	while (off < s->size && !s->v->verify) {
		int r = apfs_stream_locate(s, off, e);

		if (r)
			return r;
		if (s->disk_off)
			break;
		if (s->end <= off)
			return err_set(e, E_CORRUPT,
				       "data of %#" PRIx64 ": extents are not in order", s->id);
		off = s->end;
	}
	*ret = off < s->size ? off : s->size;
	return 0;
}

/* ---- a file ---- */

struct apfs_file {
	struct apfs_stream stream;
	struct apfs_decmpfs *packed; /* NULL: the data is in the stream */
};

int apfs_file_open(struct apfs_volume *v, const struct apfs_inode *ino,
		   struct apfs_file **ret, struct err *e)
{
	struct apfs_file *f;
	int r = 0;

	if (S_ISDIR(ino->mode))
		return err_set(e, E_INVAL, "inode %#" PRIx64 " is a folder", ino->ino);
	if (!S_ISREG(ino->mode))
		return err_set(e, E_INVAL, "inode %#" PRIx64 " is not a regular file",
			       ino->ino);
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(e, E_NOMEM, "file: out of memory");
	apfs_stream_init(&f->stream, v, ino->stream, ino->stream_size);
	if (ino->bsd_flags & APFS_UF_COMPRESSED)
		r = apfs_decmpfs_open(v, ino->ino, &f->packed, e);
	if (r) {
		free(f);
		return err_ctx(e, "inode %#" PRIx64, ino->ino);
	}
	*ret = f;
	return 0;
}

int apfs_file_pread(struct apfs_file *f, uint64_t off, void *buf, size_t len,
		    size_t *ret_len, struct err *e)
{
	if (f->packed)
		return apfs_decmpfs_pread(f->packed, off, buf, len, ret_len, e);
	return apfs_stream_pread(&f->stream, off, buf, len, ret_len, e);
}

int apfs_file_next_data(struct apfs_file *f, uint64_t off, uint64_t *ret, struct err *e)
{
	uint64_t size;

	if (!f->packed)
		return stream_next_data(&f->stream, off, ret, e);
	size = apfs_decmpfs_length(f->packed);
	*ret = off < size ? off : size;
	return 0;
}

int apfs_file_locate(struct apfs_file *f, uint64_t off, uint64_t *ret, struct err *e)
{
	struct apfs_stream *s = &f->stream;
	int r;

	if (f->packed)
		return err_set(e, E_UNSUPPORTED, "the file is compressed");
	if (off >= s->size && (off / APFS_BLOCK_SIZE != s->size / APFS_BLOCK_SIZE ||
			       !(s->size % APFS_BLOCK_SIZE)))
		return err_set(e, E_INVAL, "the file has no byte %" PRIu64, off);
	r = apfs_stream_locate(s, off, e);
	if (r)
		return r;
	*ret = s->disk_off ? s->disk_off + (off - s->start) : 0;
	return 0;
}

void apfs_file_close(struct apfs_file *f)
{
	if (!f)
		return;
	apfs_decmpfs_close(f->packed);
	free(f);
}

int apfs_read_inode(struct apfs_volume *v, const struct apfs_inode *ino, size_t max,
		    struct buf *out, struct err *e)
{
	struct apfs_file *f = NULL;
	size_t n;
	int r;

	if (ino->size > max)
		return err_set(e, E_OVERFLOW,
			       "inode %#" PRIx64 " has %" PRIu64 " bytes, more than %zu",
			       ino->ino, ino->size, max);
	r = apfs_file_open(v, ino, &f, e);
	if (!r)
		r = buf_reserve(out, ino->size, e);
	if (!r)
		r = apfs_file_pread(f, 0, out->data + out->len, ino->size, &n, e);
	if (!r)
		out->len += n;
	apfs_file_close(f);
	return r;
}

int apfs_read_path(struct apfs_volume *v, const char *path, size_t max, struct buf *out,
		   struct err *e)
{
	struct apfs_inode ino;
	int r = apfs_lookup(v, path, APFS_FOLLOW, &ino, e);

	if (r)
		return r;
	r = apfs_read_inode(v, &ino, max, out, e);
	return r ? err_ctx(e, "%s", path) : 0;
}
