/* SPDX-License-Identifier: MIT */
/* The hashes that code directories use. */
#ifndef SIM_FORMATS_CODESIGN_HASH_H
#define SIM_FORMATS_CODESIGN_HASH_H

#include <openssl/evp.h>

#include "sim/base/span.h"
#include "sim/formats/codesign/raw.h"

enum cs_hash_type {
	CS_HASH_SHA1 = 1,
	CS_HASH_SHA256 = 2,
	CS_HASH_SHA256_TRUNCATED = 3, /* of pages; 20 bytes */
	CS_HASH_SHA384 = 4,
};

struct cs_hash {
	enum cs_hash_type type;
	const char *name;     /* as codesign -d prints it */
	const char *seal_key; /* of a file in CodeResources */
	unsigned len;	      /* of what is stored */
	unsigned full_len;    /* of the digest itself */
	int nid;	      /* OpenSSL's, names the digest in CMS attributes */
	unsigned rank;	      /* of those there are, the highest is believed */
	const EVP_MD *(*md)(void);
};

/* NULL for a type that is not known. */
const struct cs_hash *cs_hash_by_type(unsigned type);
const struct cs_hash *cs_hash_by_nid(int nid);

/* @h->full_len bytes; what is stored are the first @h->len of them. E_INFRA. */
int cs_hash_of(const struct cs_hash *h, struct span data, uint8_t out[static CS_HASH_MAX],
	       struct err *e) MUST_CHECK;

#endif
