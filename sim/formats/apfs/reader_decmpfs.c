/* SPDX-License-Identifier: MIT */
/*
 * Compressed files: xnu, bsd/sys/decmpfs.h. The attribute com.apple.decmpfs holds a
 * header and, for type 3, the zlib data. For type 4 the data is in the resource fork,
 * as one resource: a table of pieces, each 64 KiB when unpacked. A piece that did not
 * become smaller is stored behind a byte whose low four bits are all set.
 */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DECMPFS_MAGIC 0x636d7066u /* "fpmc" */
#define PIECE         65536u
#define ATTR_MAX      65536u
/* What zlib can make of an embedded attribute: 1032 to 1. */
#define INLINE_MAX    (4u << 20)
#define FILE_MAX      (1ull << 36)

struct decmpfs_raw_header {
	le32 magic;
	le32 type;
	le64 size;
};
_Static_assert(sizeof(struct decmpfs_raw_header) == 16, "decmpfs header");

/* The only resource's offset is in the first word of the fork, big-endian. */
struct rsrc_raw_header {
	be32 data_off, map_off, data_len, map_len;
};

struct rsrc_raw_piece {
	le32 off; /* from the count */
	le32 len;
};

enum { TYPE_ZLIB_INLINE = 3, TYPE_ZLIB_RSRC = 4 };

static const char *const type_names[] = {
	[1] = "plain, in the attribute", [3] = "zlib, in the attribute",
	[4] = "zlib, in the resource fork", [5] = "deduplicated", [6] = "unused",
	[7] = "LZVN, in the attribute",  [8] = "LZVN, in the resource fork",
	[9] = "plain, in the attribute", [10] = "plain, in the resource fork",
	[11] = "LZFSE, in the attribute", [12] = "LZFSE, in the resource fork",
	[13] = "LZBITMAP, in the attribute", [14] = "LZBITMAP, in the resource fork",
};

struct apfs_decmpfs {
	struct apfs_volume *v;
	uint64_t hashed_as; /* id that the hashes of a sealed volume are filed under */
	uint64_t size;      /* unpacked */
	uint8_t *piece;     /* unpacked: of type 3 everything */
	size_t piece_len;
	uint64_t piece_at;  /* which one, UINT64_MAX: none yet */
	/* type 4 */
	struct apfs_xattr_ref fork;
	uint8_t *table;     /* struct rsrc_raw_piece */
	uint32_t n_pieces;
	uint64_t table_off; /* of the count, in the fork */
	uint8_t *packed;    /* scratch, PIECE + 1 bytes and some */
};
#define PACKED_MAX (PIECE + PIECE / 2)

static int check_header(const uint8_t *p, size_t len, uint32_t *type, uint64_t *size,
			struct err *e)
{
	const struct decmpfs_raw_header *h = (const void *)p;

	if (len < sizeof(*h) || le32_get(h->magic) != DECMPFS_MAGIC)
		return err_set(e, E_CORRUPT, "bad com.apple.decmpfs");
	*type = le32_get(h->type);
	*size = le64_get(h->size);
	return 0;
}

static int read_attr(struct apfs_volume *v, uint64_t ino, struct buf *out, uint32_t *type,
		     uint64_t *size, struct err *e)
{
	int r = apfs_xattr_get(v, ino, APFS_XATTR_NAME_DECMPFS, ATTR_MAX, out, e);

	if (r == -E_NOTFOUND)
		return err_set(e, E_CORRUPT, "compressed file without com.apple.decmpfs");
	return r ? r : check_header(out->data, out->len, type, size, e);
}

int apfs_decmpfs_size(struct apfs_volume *v, uint64_t ino, uint64_t *ret, struct err *e)
{
	struct buf attr = BUF_INIT;
	uint32_t type;
	int r = read_attr(v, ino, &attr, &type, ret, e);

	buf_release(&attr);
	return r;
}

/* Unpack @n bytes into exactly @out_len. */
static int unpack(const uint8_t *p, size_t n, uint8_t *out, size_t out_len, struct err *e)
{
	uLongf got = out_len;

	if (n && (p[0] & 0x0f) == 0x0f) {
		if (n - 1 != out_len)
			return err_set(e, E_CORRUPT, "%zu stored bytes instead of %zu", n - 1,
				       out_len);
		memcpy(out, p + 1, out_len);
		return 0;
	}
	if (uncompress(out, &got, p, n) != Z_OK || got != out_len)
		return err_set(e, E_CORRUPT, "zlib data does not unpack to %zu bytes", out_len);
	return 0;
}

/*
 * A sealed volume has hashes of what is unpacked, in whole blocks. The memory of a piece
 * has room for that.
 */
static int check_piece(struct apfs_decmpfs *z, uint64_t off, struct err *e)
{
	size_t len = (z->piece_len + APFS_BLOCK_SIZE - 1) & ~(size_t)(APFS_BLOCK_SIZE - 1);

	if (!z->v->verify)
		return 0;
	memset(z->piece + z->piece_len, 0, len - z->piece_len);
	return apfs_verify_unpacked(z->v, z->hashed_as, off, z->piece, len, e);
}

static int open_inline(struct apfs_decmpfs *z, const uint8_t *p, size_t n, struct err *e)
{
	int r = 0;

	if (z->size > INLINE_MAX)
		return err_set(e, E_CORRUPT, "compressed file of %" PRIu64 " bytes in %zu",
			       z->size, n);
	z->piece_len = z->size;
	z->piece_at = 0;
	z->piece = malloc(z->size + APFS_BLOCK_SIZE);
	if (!z->piece)
		return err_set(e, E_NOMEM, "compressed file: out of memory");
	if (z->size)
		r = unpack(p, n, z->piece, z->size, e);
	return r ? r : check_piece(z, 0, e);
}

static int load_table(struct apfs_decmpfs *z, struct err *e)
{
	uint64_t need = z->size / PIECE + !!(z->size % PIECE);
	struct rsrc_raw_header h;
	le32 count;
	int r = apfs_xattr_pread(&z->fork, 0, &h, sizeof(h), e);

	if (r)
		return r;
	/* Behind the resource's own length. */
	z->table_off = (uint64_t)be32_get(h.data_off) + sizeof(be32);
	r = apfs_xattr_pread(&z->fork, z->table_off, &count, sizeof(count), e);
	if (r)
		return r;
	z->n_pieces = le32_get(count);
	if (z->n_pieces != need)
		return err_set(e, E_CORRUPT, "%u pieces for %" PRIu64 " bytes", z->n_pieces,
			       z->size);
	z->table = malloc(need * sizeof(struct rsrc_raw_piece) + 1);
	z->piece = malloc(PIECE);
	z->packed = malloc(PACKED_MAX);
	if (!z->table || !z->piece || !z->packed)
		return err_set(e, E_NOMEM, "compressed file: out of memory");
	return apfs_xattr_pread(&z->fork, z->table_off + sizeof(count), z->table,
				need * sizeof(struct rsrc_raw_piece), e);
}

static int open_fork(struct apfs_decmpfs *z, uint64_t ino, struct err *e)
{
	int r;

	if (z->size > FILE_MAX)
		return err_set(e, E_OVERFLOW, "compressed file of %" PRIu64 " bytes", z->size);
	z->piece_at = UINT64_MAX;
	r = apfs_xattr_open(z->v, ino, APFS_XATTR_NAME_RSRC_FORK, &z->fork, e);
	if (r == -E_NOTFOUND)
		return err_set(e, E_CORRUPT, "compressed file without a resource fork");
	if (r)
		return r;
	if (z->fork.is_stream) {
		z->hashed_as = z->fork.stream.id;
		z->fork.stream.raw = true;
	}
	return load_table(z, e);
}

static int bad_type(uint32_t type, struct err *e)
{
	const char *name = NULL;

	if (type < sizeof(type_names) / sizeof(type_names[0]))
		name = type_names[type];
	return err_set(e, E_UNSUPPORTED, "compression type %u (%s)", type,
		       name ? name : "unknown");
}

int apfs_decmpfs_open(struct apfs_volume *v, uint64_t ino, struct apfs_decmpfs **ret,
		      struct err *e)
{
	struct apfs_decmpfs *z = calloc(1, sizeof(*z));
	size_t head = sizeof(struct decmpfs_raw_header);
	struct buf attr = BUF_INIT;
	uint32_t type = 0;
	int r;

	if (!z)
		return err_set(e, E_NOMEM, "compressed file: out of memory");
	z->v = v;
	z->hashed_as = ino;
	r = read_attr(v, ino, &attr, &type, &z->size, e);
	if (!r && type == TYPE_ZLIB_INLINE)
		r = open_inline(z, attr.data + head, attr.len - head, e);
	else if (!r && type == TYPE_ZLIB_RSRC)
		r = open_fork(z, ino, e);
	else if (!r)
		r = bad_type(type, e);
	buf_release(&attr);
	if (r) {
		apfs_decmpfs_close(z);
		return r;
	}
	*ret = z;
	return 0;
}

static int load_piece(struct apfs_decmpfs *z, uint64_t i, struct err *e)
{
	const struct rsrc_raw_piece *p = (const void *)z->table;
	uint32_t off = le32_get(p[i].off), len = le32_get(p[i].len);
	uint64_t left = z->size - i * PIECE;
	int r;

	if (len > PACKED_MAX)
		return err_set(e, E_CORRUPT, "piece %" PRIu64 " of %u bytes", i, len);
	z->piece_at = UINT64_MAX;
	z->piece_len = left < PIECE ? left : PIECE;
	r = apfs_xattr_pread(&z->fork, z->table_off + off, z->packed, len, e);
	if (!r)
		r = unpack(z->packed, len, z->piece, z->piece_len, e);
	if (!r)
		r = check_piece(z, i * PIECE, e);
	if (r)
		return err_ctx(e, "piece %" PRIu64, i);
	z->piece_at = i;
	return 0;
}

int apfs_decmpfs_pread(struct apfs_decmpfs *z, uint64_t off, void *buf, size_t len,
		       size_t *ret_len, struct err *e)
{
	uint64_t step = z->table ? PIECE : z->size;
	uint8_t *p = buf;

	*ret_len = 0;
	if (off >= z->size)
		return 0;
	if (len > z->size - off)
		len = z->size - off;
	*ret_len = len;
	while (len) {
		uint64_t i = off / step, in = off % step;
		size_t n = len;
		int r = i == z->piece_at ? 0 : load_piece(z, i, e);

		if (r)
			return r;
		if (n > z->piece_len - in)
			n = z->piece_len - in;
		memcpy(p, z->piece + in, n);
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

uint64_t apfs_decmpfs_hashed_as(const struct apfs_decmpfs *z)
{
	return z->hashed_as;
}

uint64_t apfs_decmpfs_length(const struct apfs_decmpfs *z)
{
	return z->size;
}

void apfs_decmpfs_close(struct apfs_decmpfs *z)
{
	if (!z)
		return;
	apfs_xattr_release(&z->fork);
	free(z->table);
	free(z->piece);
	free(z->packed);
	free(z);
}
