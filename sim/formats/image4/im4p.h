/* SPDX-License-Identifier: MIT */
/*
 * IM4P: the payload of an Image4 file and what it is.
 *
 *	SEQUENCE { IA5 "IM4P", IA5 type, IA5 description, OCTET STRING data,
 *	           OCTET STRING keybags OPTIONAL,
 *	           SEQUENCE { INTEGER algorithm, INTEGER uncompressed size } OPTIONAL,
 *	           [0] { SEQUENCE { IA5 "PAYP", SET OF Property } } OPTIONAL }
 *
 * DGST of a manifest is SHA-384 over the whole of it.
 */
#ifndef SIM_FORMATS_IMAGE4_IM4P_H
#define SIM_FORMATS_IMAGE4_IM4P_H

#include "sim/formats/image4/props.h"

#define IMG4_DIGEST_LEN	     48
#define IMG4_DESCRIPTION_MAX 255u

enum im4p_compression {
	IM4P_LZSS = 0,
	IM4P_LZFSE = 1,
};

struct im4p {
	struct span whole; /* of one that was parsed: the element, what DGST is of */
	uint32_t type;
	struct span description; /* no NUL */
	struct span data;	 /* as it stands there, compressed or not */
	struct span keybags;	 /* p is NULL when there are none */
	bool compressed;
	uint64_t algorithm; /* enum im4p_compression, or what nobody knows */
	uint64_t full_size; /* bytes when uncompressed */
	struct img4_props payp;
};

/* Spans point into @bytes. E_CORRUPT, E_OVERFLOW. im4p_take: from a run of elements. */
int im4p_parse(const void *bytes, size_t len, struct im4p *ret, struct err *e) MUST_CHECK;
int im4p_take(struct der *d, struct im4p *ret, struct err *e) MUST_CHECK;

/* Append; @p->whole is not looked at. @payp: properties for PAYP, none when @n is 0. */
int im4p_write(const struct im4p *p, const struct img4_prop *payp, size_t n,
	       struct buf *out, struct err *e) MUST_CHECK;
/* The common case: a type, a description and uncompressed bytes. */
int im4p_make(uint32_t type, const char *description, const void *data, size_t len,
	      struct buf *out, struct err *e) MUST_CHECK;

/* SHA-384. E_INFRA when OpenSSL has none. */
int img4_digest(struct span s, uint8_t out[static IMG4_DIGEST_LEN],
		struct err *e) MUST_CHECK;

#endif
