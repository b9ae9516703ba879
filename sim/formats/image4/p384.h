/* SPDX-License-Identifier: MIT */
/*
 * P-384 keys that follow from bytes, and signatures without randomness (RFC 6979 with
 * SHA-384), which OpenSSL 3.0 does not offer: what is signed when a disk is made has to
 * be the same bytes whenever it is made, and a machine that was restored from a saved
 * state must not sign with the randomness of the one that was saved.
 */
#ifndef SIM_FORMATS_IMAGE4_P384_H
#define SIM_FORMATS_IMAGE4_P384_H

#include <openssl/evp.h>

#include "sim/formats/image4/im4p.h"

#define P384_SCALAR_LEN 48

/* The key whose private scalar is @bytes modulo n - 1, plus 1. Free with EVP_PKEY_free.
 */
int p384_from_bytes(const uint8_t bytes[static P384_SCALAR_LEN], EVP_PKEY **ret,
		    struct err *e) MUST_CHECK;

/* Append ECDSA over @digest, SHA-384 of what is signed, as DER. @key has to be P-384. */
int p384_sign(EVP_PKEY *key, const uint8_t digest[static IMG4_DIGEST_LEN],
	      struct buf *out, struct err *e) MUST_CHECK;

#endif
