/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/hash.h"

#include <openssl/obj_mac.h>

/* hashPriorities of codedirectory.cpp; ResourceBuilder::hashName for the keys. */
static const struct cs_hash hashes[] = {
	{CS_HASH_SHA1, "sha1", "hash", 20, 20, NID_sha1, 1, EVP_sha1},
	{CS_HASH_SHA256, "sha256", "hash2", 32, 32, NID_sha256, 3, EVP_sha256},
	{CS_HASH_SHA256_TRUNCATED, "sha256-truncated", "hash3", 20, 32, NID_sha256, 2,
	 EVP_sha256},
	{CS_HASH_SHA384, "sha384", "hash4", 48, 48, NID_sha384, 4, EVP_sha384},
};

#define N_HASHES (sizeof(hashes) / sizeof(hashes[0]))

const struct cs_hash *cs_hash_by_type(unsigned type)
{
	for (size_t i = 0; i < N_HASHES; i++)
		if ((unsigned)hashes[i].type == type)
			return &hashes[i];
	return NULL;
}

const struct cs_hash *cs_hash_by_nid(int nid)
{
	for (size_t i = 0; i < N_HASHES; i++)
		if (hashes[i].nid == nid)
			return &hashes[i];
	return NULL;
}

int cs_hash_of(const struct cs_hash *h, struct span data, uint8_t out[static CS_HASH_MAX],
	       struct err *e)
{
	unsigned n = 0;

	if (!EVP_Digest(data.p, data.len, out, &n, h->md(), NULL) || n != h->full_len)
		return err_set(e, E_INFRA, "OpenSSL: %s failed", h->name);
	return 0;
}
