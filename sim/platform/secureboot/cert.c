/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/cert.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>


/* Fixed, so that bytes do not depend on when they are made; nobody here checks them. */
#define NOT_BEFORE "20200101000000Z"

static int append_der(unsigned char *der, int len, struct buf *out, struct err *e)
{
	int r = len > 0 ? buf_append(out, der, (size_t)len, e)
			: err_set(e, E_INFRA, "OpenSSL: encoding failed");

	OPENSSL_free(der);
	return r;
}

int sb_cert_make(const struct sb_cert_spec *s, struct buf *out, struct err *e)
{
	struct lab_cert_spec c = {
		.subject = {.cn = s->subject, .o = "kextlab"},
		.issuer = {.cn = s->issuer, .o = "kextlab"},
		.key = s->key,
		.issuer_key = s->issuer_key,
		.not_before = NOT_BEFORE,
		.not_after = LAB_CERT_NO_END,
		.path_len = s->path_len,
		.digest = EVP_sha384(),
	};

	memcpy(c.serial, s->serial, sizeof(c.serial));
	if (s->constraints.p)
		c.extension[0] = (struct lab_extension){.oid = IMG4_CONSTRAINTS_OID,
							.value = s->constraints};
	return lab_cert_make(&c, out, e);
}

int sb_key_spki(EVP_PKEY *key, struct buf *out, struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return append_der(der, len, out, e);
}

int sb_key_digest(EVP_PKEY *key, uint8_t out[static IMG4_DIGEST_LEN], struct err *e)
{
	struct buf b = BUF_INIT;
	int r = sb_key_spki(key, &b, e);

	if (!r)
		r = img4_digest((struct span){b.data, b.len}, out, e);
	buf_release(&b);
	return r;
}

int sb_cert_key_digest(struct span cert, uint8_t out[static IMG4_DIGEST_LEN],
		       struct err *e)
{
	const uint8_t *p = cert.p;
	X509 *x = cert.len ? d2i_X509(NULL, &p, (long)cert.len) : NULL;
	EVP_PKEY *key = x && p == cert.p + cert.len ? X509_get0_pubkey(x) : NULL;
	int r = key ? sb_key_digest(key, out, e)
		    : err_set(e, E_CORRUPT, "the certificate is damaged");

	ERR_clear_error();
	X509_free(x);
	return r;
}
