/* SPDX-License-Identifier: MIT */
/* Building a chain from a signer's certificate, and judging it at a time. */
#ifndef SIM_FORMATS_CODESIGN_TRUST_H
#define SIM_FORMATS_CODESIGN_TRUST_H

#include <time.h>

#include "sim/formats/codesign/chain.h"

enum cs_purpose {
	CS_PURPOSE_CODE,      /* the leaf has to be for signing code */
	CS_PURPOSE_TIMESTAMP, /* ... for time stamps */
};

struct cs_trust_spec {
	X509 *leaf;
	STACK_OF(X509) *others; /* that came with the signature; may be NULL */
	const struct cs_anchors *anchors; /* roots that need not come with it */
	enum cs_purpose purpose;
	time_t at;
	bool tolerate_expiry; /* go on, and say so */
};

/*
 * Append leaf to self-signed root to @chain. As with Apple's verifier any root will do
 * here (implicit anchors): who it is, is for requirements to judge. *ret_status is CS_OK or
 * an enum cs_status, whose reason is in @e; *ret_expired: a certificate was not valid @at.
 * Only what says nothing of the certificates is an error: E_NOMEM, E_INFRA.
 */
int cs_trust_evaluate(const struct cs_trust_spec *s, struct cs_chain *chain,
		      bool *ret_expired, int *ret_status, struct err *e) MUST_CHECK;

#endif
