/* SPDX-License-Identifier: MIT */
/*
 * IM4M: a manifest. It lists digests of objects and what machine they are for, and is
 * signed.
 *
 *	SEQUENCE { IA5 "IM4M", INTEGER 0, SET { MANB }, OCTET STRING signature,
 *	           SEQUENCE { certificate... } }
 *	MANB: [PRIVATE 'MANB'] { SEQUENCE { IA5 "MANB", SET { MANP, Object... } } }
 *	MANP, Object: [PRIVATE name] { SEQUENCE { IA5 name, SET OF Property } }
 *
 * The signature is over the SET, tag and length included, by the key of the last
 * certificate; each certificate is signed by the one before it, the first by an anchor
 * that is not in the file.
 */
#ifndef SIM_FORMATS_IMAGE4_IM4M_H
#define SIM_FORMATS_IMAGE4_IM4M_H

#include <openssl/evp.h>

#include "sim/formats/image4/im4p.h"

#define IM4M_OBJECTS_MAX   256u
#define IM4M_CERTS_MAX	   4u
#define IM4M_CERT_SIZE_MAX 8192u

struct im4m {
	struct span whole; /* nsih is SHA-384 of it */
	struct span signed_set;
	struct img4_props manp;
	struct der objects; /* MANP and objects, known to be good */
	struct span signature;
	struct span cert[IM4M_CERTS_MAX]; /* X.509, DER */
	size_t n_certs;
};

/* Spans point into @bytes. E_CORRUPT, E_OVERFLOW. Nothing is verified. */
int im4m_parse(const void *bytes, size_t len, struct im4m *ret, struct err *e) MUST_CHECK;
int im4m_take(struct der *d, struct im4m *ret, struct err *e) MUST_CHECK;

/* False when the manifest has no object of that name. */
bool im4m_object(const struct im4m *m, uint32_t name, struct img4_props *ret);
/* Walk: start with *at = m->objects. MANP is left out. */
bool im4m_next_object(struct der *at, uint32_t *ret_name, struct img4_props *ret);

struct im4m_object {
	uint32_t name;
	const struct img4_prop *props;
	size_t n_props;
};

/* Who signs: the private key of the last certificate. All borrowed. */
struct im4m_signer {
	EVP_PKEY *key; /* RSA (PKCS #1 v1.5) or P-384; SHA-384 */
	struct span cert[IM4M_CERTS_MAX];
	size_t n_certs;
};

struct im4m_spec {
	const struct img4_prop *manp;
	size_t n_manp;
	const struct im4m_object *objects; /* in the order in which they are written */
	size_t n_objects;
};

/* Append the signed manifest. The same input gives the same bytes, with either kind of
 * key. */
int im4m_sign(const struct im4m_spec *s, const struct im4m_signer *by, struct buf *out,
	      struct err *e) MUST_CHECK;

#endif
