/* SPDX-License-Identifier: MIT */
/* Taking CMS messages apart. */
#include <openssl/err.h>

#include "sim/formats/codesign/cms_impl.h"
#include "sim/formats/image4/der.h"

#define DER_DEPTH_MAX 32 /* certificates nest about 12 deep */

static CMS_ContentInfo *parse(struct span der)
{
	const uint8_t *p = der.p;
	CMS_ContentInfo *cms =
		der.len && der.len <= CS_CMS_MAX
			? d2i_CMS_ContentInfo(NULL, &p, (long)der.len)
			: NULL;

	if (cms && (p != der.p + der.len ||
		    OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	return cms;
}

/* The certificate that came with the message, by issuer and serial number. */
static X509 *leaf_of(CMS_ContentInfo *cms, CMS_SignerInfo *si)
{
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	X509 *leaf = NULL;

	for (int i = 0; !leaf && i < sk_X509_num(certs); i++) {
		X509 *x = sk_X509_value(certs, i);

		if (!CMS_SignerInfo_cert_cmp(si, x))
			leaf = x;
	}
	if (leaf)
		X509_up_ref(leaf);
	sk_X509_pop_free(certs, X509_free);
	return leaf;
}

CMS_ContentInfo *cs_cms_parse(struct span der, CMS_SignerInfo **ret, X509 **ret_leaf)
{
	CMS_ContentInfo *cms = parse(der);
	STACK_OF(CMS_SignerInfo) *all = cms ? CMS_get0_SignerInfos(cms) : NULL;

	*ret_leaf = NULL;
	if (sk_CMS_SignerInfo_num(all) == 1) {
		*ret = sk_CMS_SignerInfo_value(all, 0);
		*ret_leaf = leaf_of(cms, *ret);
	}
	ERR_clear_error();
	if (*ret_leaf)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

static int elements_fit(struct der d, unsigned depth, struct err *e)
{
	struct der_item item;
	int r = 0;

	while (!r && !der_done(&d)) {
		r = der_next(&d, &item, e);
		if (r || !item.constructed)
			continue;
		if (depth == DER_DEPTH_MAX)
			return err_set(e, E_CORRUPT, "offset %zu: nested too deep", item.off);
		r = elements_fit((struct der){d.base, (size_t)(item.content.p - d.base),
					      (size_t)(item.content.p - d.base) +
						      item.content.len},
				 depth + 1, e);
	}
	return r;
}

int cs_cms_fits(struct span der, struct err *e)
{
	struct der d;
	int r = der_init(&d, der.p, der.len, e);

	return r ? r : elements_fit(d, 0, e);
}

/* Through the digests of the message. */
static bool read_through(BIO *chain, struct buf *out)
{
	struct err e = ERR_INIT;
	uint8_t piece[4096];
	int n;

	while ((n = BIO_read(chain, piece, sizeof(piece))) > 0)
		if (out && (out->len > CS_CMS_MAX || buf_append(out, piece, (size_t)n, &e)))
			return false;
	return true;
}

bool cs_cms_is_over(CMS_ContentInfo *cms, CMS_SignerInfo *si, X509 *leaf,
		    struct span content, struct buf *out)
{
	BIO *in = content.p ? BIO_new_mem_buf(content.p, (int)content.len) : NULL;
	BIO *chain = content.p && !in ? NULL : CMS_dataInit(cms, in);
	bool ok;

	if (!chain) {
		BIO_free(in);
		return false;
	}
	CMS_SignerInfo_set1_signer_cert(si, leaf);
	ok = read_through(chain, out) &&
	     (CMS_signed_get_attr_count(si) < 0 || CMS_SignerInfo_verify(si) > 0) &&
	     CMS_SignerInfo_verify_content(si, chain) > 0;
	BIO_free_all(chain);
	return ok;
}

void *cs_cms_signed_value(CMS_SignerInfo *si, const char *oid, int type)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	void *value = o ? CMS_signed_get0_data_by_OBJ(si, o, -3, type) : NULL;

	ASN1_OBJECT_free(o);
	return value;
}

int64_t cs_asn1_seconds(const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, s = 0;
	bool ok = epoch && t && ASN1_TIME_diff(&days, &s, epoch, t);

	ASN1_TIME_free(epoch);
	return ok ? (int64_t)days * 86400 + s : 0;
}
