/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/cert.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Fixed, so that bytes do not depend on when they are made; nobody here checks them. */
#define NOT_BEFORE "20200101000000Z"
#define NOT_AFTER  "99991231235959Z" /* RFC 5280: no end */

static bool set_name(X509_NAME *name, const char *cn)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)cn, -1, -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
					  (const unsigned char *)"kextlab", -1, -1, 0);
}

static bool set_serial(X509 *x, const uint8_t serial[static SB_SERIAL_LEN])
{
	BIGNUM *n = BN_bin2bn(serial, SB_SERIAL_LEN, NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

	BN_free(n);
	return ok;
}

static bool add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = ext && X509_add_ext(x, ext, -1);

	X509_EXTENSION_free(ext);
	return ok;
}

static bool add_constraints(X509 *x, struct span s)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(IMG4_CONSTRAINTS_OID, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool ok = false;

	if (oid && value && ASN1_OCTET_STRING_set(value, s.p, (int)s.len))
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	if (ext)
		ok = X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return ok;
}

static bool add_extensions(X509 *x, const struct sb_cert_spec *s)
{
	char ca[64];

	if (s->path_len < 0)
		snprintf(ca, sizeof(ca), "critical,CA:FALSE");
	else
		snprintf(ca, sizeof(ca), "critical,CA:TRUE,pathlen:%d", s->path_len);
	return add_ext(x, NID_basic_constraints, ca) &&
	       add_ext(x, NID_key_usage,
		       s->path_len < 0 ? "critical,digitalSignature"
				       : "critical,keyCertSign") &&
	       (!s->constraints.p || add_constraints(x, s->constraints));
}

static bool fill(X509 *x, const struct sb_cert_spec *s)
{
	return X509_set_version(x, X509_VERSION_3) && set_serial(x, s->serial) &&
	       set_name(X509_get_subject_name(x), s->subject) &&
	       set_name(X509_get_issuer_name(x), s->issuer) &&
	       ASN1_TIME_set_string_X509(X509_getm_notBefore(x), NOT_BEFORE) &&
	       ASN1_TIME_set_string_X509(X509_getm_notAfter(x), NOT_AFTER) &&
	       X509_set_pubkey(x, s->key) && add_extensions(x, s) &&
	       X509_sign(x, s->issuer_key, EVP_sha384());
}

static int append_der(unsigned char *der, int len, struct buf *out, struct err *e)
{
	int r = len > 0 ? buf_append(out, der, (size_t)len, e)
			: err_set(e, E_INFRA, "OpenSSL: encoding failed");

	OPENSSL_free(der);
	return r;
}

int sb_cert_make(const struct sb_cert_spec *s, struct buf *out, struct err *e)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int r, len;

	if (x && fill(x, s)) {
		len = i2d_X509(x, &der);
		r = append_der(der, len, out, e);
	} else {
		r = err_set(e, E_INFRA, "OpenSSL: making the certificate '%s': %s",
			    s->subject, ERR_reason_error_string(ERR_peek_last_error()));
	}
	ERR_clear_error();
	X509_free(x);
	return r;
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
