/* SPDX-License-Identifier: MIT */
/* Making the laboratory's X.509 certificates: the same input gives the same bytes. */
#ifndef SIM_PLATFORM_LAB_CERT_H
#define SIM_PLATFORM_LAB_CERT_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "sim/base/span.h"

#define LAB_SERIAL_LEN	   8
#define LAB_CERT_NO_END	   "99991231235959Z" /* RFC 5280 */
#define LAB_EXTENSIONS_MAX 4

/* A subject or issuer; NULL leaves a component out. In this order in the certificate. */
struct lab_name {
	const char *uid, *cn, *ou, *o;
};

struct lab_extension {
	const char *oid;
	bool critical;
	struct span value; /* DER */
};

struct lab_cert_spec {
	struct lab_name subject, issuer;
	EVP_PKEY *key;	      /* of the subject; public part */
	EVP_PKEY *issuer_key; /* RSA */
	uint8_t serial[LAB_SERIAL_LEN];
	const char *not_before, *not_after; /* YYYYMMDDHHMMSSZ */
	int path_len;			    /* -1: not an authority */
	const char *extended_usage; /* "codeSigning", as OpenSSL's conf files have it; NULL */
	const EVP_MD *digest;
	struct lab_extension extension[LAB_EXTENSIONS_MAX]; /* ends with a NULL oid */
};

/* Append the certificate as DER. E_INFRA. */
int lab_cert_make(const struct lab_cert_spec *s, struct buf *out,
		  struct err *e) MUST_CHECK;

#endif
