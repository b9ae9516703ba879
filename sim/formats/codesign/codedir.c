/* SPDX-License-Identifier: MIT */
/* Reading code directories. */
#include "sim/formats/codesign/codedir.h"

#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/codesign/blob.h"

/* How long the fixed part is at least, from version to version. */
#define FIXED_MIN 44u

/* A field that a version brought: 0 in older ones. */
#define FIELD32(raw, d, since, name)                                                     \
	((d)->version >= (since) &&                                                      \
			 range_inside(offsetof(struct cs_codedir_raw, name), 4,          \
				      (d)->whole.len)                                    \
		 ? be32_get((raw)->name)                                                 \
		 : 0)

static int read_string(const struct cs_codedir *d, uint32_t off, const char *what,
		       const char **ret, struct err *e)
{
	const uint8_t *p = d->whole.p + off;
	const uint8_t *end;

	if (off >= d->whole.len)
		return err_set(e, E_CORRUPT, "the %s at offset 0x%x lies outside", what,
			       off);
	end = memchr(p, 0, d->whole.len - off);
	if (!end || end - p >= CS_IDENT_MAX)
		return err_set(e, E_CORRUPT, "the %s at offset 0x%x has no end", what,
			       off);
	*ret = (const char *)p;
	return 0;
}

static int check_hashes(const struct cs_codedir *d, uint32_t pre_encrypt, struct err *e)
{
	uint64_t before = (uint64_t)d->hash_size * d->n_special;
	uint64_t code = (uint64_t)d->hash_size * d->n_code;

	if (before > d->hash_offset ||
	    !range_inside(d->hash_offset, code, d->whole.len))
		return err_set(e, E_CORRUPT,
			       "%u + %u hashes at offset 0x%x lie outside", d->n_special,
			       d->n_code, d->hash_offset);
	if (pre_encrypt && !range_inside(pre_encrypt, code, d->whole.len))
		return err_set(e, E_CORRUPT,
			       "the pre-encrypt hashes at offset 0x%x lie outside",
			       pre_encrypt);
	if (d->hash && d->hash->len != d->hash_size)
		return err_set(e, E_CORRUPT, "hashes of %u bytes, where %s has %u",
			       d->hash_size, d->hash->name, d->hash->len);
	return 0;
}

/* A vector of page ranges, ended by one of no pages; the pages it names must be there. */
static int check_scatter(const struct cs_codedir *d, uint32_t off, struct err *e)
{
	uint64_t pages = 0;

	for (uint64_t at = off;; at += sizeof(struct cs_scatter_raw)) {
		uint32_t count;

		if (!range_inside(at, sizeof(struct cs_scatter_raw), d->whole.len))
			return err_set(e, E_CORRUPT,
				       "the scatter vector at offset 0x%x has no end",
				       off);
		count = get_be32(d->whole.p + at);
		if (!count)
			break;
		pages += count;
	}
	if (pages > d->n_code)
		return err_set(e, E_CORRUPT, "the scatter vector names %llu of %u pages",
			       (unsigned long long)pages, d->n_code);
	return 0;
}

static int check_coverage(const struct cs_codedir *d, struct err *e)
{
	uint64_t pages = d->limit ? 1 : 0;

	if (d->page_shift > CS_PAGE_MAX)
		return err_set(e, E_CORRUPT, "pages of 2^%u bytes", d->page_shift);
	if (d->page_shift && d->limit)
		pages = ((d->limit - 1) >> d->page_shift) + 1;
	if (pages != d->n_code || (d->page_shift && !d->limit))
		return err_set(e, E_CORRUPT, "offset 0x%zx: %u page hashes for 0x%llx bytes",
			       offsetof(struct cs_codedir_raw, n_code), d->n_code,
			       (unsigned long long)d->limit);
	return 0;
}

static int read_fixed(struct cs_codedir *d, struct err *e)
{
	const struct cs_codedir_raw *raw = (const struct cs_codedir_raw *)d->whole.p;

	if (d->whole.len < FIXED_MIN)
		return err_set(e, E_CORRUPT, "a code directory that ends at offset 0x%zx",
			       d->whole.len);
	d->version = be32_get(raw->version);
	if (d->version < CS_CD_EARLIEST || d->version > CS_CD_NEWEST)
		return err_set(e, E_UNSUPPORTED, "a code directory of version 0x%x",
			       d->version);
	d->flags = be32_get(raw->flags);
	d->hash_offset = be32_get(raw->hash_offset);
	d->n_special = be32_get(raw->n_special);
	d->n_code = be32_get(raw->n_code);
	d->limit = be32_get(raw->code_limit);
	d->hash_size = raw->hash_size;
	d->hash_type = raw->hash_type;
	d->hash = cs_hash_by_type(raw->hash_type);
	d->platform = raw->platform;
	d->page_shift = raw->page_shift;
	if (d->version >= CS_CD_LIMIT64 &&
	    range_inside(offsetof(struct cs_codedir_raw, code_limit64), 8,
			 d->whole.len) &&
	    be64_get(raw->code_limit64))
		d->limit = be64_get(raw->code_limit64);
	return 0;
}

int cs_codedir_open(struct span blob, struct cs_codedir *ret, struct err *e)
{
	struct cs_codedir d = {.hash = NULL};
	const struct cs_codedir_raw *raw;
	uint32_t team, scatter;
	int r = cs_blob_open(blob, CS_MAGIC_CODEDIRECTORY, &d.whole, e);

	if (!r)
		r = read_fixed(&d, e);
	if (r)
		return r;
	raw = (const struct cs_codedir_raw *)d.whole.p;
	team = FIELD32(raw, &d, CS_CD_TEAM, team_offset);
	scatter = FIELD32(raw, &d, CS_CD_SCATTER, scatter_offset);
	r = read_string(&d, be32_get(raw->ident_offset), "identifier", &d.ident, e);
	if (!r && team)
		r = read_string(&d, team, "team identifier", &d.team, e);
	if (!r)
		r = check_hashes(&d,
				 FIELD32(raw, &d, CS_CD_RUNTIME, pre_encrypt_offset), e);
	if (!r && scatter)
		r = check_scatter(&d, scatter, e);
	if (!r)
		r = check_coverage(&d, e);
	if (r)
		return err_ctx(e, "code directory");
	*ret = d;
	return 0;
}

const uint8_t *cs_codedir_page(const struct cs_codedir *d, uint32_t page)
{
	return d->whole.p + d->hash_offset + (size_t)page * d->hash_size;
}

const uint8_t *cs_codedir_special(const struct cs_codedir *d, unsigned slot)
{
	const uint8_t *h;

	if (!slot || slot > d->n_special)
		return NULL;
	h = d->whole.p + d->hash_offset - (size_t)slot * d->hash_size;
	for (unsigned i = 0; i < d->hash_size; i++)
		if (h[i])
			return h;
	return NULL;
}

int cs_codedir_hash(const struct cs_codedir *d, uint8_t out[static CS_HASH_MAX],
		    struct err *e)
{
	return cs_hash_of(d->hash, d->whole, out, e);
}

int cs_codedir_check_pages(const struct cs_codedir *d, struct span code,
			   uint32_t *ret_bad, struct err *e)
{
	uint8_t got[CS_HASH_MAX];
	uint64_t size = d->page_shift ? 1ull << d->page_shift : d->limit;
	uint64_t off = 0;

	if (code.len < d->limit)
		return err_set(e, E_CORRUPT,
			       "the pages cover 0x%llx bytes, where there are 0x%zx",
			       (unsigned long long)d->limit, code.len);
	for (uint32_t i = 0; i < d->n_code; i++, off += size) {
		uint64_t n = d->limit - off < size ? d->limit - off : size;
		int r = cs_hash_of(d->hash, (struct span){code.p + off, n}, got, e);

		if (r)
			return r;
		if (memcmp(got, cs_codedir_page(d, i), d->hash->len) != 0) {
			*ret_bad = i;
			return 0;
		}
	}
	*ret_bad = d->n_code;
	return 0;
}
