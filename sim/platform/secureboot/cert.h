/* SPDX-License-Identifier: MIT */
/* Certificates of secure boot, and the hashes of keys that chips know. */
#ifndef SIM_PLATFORM_SECUREBOOT_CERT_H
#define SIM_PLATFORM_SECUREBOOT_CERT_H

#include <openssl/evp.h>

#include "sim/formats/image4/img4_verify.h"
#include "sim/platform/lab_cert.h"

#define SB_SERIAL_LEN LAB_SERIAL_LEN

struct sb_cert_spec {
	const char *subject, *issuer; /* common names */
	EVP_PKEY *key;		      /* of the subject; public part */
	EVP_PKEY *issuer_key;	      /* RSA */
	uint8_t serial[SB_SERIAL_LEN];
	int path_len;		 /* -1: not an authority */
	struct span constraints; /* IMG4_CONSTRAINTS_OID; empty: none */
};

/* Append the certificate as DER. E_INFRA. */
int sb_cert_make(const struct sb_cert_spec *s, struct buf *out, struct err *e) MUST_CHECK;

/* Append SubjectPublicKeyInfo of @key as DER. */
int sb_key_spki(EVP_PKEY *key, struct buf *out, struct err *e) MUST_CHECK;
/* SHA-384 of it: what is fused for a root. */
int sb_key_digest(EVP_PKEY *key, uint8_t out[static IMG4_DIGEST_LEN],
		  struct err *e) MUST_CHECK;
/* The same of the key in a certificate. E_CORRUPT. */
int sb_cert_key_digest(struct span cert, uint8_t out[static IMG4_DIGEST_LEN],
		       struct err *e) MUST_CHECK;

#endif
