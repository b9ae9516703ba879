/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/timestamp.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ts.h>

#include "sim/formats/codesign/cms_impl.h"
#include "sim/formats/codesign/osstatus.h"
#include "sim/formats/codesign/trust.h"

/* Arc of examples: the laboratory's authority has no policy registered. */
#define POLICY	  "2.999.1"
#define TOKEN_MAX 16384u
#define INFO_MAX  4096u

static const struct cs_hash *imprint_hash(void)
{
	return cs_hash_by_type(CS_HASH_SHA256);
}

/* ---- making ---- */

static bool set_imprint(TS_TST_INFO *info, const uint8_t *hash)
{
	TS_MSG_IMPRINT *m = TS_MSG_IMPRINT_new();
	X509_ALGOR *alg = X509_ALGOR_new();
	bool ok = m && alg &&
		  X509_ALGOR_set0(alg, OBJ_nid2obj(imprint_hash()->nid), V_ASN1_NULL,
				  NULL) &&
		  TS_MSG_IMPRINT_set_algo(m, alg) &&
		  TS_MSG_IMPRINT_set_msg(m, (uint8_t *)(uintptr_t)hash,
					 (int)imprint_hash()->len) &&
		  TS_TST_INFO_set_msg_imprint(info, m);

	X509_ALGOR_free(alg);
	TS_MSG_IMPRINT_free(m);
	return ok;
}

/* Serial numbers are to be unique: the first bytes of what is stamped. */
static bool set_serial(TS_TST_INFO *info, const uint8_t *hash)
{
	BIGNUM *n = BN_bin2bn(hash, 8, NULL);
	ASN1_INTEGER *serial = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	bool ok = serial && TS_TST_INFO_set_serial(info, serial);

	ASN1_INTEGER_free(serial);
	BN_free(n);
	return ok;
}

static bool set_time(TS_TST_INFO *info, int64_t time)
{
	ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_set(NULL, (time_t)time);
	bool ok = t && TS_TST_INFO_set_time(info, t);

	ASN1_GENERALIZEDTIME_free(t);
	return ok;
}

static int make_info(const uint8_t *hash, int64_t time, struct buf *out, struct err *e)
{
	TS_TST_INFO *info = TS_TST_INFO_new();
	ASN1_OBJECT *policy = OBJ_txt2obj(POLICY, 1);
	unsigned char *der = NULL;
	int len = -1, r;

	if (info && policy && TS_TST_INFO_set_version(info, 1) &&
	    TS_TST_INFO_set_policy_id(info, policy) && set_imprint(info, hash) &&
	    set_serial(info, hash) && set_time(info, time))
		len = i2d_TS_TST_INFO(info, &der);
	r = len > 0 ? buf_append(out, der, (size_t)len, e)
		    : cs_ssl_error(e, E_INFRA, "time stamp");
	OPENSSL_free(der);
	ASN1_OBJECT_free(policy);
	TS_TST_INFO_free(info);
	return r;
}

int cs_timestamp_make(const struct cs_signer *tsa, struct span signature, int64_t time,
		      struct buf *out, struct err *e)
{
	uint8_t hash[CS_HASH_MAX];
	struct buf info = BUF_INIT;
	CMS_ContentInfo *cms = NULL;
	CMS_SignerInfo *si;
	int r = cs_hash_of(imprint_hash(), signature, hash, e);

	if (!r)
		r = make_info(hash, time, &info, e);
	if (!r) {
		cms = cs_cms_begin(tsa, OBJ_nid2obj(NID_id_smime_ct_TSTInfo), CMS_CADES,
				   time, &si);
		r = cms ? cs_cms_finish(cms, buf_span(&info), CMS_CADES, out, e)
			: cs_ssl_error(e, E_INFRA, "time stamp");
	}
	CMS_ContentInfo_free(cms);
	buf_release(&info);
	return r;
}

/* ---- verifying ---- */

static bool is_token(CMS_ContentInfo *cms)
{
	return OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_id_smime_ct_TSTInfo;
}

/* What was signed, if the signature is good; NULL if not. */
static TS_TST_INFO *signed_info(CMS_ContentInfo *cms, CMS_SignerInfo *si, X509 *leaf)
{
	struct buf b = BUF_INIT;
	TS_TST_INFO *info = NULL;
	const uint8_t *p;

	if (cs_cms_is_over(cms, si, leaf, (struct span){NULL, 0}, &b) && b.len &&
	    b.len <= INFO_MAX) {
		p = b.data;
		info = d2i_TS_TST_INFO(NULL, &p, (long)b.len);
	}
	buf_release(&b);
	return info;
}

static bool stamps(TS_TST_INFO *info, struct span signature)
{
	TS_MSG_IMPRINT *m = TS_TST_INFO_get_msg_imprint(info);
	const ASN1_OBJECT *alg = NULL;
	ASN1_OCTET_STRING *got = m ? TS_MSG_IMPRINT_get_msg(m) : NULL;
	const struct cs_hash *h;
	uint8_t hash[CS_HASH_MAX];
	struct err e = ERR_INIT;

	if (!got)
		return false;
	X509_ALGOR_get0(&alg, NULL, NULL, TS_MSG_IMPRINT_get_algo(m));
	h = cs_hash_by_nid(OBJ_obj2nid(alg));
	return h && !cs_hash_of(h, signature, hash, &e) &&
	       (unsigned)ASN1_STRING_length(got) == h->full_len &&
	       !memcmp(ASN1_STRING_get0_data(got), hash, h->full_len);
}

static int check_authority(CMS_ContentInfo *cms, X509 *leaf,
			   const struct cs_anchors *anchors, int64_t time,
			   struct cs_chain *chain, int *ret_status, struct err *e)
{
	STACK_OF(X509) *others = CMS_get1_certs(cms);
	bool expired = false;
	struct cs_trust_spec s = {
		.leaf = leaf,
		.others = others,
		.anchors = anchors,
		.purpose = CS_PURPOSE_TIMESTAMP,
		.at = (time_t)time,
	};
	int r = cs_trust_evaluate(&s, chain, &expired, ret_status, e);

	sk_X509_pop_free(others, X509_free);
	if (!r && *ret_status)
		*ret_status = CS_TIMESTAMP_NOT_TRUSTED;
	return r;
}

int cs_timestamp_verify(struct span der, struct span signature,
			const struct cs_anchors *anchors, int64_t *ret_time,
			struct cs_chain *chain, int *ret_status, struct err *e)
{
	CMS_SignerInfo *si;
	X509 *leaf = NULL;
	CMS_ContentInfo *cms =
		der.len <= TOKEN_MAX ? cs_cms_parse(der, &si, &leaf) : NULL;
	TS_TST_INFO *info =
		cms && is_token(cms) ? signed_info(cms, si, leaf) : NULL;
	int64_t time = info ? cs_asn1_seconds(TS_TST_INFO_get_time(info)) : 0;
	int r = 0;

	*ret_status = CS_TIMESTAMP_INVALID;
	if (!info)
		err_set(e, E_CORRUPT, "the time stamp is no token, or was changed");
	else if (!stamps(info, signature) || time <= 0)
		err_set(e, E_CORRUPT, "the time stamp is of another signature");
	else
		r = check_authority(cms, leaf, anchors, time, chain, ret_status, e);
	if (!r && !*ret_status)
		*ret_time = time;
	TS_TST_INFO_free(info);
	X509_free(leaf);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return r;
}
