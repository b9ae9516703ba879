/* SPDX-License-Identifier: MIT */
#include "sim/base/sha256.h"

#include <openssl/evp.h>

int sha256_init(struct sha256 *s, struct err *e)
{
	*s = (struct sha256){.md = EVP_MD_fetch(NULL, "SHA256", NULL),
			     .ctx = EVP_MD_CTX_new(),
			     .pairs = sha256_can_pair()};
	if (s->md && s->ctx)
		return 0;
	int rc = s->md ? err_set(e, E_NOMEM, "out of memory for a hash")
		       : err_set(e, E_INFRA, "OpenSSL has no SHA-256");

	sha256_release(s);
	return rc;
}

void sha256_release(struct sha256 *s)
{
	EVP_MD_free(s->md);
	EVP_MD_CTX_free(s->ctx);
	*s = (struct sha256){.md = NULL};
}

int sha256_of(struct sha256 *s, const void *data, size_t len,
	      uint8_t out[static SHA256_SIZE], struct err *e)
{
	if (EVP_DigestInit_ex2(s->ctx, s->md, NULL) == 1 &&
	    EVP_DigestUpdate(s->ctx, data, len) == 1 &&
	    EVP_DigestFinal_ex(s->ctx, out, NULL) == 1)
		return 0;
	return err_set(e, E_INFRA, "OpenSSL failed to hash %zu bytes", len);
}
