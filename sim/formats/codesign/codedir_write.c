/* SPDX-License-Identifier: MIT */
/* Making code directories. */
#include <string.h>

#include "sim/formats/codesign/blob.h"
#include "sim/formats/codesign/codedir.h"

/* The parts: fixed part, identifier, team, hashes of slots, hashes of pages. */
struct layout {
	uint32_t version, n_special, n_code;
	size_t fixed, ident, team, hashes, total;
};

/* Versions that codesign chooses for a kext, and where their fixed part ends. */
static void choose_version(const struct cs_codedir_spec *s, struct layout *l)
{
	if (s->code.len > UINT32_MAX) {
		l->version = CS_CD_LIMIT64;
		l->fixed = offsetof(struct cs_codedir_raw, exec_base);
	} else if (s->team) {
		l->version = CS_CD_TEAM;
		l->fixed = offsetof(struct cs_codedir_raw, spare3);
	} else {
		l->version = CS_CD_SCATTER;
		l->fixed = offsetof(struct cs_codedir_raw, team_offset);
	}
}

static struct layout plan(const struct cs_codedir_spec *s)
{
	struct layout l = {.n_code = s->code.len ? 1 : 0};

	choose_version(s, &l);
	for (uint32_t i = 1; i <= CS_SLOT_MAX; i++)
		if (s->special[i].p)
			l.n_special = i;
	if (s->page_shift && s->code.len)
		l.n_code = (uint32_t)(((s->code.len - 1) >> s->page_shift) + 1);
	l.ident = l.fixed;
	l.team = l.ident + strlen(s->ident) + 1;
	l.hashes = l.team + (s->team ? strlen(s->team) + 1 : 0);
	l.total = l.hashes + (size_t)(l.n_special + l.n_code) * s->hash->len;
	return l;
}

size_t cs_codedir_len(const struct cs_codedir_spec *s)
{
	return plan(s).total;
}

static int put_fixed(const struct cs_codedir_spec *s, const struct layout *l,
		     struct buf *out, struct err *e)
{
	bool big = s->code.len > UINT32_MAX;
	struct cs_codedir_raw raw = {
		.magic = to_be32(CS_MAGIC_CODEDIRECTORY),
		.length = to_be32((uint32_t)l->total),
		.version = to_be32(l->version),
		.flags = to_be32(s->flags),
		.hash_offset = to_be32(
			(uint32_t)(l->hashes + (size_t)l->n_special * s->hash->len)),
		.ident_offset = to_be32((uint32_t)l->ident),
		.n_special = to_be32(l->n_special),
		.n_code = to_be32(l->n_code),
		.code_limit = to_be32(big ? UINT32_MAX : (uint32_t)s->code.len),
		.hash_size = (uint8_t)s->hash->len,
		.hash_type = (uint8_t)s->hash->type,
		.page_shift = (uint8_t)s->page_shift,
		.team_offset = to_be32(s->team ? (uint32_t)l->team : 0),
		.code_limit64 = to_be64(big ? s->code.len : 0),
	};

	return buf_append(out, &raw, l->fixed, e);
}

static int put_hash(const struct cs_codedir_spec *s, struct span data, struct buf *out,
		    struct err *e)
{
	uint8_t h[CS_HASH_MAX] = {0};
	int r = data.p ? cs_hash_of(s->hash, data, h, e) : 0;

	return r ? r : buf_append(out, h, s->hash->len, e);
}

static int put_hashes(const struct cs_codedir_spec *s, const struct layout *l,
		      struct buf *out, struct err *e)
{
	size_t page = s->page_shift ? (size_t)1 << s->page_shift : s->code.len;
	int r = 0;

	for (uint32_t i = l->n_special; i > 0 && !r; i--)
		r = put_hash(s, s->special[i], out, e);
	for (uint32_t i = 0; i < l->n_code && !r; i++) {
		size_t off = i * page, left = s->code.len - off;

		r = put_hash(s, (struct span){s->code.p + off, left < page ? left : page},
			     out, e);
	}
	return r;
}

int cs_codedir_write(const struct cs_codedir_spec *s, struct buf *out, struct err *e)
{
	struct layout l = plan(s);
	int r;

	if (l.total > UINT32_MAX || strlen(s->ident) >= CS_IDENT_MAX ||
	    (s->team && strlen(s->team) >= CS_IDENT_MAX))
		return err_set(e, E_OVERFLOW, "'%s' is too big to be signed", s->ident);
	r = put_fixed(s, &l, out, e);
	if (!r)
		r = buf_append(out, s->ident, strlen(s->ident) + 1, e);
	if (!r && s->team)
		r = buf_append(out, s->team, strlen(s->team) + 1, e);
	return r ? r : put_hashes(s, &l, out, e);
}
