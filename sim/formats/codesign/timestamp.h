/* SPDX-License-Identifier: MIT */
/*
 * Time stamps (RFC 3161): an authority signs that it saw a signature at a time. Apple's
 * codesign asks for one whenever it signs with a Developer ID.
 */
#ifndef SIM_FORMATS_CODESIGN_TIMESTAMP_H
#define SIM_FORMATS_CODESIGN_TIMESTAMP_H

#include "sim/formats/codesign/cms.h"

#define CS_OID_TIMESTAMP "1.2.840.113549.1.9.16.2.14" /* unsigned attribute of a signer */

/* Append a token (DER) for @signature. */
int cs_timestamp_make(const struct cs_signer *tsa, struct span signature, int64_t time,
		      struct buf *out, struct err *e) MUST_CHECK;

/*
 * Verify the token @der for @signature. *ret_time is what it says; @chain gets the
 * authority's certificates. *ret_status and errors as cs_cms_verify.
 */
int cs_timestamp_verify(struct span der, struct span signature,
			const struct cs_anchors *anchors, int64_t *ret_time,
			struct cs_chain *chain, int *ret_status,
			struct err *e) MUST_CHECK;

#endif
