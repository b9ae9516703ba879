/* SPDX-License-Identifier: MIT */
/* Is a manifest signed by somebody whom the anchor entitles to sign just this? */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4_verify.h"

#define RSA_BITS_MIN 2048

static enum img4_result refuse(struct err *e, const char *why)
{
	err_set(e, E_CORRUPT, "%s", why);
	ERR_clear_error();
	return IMG4_EAUTH;
}

/* A certificate that is nothing but one; NULL otherwise. */
static X509 *cert_of(struct span s)
{
	const uint8_t *p = s.p;
	X509 *x = d2i_X509(NULL, &p, (long)s.len);

	if (x && p != s.p + s.len) {
		X509_free(x);
		return NULL;
	}
	return x;
}

/* The certificates between the leaf and the anchor. */
static bool push_others(const struct im4m *m, STACK_OF(X509) * others)
{
	for (size_t i = 0; i + 1 < m->n_certs; i++) {
		X509 *x = cert_of(m->cert[i]);

		if (!x || !sk_X509_push(others, x)) {
			X509_free(x);
			return false;
		}
	}
	return true;
}

static enum img4_result verify_chain(const struct im4m *m, X509 *anchor, X509 *leaf,
				     X509_STORE *store, STACK_OF(X509) * others,
				     X509_STORE_CTX *ctx, struct err *e)
{
	if (!push_others(m, others))
		return refuse(e, "a certificate of the chain is damaged");
	if (!X509_STORE_add_cert(store, anchor) ||
	    !X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME) ||
	    !X509_STORE_CTX_init(ctx, store, leaf, others))
		return IMG4_ENOMEM;
	if (X509_verify_cert(ctx) == 1)
		return IMG4_OK;
	return refuse(e, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
}

static enum img4_result check_chain(const struct im4m *m, X509 *anchor, X509 *leaf,
				    struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	enum img4_result r = IMG4_ENOMEM;

	if (store && ctx && others)
		r = verify_chain(m, anchor, leaf, store, others, ctx, e);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(others, X509_free);
	return r;
}

/* RSA of a size that is not a joke, or P-384. */
static bool key_is_strong(EVP_PKEY *key)
{
	char group[32];

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       !strcmp(group, "secp384r1");
}

static enum img4_result check_signature(const struct im4m *m, X509 *leaf, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	EVP_MD_CTX *ctx;
	int r;

	if (!key || !key_is_strong(key))
		return refuse(e, "the key is neither RSA of 2048 bits or more nor P-384");
	ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key) <= 0) {
		EVP_MD_CTX_free(ctx);
		return IMG4_ENOMEM;
	}
	r = EVP_DigestVerify(ctx, m->signature.p, m->signature.len, m->signed_set.p,
			     m->signed_set.len);
	EVP_MD_CTX_free(ctx);
	return r == 1 ? IMG4_OK : refuse(e, "the signature does not fit the manifest");
}

/* A property is let through when the certificate has it, as a value or as a demand. */
static enum img4_result check_props(const struct img4_props *allowed,
				    struct img4_props have, uint32_t where, struct err *e)
{
	char w[FOURCC_TEXT_MAX], name[FOURCC_TEXT_MAX];
	struct img4_prop p, c;

	while (img4_props_next(&have, &p)) {
		if (!img4_props_get(allowed, p.name, &c) ||
		    (c.kind != IMG4_MUST && c.kind != IMG4_MAY &&
		     !img4_prop_equal(&c, &p))) {
			err_set(e, E_CORRUPT,
				"the certificate does not let '%s' of '%s' be signed so",
				fourcc_text(p.name, name), fourcc_text(where, w));
			return IMG4_EAUTH;
		}
	}
	return IMG4_OK;
}

/* What the certificate wants to see has to be there. */
static enum img4_result check_demands(struct img4_props allowed,
				      const struct img4_props *have, uint32_t where,
				      struct err *e)
{
	char w[FOURCC_TEXT_MAX], name[FOURCC_TEXT_MAX];
	struct img4_prop c, p;

	while (img4_props_next(&allowed, &c)) {
		if (c.kind != IMG4_MAY && !img4_props_get(have, c.name, &p)) {
			err_set(e, E_CORRUPT, "the certificate wants '%s' in '%s'",
				fourcc_text(c.name, name), fourcc_text(where, w));
			return IMG4_EAUTH;
		}
	}
	return IMG4_OK;
}

static enum img4_result check_set(const struct img4_props *allowed,
				  const struct img4_props *have, uint32_t where,
				  struct err *e)
{
	enum img4_result r = check_props(allowed, *have, where, e);

	return r ? r : check_demands(*allowed, have, where, e);
}

static enum img4_result check_all_sets(const struct im4m *m,
				       const struct img4_constraints *c, struct err *e)
{
	struct der at = m->objects;
	struct img4_props props;
	uint32_t name;
	enum img4_result r = check_set(&c->manp, &m->manp, FOURCC('M', 'A', 'N', 'P'), e);

	while (!r && im4m_next_object(&at, &name, &props))
		r = check_set(&c->objp, &props, name, e);
	return r;
}

static enum img4_result check_constraints(const struct im4m *m, X509 *leaf, struct err *e)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(IMG4_CONSTRAINTS_OID, 1);
	int at = oid ? X509_get_ext_by_OBJ(leaf, oid, -1) : -1;
	bool twice = at >= 0 && X509_get_ext_by_OBJ(leaf, oid, at) >= 0;
	struct img4_constraints c;
	ASN1_OCTET_STRING *value;

	ASN1_OBJECT_free(oid);
	if (at < 0 || twice)
		return refuse(e, "the certificate does not say what its key may sign");
	value = X509_EXTENSION_get_data(X509_get_ext(leaf, at));
	if (img4_constraints_parse(ASN1_STRING_get0_data(value),
				   (size_t)ASN1_STRING_length(value), &c, e))
		return IMG4_EAUTH;
	return check_all_sets(m, &c, e);
}

static enum img4_result check(const struct im4m *m, X509 *anchor, X509 *leaf,
			      struct err *e)
{
	enum img4_result r = check_chain(m, anchor, leaf, e);

	if (!r)
		r = check_signature(m, leaf, e);
	return r ? r : check_constraints(m, leaf, e);
}

enum img4_result img4_authentic(const struct im4m *m, struct span anchor, struct err *e)
{
	X509 *root, *leaf;
	enum img4_result r;

	if (!m->n_certs)
		return refuse(e, "there is no certificate");
	root = cert_of(anchor);
	leaf = cert_of(m->cert[m->n_certs - 1]);
	r = root && leaf ? check(m, root, leaf, e)
			 : refuse(e, root ? "the last certificate is damaged"
					  : "the root certificate is damaged");
	if (r == IMG4_ENOMEM)
		err_set(e, E_INFRA, "OpenSSL could not verify the manifest");
	X509_free(root);
	X509_free(leaf);
	return r;
}
