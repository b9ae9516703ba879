/* SPDX-License-Identifier: MIT */
/* What signatures and time stamps share of OpenSSL's CMS. */
#ifndef SIM_FORMATS_CODESIGN_CMS_IMPL_H
#define SIM_FORMATS_CODESIGN_CMS_IMPL_H

#include <openssl/cms.h>

#include "sim/formats/codesign/cms.h"

/* err_set with what OpenSSL says of it; clears OpenSSL's list. Returns -@code. */
int cs_ssl_error(struct err *e, enum err_code code, const char *what);

/* A message in the making: one signer, all its certificates, the time it says. */
CMS_ContentInfo *cs_cms_begin(const struct cs_signer *s, const ASN1_OBJECT *content_type,
			      unsigned flags, int64_t time, CMS_SignerInfo **ret);
/* Add the content, sign, append as DER. */
int cs_cms_finish(CMS_ContentInfo *cms, struct span content, unsigned flags,
		  struct buf *out, struct err *e) MUST_CHECK;

/* NULL unless @der is one SignedData with exactly one signer whose certificate is there;
 * then *ret is that signer. */
CMS_ContentInfo *cs_cms_parse(struct span der, CMS_SignerInfo **ret, X509 **ret_leaf);
/* For who wants to know why not: do the elements of @der fit into each other? E_CORRUPT
 * with the offset of the first that does not. */
int cs_cms_fits(struct span der, struct err *e) MUST_CHECK;

/*
 * Is the signature of @si, whose certificate is @leaf, over @content (p NULL: what is in
 * the message)? With @out the content is appended to it. (CMS_verify does the same, and
 * leaks where the message names no digest.)
 */
bool cs_cms_is_over(CMS_ContentInfo *cms, CMS_SignerInfo *si, X509 *leaf,
		    struct span content, struct buf *out);

/* The only value of attribute @oid, which has to be of @type; NULL when it is not so. */
void *cs_cms_signed_value(CMS_SignerInfo *si, const char *oid, int type);

/* Seconds since 1970; 0 for what is no time. */
int64_t cs_asn1_seconds(const ASN1_TIME *t);

#endif
