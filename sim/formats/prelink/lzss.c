/* SPDX-License-Identifier: MIT */
/*
 * LZSS with a ring of 4096 bytes. A code is a literal byte, or a pair: low 8 bits of an
 * absolute ring position, then its high 4 bits and length - 3. Flag bytes, lowest bit
 * first, tell literals (1) from pairs (0).
 */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/prelink/lz.h"

#define RING	  4096u
#define RING_MASK (RING - 1)
#define MAX_MATCH 18u
#define MIN_MATCH 3u
#define START	  (RING - MAX_MATCH) /* where the first byte goes; before it are spaces */
#define REACH	  (RING - MAX_MATCH) /* how far back a match may begin */

#define HASH_BITS 14
#define CHAIN_MAX 64 /* candidates that are tried for a match */

size_t lzss_decode(const uint8_t *src, size_t len, uint8_t *dst, size_t cap)
{
	uint8_t ring[RING];
	size_t in = 0, out = 0;
	unsigned r = START, flags = 0;

	memset(ring, ' ', sizeof(ring));
	while (in < len && out < cap) {
		flags >>= 1;
		if (!(flags & 0x100)) {
			flags = src[in++] | 0xff00;
			if (in == len)
				break;
		}
		if (flags & 1) {
			ring[r] = dst[out++] = src[in++];
			r = (r + 1) & RING_MASK;
			continue;
		}
		if (len - in < 2)
			break;
		unsigned at = src[in] | (src[in + 1] & 0xf0u) << 4;
		unsigned n = (src[in + 1] & 0x0fu) + MIN_MATCH;

		in += 2;
		for (; n && out < cap; n--) {
			ring[r] = dst[out++] = ring[at & RING_MASK];
			r = (r + 1) & RING_MASK;
			at++;
		}
	}
	return out;
}

/*
 * Earlier places with the same three bytes: the newest per hash, and links to older ones.
 */
struct matcher {
	const uint8_t *src;
	size_t len;
	uint32_t head[1 << HASH_BITS]; /* position + 1; 0: none */
	uint32_t prev[RING];
};

static uint32_t hash3(const uint8_t *p)
{
	uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return v * 2654435761u >> (32 - HASH_BITS);
}

static void remember(struct matcher *m, size_t at)
{
	uint32_t h;

	if (m->len - at < MIN_MATCH)
		return;
	h = hash3(m->src + at);
	m->prev[at & RING_MASK] = m->head[h];
	m->head[h] = (uint32_t)at + 1;
}

static size_t common(const uint8_t *a, const uint8_t *b, size_t max)
{
	size_t n = 0;

	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/* The longest match for what is at @at; 0 if there is none worth a pair. */
static size_t longest(const struct matcher *m, size_t at, size_t *from)
{
	size_t max = m->len - at < MAX_MATCH ? m->len - at : MAX_MATCH, best = 0;
	uint32_t next;

	if (max < MIN_MATCH)
		return 0;
	next = m->head[hash3(m->src + at)];
	for (unsigned tries = 0; next && tries < CHAIN_MAX; tries++) {
		size_t cand = next - 1, n;

		if (cand >= at || at - cand > REACH)
			break;
		n = common(m->src + cand, m->src + at, max);
		if (n > best) {
			best = n;
			*from = cand;
			if (n == max)
				break;
		}
		next = m->prev[cand & RING_MASK];
		if (next > cand)
			break; /* the link was overwritten by a newer position */
	}
	return best >= MIN_MATCH ? best : 0;
}

/* Up to eight codes behind their flag byte. */
struct group {
	uint8_t byte[1 + 8 * 2];
	unsigned len, n;
};

static size_t add_code(struct matcher *m, struct group *g, size_t at)
{
	size_t from = 0, n = longest(m, at, &from);

	if (!n) {
		g->byte[0] |= (uint8_t)(1u << g->n);
		g->byte[g->len++] = m->src[at];
		n = 1;
	} else {
		unsigned pos = (unsigned)(from + START) & RING_MASK;

		g->byte[g->len++] = (uint8_t)pos;
		g->byte[g->len++] = (uint8_t)((pos >> 4 & 0xf0) | (n - MIN_MATCH));
	}
	g->n++;
	return n;
}

int lzss_encode(const uint8_t *src, size_t len, struct buf *out, struct err *e)
{
	struct matcher *m;
	size_t at = 0;
	int r = 0;

	if (len >= UINT32_MAX)
		return err_set(e, E_OVERFLOW, "too large to compress: %zu bytes", len);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(e, E_NOMEM, "out of memory");
	m->src = src;
	m->len = len;
	while (!r && at < len) {
		struct group g = {.len = 1};

		while (g.n < 8 && at < len) {
			size_t n = add_code(m, &g, at);

			for (; n; n--)
				remember(m, at++);
		}
		r = buf_append(out, g.byte, g.len, e);
	}
	free(m);
	return r;
}
