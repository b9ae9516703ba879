/* SPDX-License-Identifier: MIT */
/*
 * The signature over a code directory: CMS SignedData with detached content (RFC 5652),
 * made and verified with OpenSSL. Signed with it are the time, and the hashes of all code
 * directories, twice: as a property list of cdhashes (attribute 9.1), and in full by
 * algorithm (9.2). (signer.cpp signCodeDirectory, StaticCode.cpp verifySignature)
 */
#ifndef SIM_FORMATS_CODESIGN_CMS_H
#define SIM_FORMATS_CODESIGN_CMS_H

#include <openssl/evp.h>

#include "sim/formats/codesign/chain.h"
#include "sim/formats/codesign/codedir.h"

#define CS_CMS_MAX	 (1u << 20)
#define CS_CODEDIRS_MAX	 6
#define CS_OID_CDHASHES	 "1.2.840.113635.100.9.1"
#define CS_OID_CDHASHES2 "1.2.840.113635.100.9.2"

/* A key, and its certificate up to the root. Release with cs_signer_release. */
struct cs_signer {
	EVP_PKEY *key; /* owned */
	struct cs_chain chain;
};
void cs_signer_release(struct cs_signer *s);

/* All code directories of one signature, the first being the one that is signed. */
struct cs_codedirs {
	struct cs_codedir dir[CS_CODEDIRS_MAX];
	size_t n;
};
/* The one with the best hash that is known; NULL when none is. */
const struct cs_codedir *cs_codedirs_best(const struct cs_codedirs *all);

struct cs_cms_spec {
	const struct cs_signer *signer;
	const struct cs_signer *tsa; /* who stamps the time; NULL: nobody */
	int64_t time;		     /* seconds since 1970 */
};
/* Append the signature over @all as DER. The same input gives the same bytes. */
int cs_cms_sign(const struct cs_cms_spec *s, const struct cs_codedirs *all,
		struct buf *out, struct err *e) MUST_CHECK;

struct cs_cms_result {
	struct cs_chain chain; /* owned */
	bool expired;	       /* now, and nobody stamped the time of signing */
	int64_t signing_time;  /* as the signer says; 0: not said */
	int64_t timestamp;     /* as an authority stamped it; 0: none did */
};
void cs_cms_result_release(struct cs_cms_result *r);

/*
 * Verify the signature @der over @all at the time @now. *ret_status is CS_OK or what is
 * wrong (an enum cs_status), with the reason in @e. Errors are those that say nothing of
 * the signature: E_NOMEM, E_INFRA.
 */
int cs_cms_verify(struct span der, const struct cs_codedirs *all,
		  const struct cs_anchors *anchors, int64_t now,
		  struct cs_cms_result *ret, int *ret_status, struct err *e) MUST_CHECK;

#endif
