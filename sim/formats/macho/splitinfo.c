/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/splitinfo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/write.h"

void split_refs_release(struct split_refs *s)
{
	free(s->r);
	memset(s, 0, sizeof(*s));
}

int split_refs_add(struct split_refs *s, const struct split_ref *r, struct err *e)
{
	if (s->n == SPLIT_REFS_MAX)
		return err_set(e, E_OVERFLOW, "too many references between sections");
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct split_ref *grown = realloc(s->r, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "out of memory");
		s->r = grown;
		s->cap = cap;
	}
	s->r[s->n++] = *r;
	return 0;
}

/* ---- writing ---- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The order in which the table nests: sections, target, kind, place. */
static int by_nesting(const void *a, const void *b)
{
	const struct split_ref *x = a, *y = b;
	int c = compare(x->from, y->from);

	if (!c)
		c = compare(x->to, y->to);
	if (!c)
		c = compare(x->to_offset, y->to_offset);
	if (!c)
		c = compare(x->kind, y->kind);
	return c ? c : compare(x->from_offset, y->from_offset);
}

static bool same_pair(const struct split_ref *a, const struct split_ref *b)
{
	return a->from == b->from && a->to == b->to;
}

static bool same_target(const struct split_ref *a, const struct split_ref *b)
{
	return same_pair(a, b) && a->to_offset == b->to_offset;
}

static bool same_kind(const struct split_ref *a, const struct split_ref *b)
{
	return same_target(a, b) && a->kind == b->kind;
}

typedef bool same_fn(const struct split_ref *a, const struct split_ref *b);

/* Index behind the run of references that @same finds alike, from @i on. */
static size_t run_end(const struct split_refs *s, size_t i, same_fn *same)
{
	size_t k = i + 1;

	while (k < s->n && same(&s->r[i], &s->r[k]))
		k++;
	return k;
}

/* How many runs of @inner are in [i, end). */
static uint64_t runs(const struct split_refs *s, size_t i, size_t end, same_fn *inner)
{
	uint64_t n = 0;

	for (; i < end; i = run_end(s, i, inner))
		n++;
	return n;
}

static int put_uleb(struct buf *out, uint64_t v, struct err *e)
{
	uint8_t bytes[10];
	size_t n = 0;

	do {
		bytes[n] = v & 0x7f;
		v >>= 7;
		bytes[n++] |= v ? 0x80 : 0;
	} while (v);
	return buf_append(out, bytes, n, e);
}

static int put_places(const struct split_refs *s, size_t i, size_t end, struct buf *out,
		      struct err *e)
{
	uint64_t last = 0;
	int r = put_uleb(out, s->r[i].kind, e);

	if (!r)
		r = put_uleb(out, end - i, e);
	for (; !r && i < end; i++) {
		r = put_uleb(out, s->r[i].from_offset - last, e);
		last = s->r[i].from_offset;
	}
	return r;
}

static int put_target(const struct split_refs *s, size_t i, size_t end, uint64_t last,
		      struct buf *out, struct err *e)
{
	int r = put_uleb(out, s->r[i].to_offset - last, e);

	if (!r)
		r = put_uleb(out, runs(s, i, end, same_kind), e);
	for (size_t k; !r && i < end; i = k) {
		k = run_end(s, i, same_kind);
		r = put_places(s, i, k, out, e);
	}
	return r;
}

static int put_pair(const struct split_refs *s, size_t i, size_t end, struct buf *out,
		    struct err *e)
{
	uint64_t last = 0;
	int r = put_uleb(out, s->r[i].from, e);

	if (!r)
		r = put_uleb(out, s->r[i].to, e);
	if (!r)
		r = put_uleb(out, runs(s, i, end, same_target), e);
	for (size_t k; !r && i < end; i = k) {
		k = run_end(s, i, same_target);
		r = put_target(s, i, k, last, out, e);
		last = s->r[i].to_offset;
	}
	return r;
}

int split_info_write(struct split_refs *s, struct buf *out, struct err *e)
{
	int r;

	if (s->n)
		qsort(s->r, s->n, sizeof(*s->r), by_nesting);
	r = put_uleb(out, SPLIT_FORMAT_V2, e);
	if (!r)
		r = put_uleb(out, runs(s, 0, s->n, same_pair), e);
	for (size_t i = 0, k; !r && i < s->n; i = k) {
		k = run_end(s, i, same_pair);
		r = put_pair(s, i, k, out, e);
	}
	if (!r)
		r = put_uleb(out, 0, e);
	return r ? r : macho_pad(out, 8, e);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at, *end;
	struct split_refs *s;
	struct split_ref now;
};

static int get_uleb(struct reader *rd, uint64_t *ret, struct err *e)
{
	unsigned shift = 0;

	for (*ret = 0; rd->at < rd->end && shift < 64; shift += 7) {
		uint8_t byte = *rd->at++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return err_set(e, E_CORRUPT, "split information: a number %s",
		       shift < 64 ? "is cut off" : "is too large");
}

/* A number that has to fit in 32 bits. */
static int get_small(struct reader *rd, uint32_t *ret, struct err *e)
{
	uint64_t v;
	int r = get_uleb(rd, &v, e);

	if (!r && v > UINT32_MAX)
		r = err_set(e, E_CORRUPT, "split information: number %llu",
			    (unsigned long long)v);
	*ret = r ? 0 : (uint32_t)v;
	return r;
}

/*
 * A count of things to come. Each takes at least one byte, so that no more than the
 * rest of the table is worked off, whatever the count says.
 */
static int get_count(struct reader *rd, uint64_t *ret, struct err *e)
{
	int r = get_uleb(rd, ret, e);

	if (!r && *ret > (uint64_t)(rd->end - rd->at))
		r = err_set(e, E_CORRUPT, "split information: count %llu",
			    (unsigned long long)*ret);
	return r;
}

static int get_places(struct reader *rd, struct err *e)
{
	uint64_t n = 0, delta;
	int r = get_small(rd, &rd->now.kind, e);

	if (!r)
		r = get_count(rd, &n, e);
	rd->now.from_offset = 0;
	for (uint64_t i = 0; !r && i < n; i++) {
		r = get_uleb(rd, &delta, e);
		if (r)
			return r;
		rd->now.from_offset += delta; /* wraps at worst; whoever uses it checks */
		r = split_refs_add(rd->s, &rd->now, e);
	}
	return r;
}

static int get_pair(struct reader *rd, struct err *e)
{
	uint64_t targets = 0, kinds = 0, delta = 0;
	int r = get_small(rd, &rd->now.from, e);

	if (!r)
		r = get_small(rd, &rd->now.to, e);
	if (!r)
		r = get_count(rd, &targets, e);
	rd->now.to_offset = 0;
	for (uint64_t i = 0; !r && i < targets; i++) {
		r = get_uleb(rd, &delta, e);
		rd->now.to_offset += delta;
		if (!r)
			r = get_count(rd, &kinds, e);
		for (uint64_t k = 0; !r && k < kinds; k++)
			r = get_places(rd, e);
	}
	return r;
}

int split_info_read(const uint8_t *data, size_t len, struct split_refs *s, struct err *e)
{
	struct reader rd = {.at = data, .end = data + len, .s = s};
	uint64_t pairs = 0;
	int r = 0;

	if (!len || *rd.at++ != SPLIT_FORMAT_V2)
		return err_set(e, E_UNSUPPORTED, "split information of another version");
	r = get_count(&rd, &pairs, e);
	for (uint64_t i = 0; !r && i < pairs; i++)
		r = get_pair(&rd, e);
	if (r)
		split_refs_release(s);
	return r;
}
