/* SPDX-License-Identifier: MIT */
/* Certificates of who signed, and the authorities that count as Apple's. */
#ifndef SIM_FORMATS_CODESIGN_CHAIN_H
#define SIM_FORMATS_CODESIGN_CHAIN_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "sim/base/span.h"

#define CS_CHAIN_MAX   8
#define CS_CERT_MAX    16384u /* bytes of one certificate */
#define CS_ANCHORS_MAX 8

/* Extensions by which Apple says what a certificate is for. */
#define CS_OID_DEVELOPER_ID_CA	 "1.2.840.113635.100.6.2.6"
#define CS_OID_DEVELOPER_ID_LEAF "1.2.840.113635.100.6.1.13"
#define CS_OID_KEXT_SIGNING	 "1.2.840.113635.100.6.1.18"

/* Leaf first, anchor last. Zero-initialise, release with cs_chain_release. */
struct cs_chain {
	X509 *cert[CS_CHAIN_MAX]; /* owned */
	size_t n;
};

void cs_chain_release(struct cs_chain *c);
/* Add a reference to @x. E_OVERFLOW. */
int cs_chain_add(struct cs_chain *c, X509 *x, struct err *e) MUST_CHECK;
/* Certificate @i from the leaf, or from the anchor (-1, -2 ...); NULL when there is none.
 */
X509 *cs_chain_at(const struct cs_chain *c, int32_t i);

/* A certificate from DER; NULL when it is none, or more than one. */
X509 *cs_cert_parse(struct span der);
/* Has @x an extension with this OID (its bytes, without tag and length)? */
bool cs_cert_has_extension(X509 *x, struct span oid);
/* Does its certificatePolicies extension name it? */
bool cs_cert_has_policy(X509 *x, struct span oid);
/* Append the subject's first component @nid; *ret_found says if there is one. */
int cs_cert_subject(X509 *x, int nid, struct buf *out, bool *ret_found,
		    struct err *e) MUST_CHECK;

/*
 * The roots that `anchor apple generic` accepts. What `anchor apple` wants besides is the
 * name of the authority below the root that certifies the vendor's own code; each
 * vendor's is a row of a table in anchors.c.
 */
struct cs_anchors {
	X509 *root[CS_ANCHORS_MAX]; /* owned */
	size_t n;
};

void cs_anchors_release(struct cs_anchors *a);
/* Add a root from DER. E_CORRUPT, E_OVERFLOW. */
int cs_anchors_add(struct cs_anchors *a, struct span der, struct err *e) MUST_CHECK;
/*
 * Add each *.cer (DER) in @folder. A folder that is not there adds nothing, so that
 * nothing is Apple's.
 */
int cs_anchors_load(struct cs_anchors *a, const char *folder, struct err *e) MUST_CHECK;

/* Does @c end in one of them? `anchor apple generic` */
bool cs_chain_is_apple_generic(const struct cs_chain *c, const struct cs_anchors *a);
/* And is the vendor itself who signed? `anchor apple` */
bool cs_chain_is_apple(const struct cs_chain *c, const struct cs_anchors *a);

#endif
