/* SPDX-License-Identifier: MIT */
#include "sim/platform/lab_cert.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static bool add_name(X509_NAME *name, const char *field, const char *text)
{
	return !text || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
						   (const unsigned char *)text, -1, -1,
						   0);
}

static bool set_name(X509_NAME *name, const struct lab_name *n)
{
	return add_name(name, "UID", n->uid) && add_name(name, "CN", n->cn) &&
	       add_name(name, "OU", n->ou) && add_name(name, "O", n->o);
}

static bool set_serial(X509 *x, const uint8_t serial[static LAB_SERIAL_LEN])
{
	BIGNUM *n = BN_bin2bn(serial, LAB_SERIAL_LEN, NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

	BN_free(n);
	return ok;
}

static bool add_known(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = ext && X509_add_ext(x, ext, -1);

	X509_EXTENSION_free(ext);
	return ok;
}

static bool add_own(X509 *x, const struct lab_extension *e)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(e->oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool ok = false;

	if (oid && value && ASN1_OCTET_STRING_set(value, e->value.p, (int)e->value.len))
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, e->critical, value);
	if (ext)
		ok = X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return ok;
}

static bool add_extensions(X509 *x, const struct lab_cert_spec *s)
{
	char text[128];
	bool ok, authority = s->path_len >= 0;

	if (authority)
		snprintf(text, sizeof(text), "critical,CA:TRUE,pathlen:%d", s->path_len);
	else
		snprintf(text, sizeof(text), "critical,CA:FALSE");
	ok = add_known(x, NID_basic_constraints, text) &&
	     add_known(x, NID_key_usage,
		       authority ? "critical,keyCertSign" : "critical,digitalSignature");
	if (ok && s->extended_usage) {
		snprintf(text, sizeof(text), "critical,%s", s->extended_usage);
		ok = add_known(x, NID_ext_key_usage, text);
	}
	for (size_t i = 0; ok && i < LAB_EXTENSIONS_MAX && s->extension[i].oid; i++)
		ok = add_own(x, &s->extension[i]);
	return ok;
}

static bool fill(X509 *x, const struct lab_cert_spec *s)
{
	return X509_set_version(x, X509_VERSION_3) && set_serial(x, s->serial) &&
	       set_name(X509_get_subject_name(x), &s->subject) &&
	       set_name(X509_get_issuer_name(x), &s->issuer) &&
	       ASN1_TIME_set_string_X509(X509_getm_notBefore(x), s->not_before) &&
	       ASN1_TIME_set_string_X509(X509_getm_notAfter(x), s->not_after) &&
	       X509_set_pubkey(x, s->key) && add_extensions(x, s) &&
	       X509_sign(x, s->issuer_key, s->digest);
}

int lab_cert_make(const struct lab_cert_spec *s, struct buf *out, struct err *e)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len = x && fill(x, s) ? i2d_X509(x, &der) : -1;
	int r = len > 0 ? buf_append(out, der, (size_t)len, e)
			: err_set(e, E_INFRA, "OpenSSL: making the certificate '%s': %s",
				  s->subject.cn,
				  ERR_reason_error_string(ERR_peek_last_error()));

	OPENSSL_free(der);
	ERR_clear_error();
	X509_free(x);
	return r;
}
