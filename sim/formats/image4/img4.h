/* SPDX-License-Identifier: MIT */
/*
 * IMG4: a payload and the manifest that vouches for it, in one file.
 *
 *	SEQUENCE { IA5 "IMG4", IM4P, [0] { IM4M } OPTIONAL, [1] { IM4R } OPTIONAL }
 *	IM4R: SEQUENCE { IA5 "IM4R", SET { [PRIVATE 'BNCN'] { SEQUENCE {
 *	                 IA5 "BNCN", OCTET STRING (8) } } } }
 */
#ifndef SIM_FORMATS_IMAGE4_IMG4_H
#define SIM_FORMATS_IMAGE4_IMG4_H

#include "sim/formats/image4/im4m.h"

#define IMG4_GENERATOR_LEN 8

struct img4 {
	struct im4p payload;
	bool has_manifest;
	struct im4m manifest;
	bool has_generator; /* IM4R with BNCN */
	uint8_t generator[IMG4_GENERATOR_LEN];
};

/* Spans point into @bytes. E_CORRUPT, E_OVERFLOW. Nothing is verified. */
int img4_parse(const void *bytes, size_t len, struct img4 *ret, struct err *e) MUST_CHECK;

/* Append. @im4p and @im4m are whole elements; no manifest when im4m.p is NULL, no IM4R
   when @generator is NULL. */
int img4_write(struct span im4p, struct span im4m, const uint8_t *generator,
	       struct buf *out, struct err *e) MUST_CHECK;
int im4r_write(const uint8_t generator[static IMG4_GENERATOR_LEN], struct buf *out,
	       struct err *e) MUST_CHECK;

#endif
