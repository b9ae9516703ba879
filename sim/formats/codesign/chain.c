/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/chain.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

void cs_chain_release(struct cs_chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		X509_free(c->cert[i]);
	*c = (struct cs_chain){.n = 0};
}

int cs_chain_add(struct cs_chain *c, X509 *x, struct err *e)
{
	if (c->n == CS_CHAIN_MAX)
		return err_set(e, E_OVERFLOW, "a chain of more than %d certificates",
			       CS_CHAIN_MAX);
	X509_up_ref(x);
	c->cert[c->n++] = x;
	return 0;
}

X509 *cs_chain_at(const struct cs_chain *c, int32_t i)
{
	int64_t at = i < 0 ? (int64_t)c->n + i : i;

	return at >= 0 && (uint64_t)at < c->n ? c->cert[at] : NULL;
}

X509 *cs_cert_parse(struct span der)
{
	const uint8_t *p = der.p;
	X509 *x = der.len && der.len <= CS_CERT_MAX ? d2i_X509(NULL, &p, (long)der.len)
						    : NULL;

	if (x && p != der.p + der.len) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x;
}

static bool oid_is(const ASN1_OBJECT *o, struct span oid)
{
	return OBJ_length(o) == oid.len && !memcmp(OBJ_get0_data(o), oid.p, oid.len);
}

bool cs_cert_has_extension(X509 *x, struct span oid)
{
	for (int i = 0; i < X509_get_ext_count(x); i++)
		if (oid_is(X509_EXTENSION_get_object(X509_get_ext(x, i)), oid))
			return true;
	return false;
}

bool cs_cert_has_policy(X509 *x, struct span oid)
{
	CERTIFICATEPOLICIES *all =
		X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < sk_POLICYINFO_num(all); i++)
		found = oid_is(sk_POLICYINFO_value(all, i)->policyid, oid);
	CERTIFICATEPOLICIES_free(all);
	ERR_clear_error();
	return found;
}

int cs_cert_subject(X509 *x, int nid, struct buf *out, bool *ret_found, struct err *e)
{
	X509_NAME *name = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(name, nid, -1), n, r;
	unsigned char *utf8 = NULL;

	*ret_found = at >= 0;
	if (at < 0)
		return 0;
	n = ASN1_STRING_to_UTF8(&utf8,
				X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n < 0 || memchr(utf8, 0, (size_t)n)) {
		/* A name that is no text is no name. */
		*ret_found = false;
		r = 0;
	} else {
		r = buf_append(out, utf8, (size_t)n, e);
	}
	OPENSSL_free(utf8);
	ERR_clear_error();
	return r;
}
