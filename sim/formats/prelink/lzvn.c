/* SPDX-License-Identifier: MIT */
/*
 * LZVN, the byte code of Apple's lzfse library for small blocks. An opcode carries L
 * literal bytes, which follow it, and a match: M bytes from D bytes back.
 *
 *	LLMMMDDD DDDDDDDD           small distance, D < 0x600
 *	LLMMM110                    the previous distance again, L > 0
 *	LLMMM111 DDDDDDDD DDDDDDDD  large distance, little-endian
 *	101LLMMM DDDDDDMM DDDDDDDD  medium distance, 14 bits; M up to 34
 *	1110LLLL, 11100000 LLLLLLLL literals only: 1..15, 16..271
 *	1111MMMM, 11110000 MMMMMMMM previous distance only: 1..15, 16..271
 *	00000110 and 7 zero bytes   end;  00001110, 00010110 nothing
 *
 * MMM stands for M - 3. The other codes (0x1e, 0x26, 0x2e, 0x36, 0x3e, 0x70-0x7f,
 * 0xd0-0xdf) are not defined. In the first and third form L and M share the values that
 * no other code has, so M is at most 10 - 2 L.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/prelink/lz.h"

#define MIN_MATCH   3u
#define SMALL_DIST  0x600u
#define MEDIUM_DIST 0x4000u
#define MAX_DIST    0xffffu
#define MAX_RUN	    271u /* of literals or match bytes in one opcode */
#define END_LEN	    8

enum op {
	OP_SMALL,
	OP_MEDIUM,
	OP_LARGE,
	OP_PREVIOUS,
	OP_LITERALS,
	OP_LONG_LITERALS,
	OP_MATCH,
	OP_LONG_MATCH,
	OP_NOTHING,
	OP_END,
	OP_UNDEFINED,
};

/* Bytes of the opcode itself. */
static const uint8_t op_len[] = {
	[OP_SMALL] = 2,	     [OP_MEDIUM] = 3,	 [OP_LARGE] = 3,
	[OP_PREVIOUS] = 1,   [OP_LITERALS] = 1,	 [OP_MATCH] = 1,
	[OP_LONG_MATCH] = 2, [OP_NOTHING] = 1,	 [OP_LONG_LITERALS] = 2,
	[OP_END] = END_LEN,  [OP_UNDEFINED] = 1,
};

static enum op classify(uint8_t c)
{
	if (c == 0xe0)
		return OP_LONG_LITERALS;
	if (c == 0xf0)
		return OP_LONG_MATCH;
	if (c >= 0xe0)
		return c < 0xf0 ? OP_LITERALS : OP_MATCH;
	if ((c & 0xf0) == 0x70 || (c & 0xf0) == 0xd0)
		return OP_UNDEFINED;
	if ((c & 0xe0) == 0xa0)
		return OP_MEDIUM;
	if ((c & 7) == 7)
		return OP_LARGE;
	if ((c & 7) != 6)
		return OP_SMALL;
	if (c >= 0x40)
		return OP_PREVIOUS;
	if (c == 0x06)
		return OP_END;
	return c == 0x0e || c == 0x16 ? OP_NOTHING : OP_UNDEFINED;
}

struct code {
	size_t literals, match, dist;
};

/* Read the numbers of the opcode at @p; @dist is the previous distance. */
static struct code parse(enum op op, const uint8_t *p, size_t dist)
{
	struct code c = {.literals = p[0] >> 6,
			 .match = (p[0] >> 3 & 7) + MIN_MATCH,
			 .dist = dist};

	switch (op) {
	case OP_SMALL:
		c.dist = (size_t)(p[0] & 7) << 8 | p[1];
		break;
	case OP_LARGE:
		c.dist = p[1] | (size_t)p[2] << 8;
		break;
	case OP_MEDIUM:
		c.literals = p[0] >> 3 & 3;
		c.match = ((size_t)(p[0] & 7) << 2 | (p[1] & 3)) + MIN_MATCH;
		c.dist = p[1] >> 2 | (size_t)p[2] << 6;
		break;
	case OP_LITERALS:
		c.literals = p[0] & 0x0f;
		c.match = 0;
		break;
	case OP_LONG_LITERALS:
		c.literals = p[1] + 16u;
		c.match = 0;
		break;
	case OP_MATCH:
		c.literals = 0;
		c.match = p[0] & 0x0f;
		break;
	case OP_LONG_MATCH:
		c.literals = 0;
		c.match = p[1] + 16u;
		break;
	case OP_NOTHING:
		c.literals = c.match = 0;
		break;
	case OP_PREVIOUS:
	case OP_END:
	case OP_UNDEFINED:
		break;
	}
	return c;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

#define WORD 8

/* In whole words if @room: there is one more of them behind both. */
static void copy(uint8_t *to, const uint8_t *from, size_t n, bool room)
{
	for (size_t i = 0; room && i < n; i += WORD)
		memcpy(to + i, from + i, WORD);
	for (size_t i = 0; !room && i < n; i++)
		to[i] = from[i];
}

size_t lzvn_decode(const uint8_t *src, size_t len, uint8_t *dst, size_t cap)
{
	size_t in = 0, out = 0, dist = 0;
	uint8_t kind[256]; /* once for each byte is less than for each opcode */

	for (unsigned c = 0; c < sizeof(kind); c++)
		kind[c] = (uint8_t)classify((uint8_t)c);
	while (in < len && out < cap) {
		enum op op = (enum op)kind[src[in]];
		struct code c;
		size_t n;

		if (op == OP_END || op == OP_UNDEFINED || len - in < op_len[op])
			break;
		c = parse(op, src + in, dist);
		in += op_len[op];
		n = smaller(c.literals, smaller(len - in, cap - out));
		copy(dst + out, src + in, n,
		     len - in >= n + WORD && cap - out >= n + WORD);
		in += n;
		out += n;
		if (n < c.literals)
			break;
		dist = c.dist;
		if (c.match && (!dist || dist > out))
			break;
		/* the match may reach into what it writes */
		n = smaller(c.match, cap - out);
		copy(dst + out, dst + out - dist, n,
		     dist >= WORD && cap - out >= n + WORD);
		out += n;
	}
	return out;
}

#define HASH_BITS 15
#define WAYS	  4
#define LAZY_MAX  16 /* a match so long is taken at once */

struct encoder {
	const uint8_t *src;
	size_t len;
	size_t dist; /* previous distance, 0 at first */
	struct buf *out;
	uint32_t seen[1 << HASH_BITS][WAYS]; /* position + 1, newest first */
};

static uint32_t hash3(const uint8_t *p)
{
	uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return v * 2654435761u >> (32 - HASH_BITS);
}

static void remember(struct encoder *z, size_t at)
{
	uint32_t *way;

	if (z->len - at < 4)
		return;
	way = z->seen[hash3(z->src + at)];
	memmove(way + 1, way, (WAYS - 1) * sizeof(*way));
	way[0] = (uint32_t)at + 1;
}

static size_t common(const struct encoder *z, size_t a, size_t b)
{
	uint64_t x, y;
	size_t n = 0;

	for (; z->len - b - n >= sizeof(x); n += sizeof(x)) {
		memcpy(&x, z->src + a + n, sizeof(x));
		memcpy(&y, z->src + b + n, sizeof(y));
		if (x != y)
			return n + (size_t)__builtin_ctzll(x ^ y) / 8;
	}
	while (b + n < z->len && z->src[a + n] == z->src[b + n])
		n++;
	return n;
}

/* A match, and how many bytes it saves; none if that is 0. */
struct match {
	size_t len, dist, gain;
};

static void consider(const struct encoder *z, size_t at, size_t dist, struct match *best)
{
	size_t cost = dist == z->dist ? 1 : dist < SMALL_DIST ? 2 : 3;
	size_t needed = cost + best->gain, n; /* and one byte more */

	if (needed >= z->len - at || z->src[at - dist + needed] != z->src[at + needed])
		return;
	n = common(z, at - dist, at);
	if (n >= MIN_MATCH && n > needed)
		*best = (struct match){n, dist, n - cost};
}

/* The best match for what is at @at. */
static struct match find(const struct encoder *z, size_t at)
{
	struct match best = {.gain = 0};
	const uint32_t *way;

	if (z->len - at < 4)
		return best;
	if (z->dist && z->dist <= at)
		consider(z, at, z->dist, &best);
	way = z->seen[hash3(z->src + at)];
	for (unsigned i = 0; i < WAYS && way[i] && at - (way[i] - 1) <= MAX_DIST; i++)
		consider(z, at, at - (way[i] - 1), &best);
	return best;
}

static int emit(struct encoder *z, const uint8_t *op, size_t n, const uint8_t *lit,
		size_t l, struct err *e)
{
	int r = buf_append(z->out, op, n, e);

	return r ? r : buf_append(z->out, lit, l, e);
}

/* Literals that no match takes along; leaves at most 3 to go with the match. */
static int emit_literals(struct encoder *z, const uint8_t **lit, size_t *n, size_t leave,
			 struct err *e)
{
	while (*n > leave) {
		size_t l = smaller(*n, MAX_RUN);
		uint8_t op[2] = {0xe0, (uint8_t)(l - 16)};
		int r;

		if (l < 16)
			op[0] = (uint8_t)(0xe0 | l);
		r = emit(z, op, l < 16 ? 1 : 2, *lit, l, e);
		if (r)
			return r;
		*lit += l;
		*n -= l;
	}
	return 0;
}

/* More of the match at the previous distance. */
static int emit_rest(struct encoder *z, size_t m, struct err *e)
{
	int r = 0;

	while (!r && m) {
		size_t n = smaller(m, MAX_RUN);
		uint8_t op[2] = {0xf0, (uint8_t)(n - 16)};

		if (n < 16)
			op[0] = (uint8_t)(0xf0 | n);
		r = buf_append(z->out, op, n < 16 ? 1 : 2, e);
		m -= n;
	}
	return r;
}

/* An opcode with @l <= 3 literals and the first bytes of a match of @m at @dist. */
static int emit_match(struct encoder *z, const uint8_t *lit, size_t l, size_t m,
		      size_t dist, struct err *e)
{
	size_t first = smaller(m, 10 - 2 * l);
	uint8_t op[3] = {(uint8_t)(l << 6 | (first - MIN_MATCH) << 3)};
	size_t n = 3;
	int r;

	if (dist == z->dist && !l)
		return emit_rest(z, m, e);
	if (dist == z->dist) {
		op[0] |= 6;
		n = 1;
	} else if (dist < SMALL_DIST) {
		op[0] |= (uint8_t)(dist >> 8);
		op[1] = (uint8_t)dist;
		n = 2;
	} else if (dist < MEDIUM_DIST) {
		first = smaller(m, 34);
		op[0] = (uint8_t)(0xa0 | l << 3 | (first - MIN_MATCH) >> 2);
		op[1] = (uint8_t)(dist << 2 | ((first - MIN_MATCH) & 3));
		op[2] = (uint8_t)(dist >> 6);
	} else {
		op[0] |= 7;
		op[1] = (uint8_t)dist;
		op[2] = (uint8_t)(dist >> 8);
	}
	r = emit(z, op, n, lit, l, e);
	z->dist = dist;
	return r ? r : emit_rest(z, m - first, e);
}

static int encode(struct encoder *z, struct err *e)
{
	static const uint8_t end[END_LEN] = {0x06};
	size_t at = 0, pending = 0; /* @pending literals before @at are not written yet */
	struct match m = find(z, at), later;
	const uint8_t *lit;
	int r = 0;

	while (!r && at < z->len) {
		remember(z, at);
		later = m.len < LAZY_MAX ? find(z, at + 1) : (struct match){.gain = 0};
		/* a literal, and a better match behind it? */
		if (!m.gain || later.gain > m.gain) {
			m = later;
			at++;
			pending++;
			continue;
		}
		lit = z->src + at - pending;
		r = emit_literals(z, &lit, &pending, 3, e);
		if (!r)
			r = emit_match(z, lit, pending, m.len, m.dist, e);
		pending = 0;
		while (--m.len)
			remember(z, ++at);
		m = find(z, ++at);
	}
	lit = z->src + at - pending;
	if (!r)
		r = emit_literals(z, &lit, &pending, 0, e);
	return r ? r : buf_append(z->out, end, sizeof(end), e);
}

int lzvn_encode(const uint8_t *src, size_t len, struct buf *out, struct err *e)
{
	struct encoder *z;
	int r;

	if (len >= UINT32_MAX)
		return err_set(e, E_OVERFLOW, "too large to compress: %zu bytes", len);
	z = calloc(1, sizeof(*z));
	if (!z)
		return err_set(e, E_NOMEM, "out of memory");
	z->src = src;
	z->len = len;
	z->out = out;
	r = encode(z, e);
	free(z);
	return r;
}
