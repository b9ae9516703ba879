/* SPDX-License-Identifier: MIT */
/* What signatures and time stamps have in common, and signing. */
#include <string.h>

#include <openssl/err.h>

#include "sim/formats/codesign/cms_impl.h"
#include "sim/formats/codesign/timestamp.h"
#include "sim/formats/image4/der.h"
#include "sim/formats/plist/pl.h"

/* No S/MIME capabilities: codesign writes none. */
#define SIGNER_FLAGS (CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP)

int cs_ssl_error(struct err *e, enum err_code code, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(e, code, "%s: %s", what, why ? why : "OpenSSL says no reason");
}

void cs_signer_release(struct cs_signer *s)
{
	EVP_PKEY_free(s->key);
	cs_chain_release(&s->chain);
	*s = (struct cs_signer){.key = NULL};
}

const struct cs_codedir *cs_codedirs_best(const struct cs_codedirs *all)
{
	const struct cs_codedir *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct cs_codedir *d = &all->dir[i];

		if (d->hash && (!best || d->hash->rank > best->hash->rank))
			best = d;
	}
	return best;
}

/* ---- messages ---- */

static bool add_time(CMS_SignerInfo *si, int64_t time)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)time);
	bool ok = t && CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime, t->type, t,
						   -1);

	ASN1_TIME_free(t);
	return ok;
}

CMS_ContentInfo *cs_cms_begin(const struct cs_signer *s, const ASN1_OBJECT *content_type,
			      unsigned flags, int64_t time, CMS_SignerInfo **ret)
{
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, SIGNER_FLAGS | flags);
	bool ok = cms && CMS_set1_eContentType(cms, content_type);

	if (ok)
		*ret = CMS_add1_signer(cms, s->chain.cert[0], s->key, EVP_sha256(),
				       SIGNER_FLAGS | flags);
	ok = ok && *ret && add_time(*ret, time);
	for (size_t i = 1; ok && i < s->chain.n; i++)
		ok = CMS_add1_cert(cms, s->chain.cert[i]);
	if (ok)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

int cs_cms_finish(CMS_ContentInfo *cms, struct span content, unsigned flags,
		  struct buf *out, struct err *e)
{
	BIO *in = BIO_new_mem_buf(content.p, (int)content.len);
	unsigned char *der = NULL;
	int len = -1, r;

	if (in && CMS_final(cms, in, NULL, CMS_BINARY | flags))
		len = i2d_CMS_ContentInfo(cms, &der);
	r = len > 0 ? buf_append(out, der, (size_t)len, e)
		    : cs_ssl_error(e, E_INFRA, "signing");
	OPENSSL_free(der);
	BIO_free(in);
	return r;
}

/* ---- the hashes of the code directories ---- */

static bool add_octets(CMS_SignerInfo *si, const char *oid, const struct buf *value)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	bool ok = o && CMS_signed_add1_attr_by_OBJ(si, o, V_ASN1_OCTET_STRING,
						   value->data, (int)value->len);

	ASN1_OBJECT_free(o);
	return ok;
}

/* {cdhashes: [20 bytes, ...]} by rising type of hash. */
static int cdhashes_plist(const struct cs_codedirs *all, struct buf *out, struct err *e)
{
	plist_t dict = plist_new_dict(), list = plist_new_array();
	uint8_t hash[CS_HASH_MAX];
	int r = 0;

	plist_dict_set_item(dict, "cdhashes", list);
	for (size_t i = 0; i < all->n && !r; i++) {
		r = cs_codedir_hash(&all->dir[i], hash, e);
		if (!r)
			plist_array_append_item(list, plist_new_data((const char *)hash,
								     CS_CDHASH_LEN));
	}
	if (!r)
		r = pl_to_xml(dict, out, e);
	plist_free(dict);
	return r;
}

/* SEQUENCE { algorithm, hash } */
static int agile_hash(const struct cs_codedir *d, struct buf *out, struct err *e)
{
	unsigned char *oid = NULL;
	uint8_t hash[CS_HASH_MAX];
	struct der_writer w;
	struct der_mark m;
	int n = i2d_ASN1_OBJECT(OBJ_nid2obj(d->hash->nid), &oid);
	int r = n > 0 ? cs_codedir_hash(d, hash, e) : cs_ssl_error(e, E_INFRA, "OID");

	if (!r) {
		der_write_init(&w, out, e);
		m = der_open(&w, DER_UNIVERSAL, DER_SEQUENCE);
		der_put_raw(&w, oid, (size_t)n);
		der_put_octets(&w, hash, d->hash->full_len);
		der_close(&w, m);
		r = der_write_end(&w);
	}
	OPENSSL_free(oid);
	return r;
}

static int add_agile_hashes(CMS_SignerInfo *si, const struct cs_codedirs *all,
			    struct err *e)
{
	X509_ATTRIBUTE *attr = X509_ATTRIBUTE_new();
	ASN1_OBJECT *o = OBJ_txt2obj(CS_OID_CDHASHES2, 1);
	struct buf b = BUF_INIT;
	bool ok = attr && o && X509_ATTRIBUTE_set1_object(attr, o);
	int r = 0;

	for (size_t i = 0; i < all->n && ok && !r; i++) {
		buf_clear(&b);
		r = agile_hash(&all->dir[i], &b, e);
		ok = !r &&
		     X509_ATTRIBUTE_set1_data(attr, V_ASN1_SEQUENCE, b.data, (int)b.len);
	}
	if (!r && !(ok && CMS_signed_add1_attr(si, attr)))
		r = cs_ssl_error(e, E_INFRA, "signed attributes");
	buf_release(&b);
	ASN1_OBJECT_free(o);
	X509_ATTRIBUTE_free(attr);
	return r;
}

static int add_hashes(CMS_SignerInfo *si, const struct cs_codedirs *all, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = add_agile_hashes(si, all, e);

	if (!r)
		r = cdhashes_plist(all, &b, e);
	if (!r && !add_octets(si, CS_OID_CDHASHES, &b))
		r = cs_ssl_error(e, E_INFRA, "signed attributes");
	buf_release(&b);
	return r;
}

/* ---- the whole ---- */

static int add_timestamp(CMS_SignerInfo *si, const struct cs_cms_spec *s, struct err *e)
{
	const ASN1_OCTET_STRING *sig = CMS_SignerInfo_get0_signature(si);
	struct buf token = BUF_INIT;
	int r = cs_timestamp_make(s->tsa,
				  (struct span){ASN1_STRING_get0_data(sig),
						(size_t)ASN1_STRING_length(sig)},
				  s->time, &token, e);

	if (!r && !CMS_unsigned_add1_attr_by_txt(si, CS_OID_TIMESTAMP, V_ASN1_SEQUENCE,
						 token.data, (int)token.len))
		r = cs_ssl_error(e, E_INFRA, "unsigned attributes");
	buf_release(&token);
	return r;
}

static int encode_again(CMS_ContentInfo *cms, struct buf *out, size_t start,
			struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der), r;

	out->len = start;
	r = len > 0 ? buf_append(out, der, (size_t)len, e)
		    : cs_ssl_error(e, E_INFRA, "encoding");
	OPENSSL_free(der);
	return r;
}

int cs_cms_sign(const struct cs_cms_spec *s, const struct cs_codedirs *all,
		struct buf *out, struct err *e)
{
	CMS_SignerInfo *si = NULL;
	CMS_ContentInfo *cms = cs_cms_begin(s->signer, OBJ_nid2obj(NID_pkcs7_data),
					    CMS_DETACHED, s->time, &si);
	size_t start = out->len;
	int r = cms ? add_hashes(si, all, e) : cs_ssl_error(e, E_INFRA, "signing");

	if (!r)
		r = cs_cms_finish(cms, all->dir[0].whole, CMS_DETACHED, out, e);
	if (!r && s->tsa)
		r = add_timestamp(si, s, e);
	if (!r && s->tsa)
		r = encode_again(cms, out, start, e);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return r;
}
