/* SPDX-License-Identifier: MIT */
/*
 * The code directory: who the code says it is, and a hash for each page of the executable
 * and for each other part of the signature. Its own hash, cut to 20 bytes, is the cdhash
 * by which systems know the code. (codedirectory.h, cdbuilder.cpp)
 */
#ifndef SIM_FORMATS_CODESIGN_CODEDIR_H
#define SIM_FORMATS_CODESIGN_CODEDIR_H

#include <stdbool.h>

#include "sim/formats/codesign/hash.h"

#define CS_IDENT_MAX 1024

struct cs_codedir {
	struct span whole;	    /* borrowed */
	const struct cs_hash *hash; /* NULL: of a kind that is not known */
	uint32_t version, flags, n_special, n_code, hash_offset;
	uint64_t limit;	     /* bytes of the executable that the pages cover */
	unsigned page_shift; /* 0: one page for all of it */
	uint8_t platform, hash_type, hash_size;
	const char *ident, *team; /* in @whole; @team NULL: none */
};

/*
 * Check the directory at the start of @blob. E_UNSUPPORTED: a version that is too old or
 * too new; E_CORRUPT: something lies outside of it or contradicts itself.
 */
int cs_codedir_open(struct span blob, struct cs_codedir *ret, struct err *e) MUST_CHECK;

/* The stored hash of page @page < n_code. */
const uint8_t *cs_codedir_page(const struct cs_codedir *d, uint32_t page);
/* That of special slot @slot; NULL when absent (outside, or all zero). */
const uint8_t *cs_codedir_special(const struct cs_codedir *d, unsigned slot);

/* The directory's hash in full, cut or not by the caller: @d->hash->full_len bytes. */
int cs_codedir_hash(const struct cs_codedir *d, uint8_t out[static CS_HASH_MAX],
		    struct err *e) MUST_CHECK;

/*
 * Compare the pages of @code, of which @d->limit bytes have to be there. *ret_bad is the
 * first page that differs, or n_code. E_CORRUPT: @code is shorter.
 */
int cs_codedir_check_pages(const struct cs_codedir *d, struct span code,
			   uint32_t *ret_bad, struct err *e) MUST_CHECK;

struct cs_codedir_spec {
	const struct cs_hash *hash;
	uint32_t flags;
	const char *ident, *team; /* @team NULL: none */
	unsigned page_shift;
	struct span special[CS_SLOT_MAX + 1]; /* what each slot is the hash of */
	struct span code;
};
/* Append a directory of the oldest version that can say it, as codesign does. */
int cs_codedir_write(const struct cs_codedir_spec *s, struct buf *out,
		     struct err *e) MUST_CHECK;
/* How long that will be. */
size_t cs_codedir_len(const struct cs_codedir_spec *s);

#endif
