/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/formats/plist/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/bytes.h"
#include "sim/base/ckd.h"

/* The trailer, and where its parts are. */
#define TRAILER_LEN     32
#define TRAILER_OFFSIZE 6
#define TRAILER_REFSIZE 7
#define TRAILER_OBJECTS 8
#define TRAILER_TABLE   24

/* Types of objects, in the upper half of the marker; the lower one is a length. */
#define TYPE_INT    0x1
#define TYPE_DATA   0x4
#define TYPE_ASCII  0x5
#define TYPE_UTF16  0x6
#define TYPE_ARRAY  0xa
#define TYPE_SET    0xc
#define TYPE_DICT   0xd
#define LEN_FOLLOWS 0xf

/* What skips over everything up to an end mark, so that tags inside do not count. */
static const struct {
	const char *open, *close;
} opaque[] = {
	{"<!--", "-->"},
	{"<![CDATA[", "]]>"},
};

static const char *find(const char *p, const char *end, const char *what)
{
	return memmem(p, (size_t)(end - p), what, strlen(what));
}

static bool starts(const char *p, const char *end, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(end - p) >= n && !memcmp(p, what, n);
}

const char *pl_xml_skip_opaque(const char *p, const char *end)
{
	for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++) {
		const char *q;

		if (!starts(p, end, opaque[i].open))
			continue;
		q = find(p + strlen(opaque[i].open), end, opaque[i].close);
		return q ? q + strlen(opaque[i].close) : NULL;
	}
	return p;
}

/*
 * Does the tag [@p, @end) leave an element open? One with quotes counts as open, because
 * its last slash may be part of an attribute.
 */
static bool opens(const char *p, const char *end)
{
	return end[-1] != '/' || memchr(p, '"', (size_t)(end - p));
}

bool pl_xml_too_deep(const char *xml, size_t len, size_t max)
{
	const char *p = xml, *end = xml + len;
	size_t depth = 0;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		const char *q = pl_xml_skip_opaque(p, end), *close;

		if (!q)
			return false; /* unterminated: the parser will stop here, too */
		if (q != p) {
			p = q;
			continue;
		}
		close = memchr(p, '>', (size_t)(end - p));
		if (!close)
			return false;
		if (p[1] == '/') {
			depth -= depth > 0;
		} else if (p[1] == '!' || p[1] == '?') {
			/* What ends a declaration is a question of quoting: only in
			 * front. */
			if (depth)
				return true;
		} else if (opens(p, close) && ++depth > max) {
			return true;
		}
		p = close + 1;
	}
	return false;
}

uint64_t pl_binary_objects(const uint8_t *data, size_t len)
{
	if (len < TRAILER_LEN)
		return UINT64_MAX;
	return get_be64(data + len - TRAILER_LEN + TRAILER_OBJECTS);
}

/* The table of objects of a binary list. */
struct objects {
	const uint8_t *data;
	size_t end;           /* of what objects may take: the trailer begins here */
	uint64_t n, table;
	size_t offset_size, ref_size;
};

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static bool open_objects(const uint8_t *data, size_t len, struct objects *o)
{
	size_t end = len < TRAILER_LEN ? 0 : len - TRAILER_LEN;
	const uint8_t *trailer = data + end;
	uint64_t bytes;

	if (!end)
		return false;
	*o = (struct objects){
		.data = data,
		.end = end,
		.n = get_be64(trailer + TRAILER_OBJECTS),
		.table = get_be64(trailer + TRAILER_TABLE),
		.offset_size = trailer[TRAILER_OFFSIZE],
		.ref_size = trailer[TRAILER_REFSIZE],
	};
	return o->offset_size && o->offset_size <= 8 && o->ref_size && o->ref_size <= 8 &&
	       !ckd_mul(&bytes, o->n, o->offset_size) &&
	       range_inside(o->table, bytes, end);
}

/*
 * Object @i: its type; where its content begins and how many bytes, units or references
 * that is. -1 when it lies outside.
 */
static int object_at(const struct objects *o, uint64_t i, uint64_t *ret_off,
		     uint64_t *ret_count)
{
	uint64_t off = get_be(o->data + o->table + i * o->offset_size, o->offset_size);
	int type;

	if (off >= o->end)
		return -1;
	type = o->data[off] >> 4;
	*ret_count = o->data[off++] & LEN_FOLLOWS;
	if (*ret_count == LEN_FOLLOWS) {
		size_t n = off < o->end ? (size_t)1 << (o->data[off] & 0xf) : 0;

		if (!n || n > 8 || !range_inside(off + 1, n, o->end))
			return -1;
		*ret_count = get_be(o->data + off + 1, n);
		off += 1 + n;
	}
	*ret_off = off;
	return *ret_count > o->end ? -1 : type;
}

static bool has_zero(const struct objects *o, uint64_t off, uint64_t count, size_t unit)
{
	if (!range_inside(off, count * unit, o->end))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!get_be(o->data + off + i * unit, unit))
			return true;
	return false;
}

bool pl_binary_has_nul(const uint8_t *data, size_t len)
{
	struct objects o;

	if (!open_objects(data, len, &o))
		return false;
	for (uint64_t i = 0; i < o.n; i++) {
		uint64_t off = 0, count = 0;
		int type = object_at(&o, i, &off, &count);

		if ((type == TYPE_ASCII && has_zero(&o, off, count, 1)) ||
		    (type == TYPE_UTF16 && has_zero(&o, off, count, 2)))
			return true;
	}
	return false;
}

static bool is_container(const struct objects *o, uint64_t i)
{
	uint64_t off, count;
	int type = object_at(o, i, &off, &count);

	return type == TYPE_ARRAY || type == TYPE_SET || type == TYPE_DICT;
}

/* Mark the containers that object @i refers to; true when one was marked before. */
static bool refers_again(const struct objects *o, uint64_t i, uint8_t *seen)
{
	uint64_t off = 0, count = 0, refs;
	int type = object_at(o, i, &off, &count);

	if (type != TYPE_ARRAY && type != TYPE_SET && type != TYPE_DICT)
		return false;
	refs = type == TYPE_DICT ? 2 * count : count;
	if (!range_inside(off, refs * o->ref_size, o->end))
		return false;
	for (uint64_t r = 0; r < refs; r++) {
		uint64_t to = get_be(o->data + off + r * o->ref_size, o->ref_size);

		if (to >= o->n || !is_container(o, to))
			continue;
		if (seen[to])
			return true;
		seen[to] = 1;
	}
	return false;
}

bool pl_binary_shares_containers(const uint8_t *data, size_t len)
{
	struct objects o;
	uint8_t *seen;
	bool shares = false;

	if (!open_objects(data, len, &o))
		return false;
	seen = calloc(o.n + 1, 1);
	for (uint64_t i = 0; seen && i < o.n && !shares; i++)
		shares = refers_again(&o, i, seen);
	shares |= !seen;
	free(seen);
	return shares;
}

static bool object_inside(const struct objects *o, uint64_t i)
{
	uint64_t off = 0, count = 0;
	/* bytes of each thing that an object of the type counts; else it has no length */
	const size_t unit[16] = {
		[TYPE_DATA] = 1,
		[TYPE_ASCII] = 1,
		[TYPE_UTF16] = 2,
		[TYPE_ARRAY] = o->ref_size,
		[TYPE_SET] = o->ref_size,
		[TYPE_DICT] = 2 * o->ref_size,
	};
	int type = object_at(o, i, &off, &count);

	return type >= 0 && range_inside(off, count * unit[type], o->end);
}

void pl_binary_where(const uint8_t *data, size_t len, char *out, size_t size)
{
	struct objects o = {.n = 0};

	if (len <= TRAILER_LEN) {
		snprintf(out, size, ": it ends at offset 0x%zx, before its trailer", len);
		return;
	}
	if (!open_objects(data, len, &o)) {
		snprintf(out, size, ": the trailer at offset 0x%zx: a table of %llu objects at "
			 "offset 0x%llx lies outside", o.end, (unsigned long long)o.n,
			 (unsigned long long)o.table);
		return;
	}
	for (uint64_t i = 0; i < o.n; i++)
		if (!object_inside(&o, i)) {
			const uint8_t *row = data + o.table + i * o.offset_size;

			snprintf(out, size, ": object %llu at offset 0x%llx lies outside",
				 (unsigned long long)i,
				 (unsigned long long)get_be(row, o.offset_size));
			return;
		}
}
