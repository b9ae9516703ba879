/* SPDX-License-Identifier: MIT */
/* Verifying signatures over code directories, in the order of StaticCode.cpp. */
#include <string.h>

#include <openssl/err.h>

#include "sim/formats/codesign/cms_impl.h"
#include "sim/formats/codesign/osstatus.h"
#include "sim/formats/codesign/timestamp.h"
#include "sim/formats/codesign/trust.h"
#include "sim/formats/image4/der.h"
#include "sim/formats/plist/pl.h"

#define HASHES_MAX 4096u /* bytes of the property list of cdhashes */

struct verify {
	CMS_ContentInfo *cms;
	CMS_SignerInfo *si;
	X509 *leaf;
	const struct cs_codedirs *all;
	const struct cs_anchors *anchors;
	int64_t now;
	struct cs_cms_result *ret;
	struct err *e;
};

/* Each step returns CS_OK, what is wrong, or a positive number: an error in v->e. */
#define FAILED 1

static int refuse(struct verify *v, int status, const char *why)
{
	err_set(v->e, E_CORRUPT, "%s", why);
	return status;
}

/* OpenSSL tells no offset. */
static int refuse_bytes(struct verify *v, struct span der)
{
	if (cs_cms_fits(der, v->e))
		err_ctx(v->e, "no CMS signature");
	else
		err_set(v->e, E_CORRUPT, "no CMS signature of one signer");
	return CS_SIGNATURE_FAILED;
}

static int check_signature(struct verify *v)
{
	if (cs_cms_is_over(v->cms, v->si, v->leaf, v->all->dir[0].whole, NULL))
		return CS_OK;
	cs_ssl_error(v->e, E_CORRUPT, "the signature is not over the code directory");
	return CS_SIGNATURE_FAILED;
}

static bool is_cdhash(plist_t node, const struct cs_codedir *d, struct err *e)
{
	uint8_t hash[CS_HASH_MAX];
	uint64_t len = 0;
	const char *p = plist_get_node_type(node) == PLIST_DATA
				? plist_get_data_ptr(node, &len)
				: NULL;

	return p && len == CS_CDHASH_LEN && !cs_codedir_hash(d, hash, e) &&
	       !memcmp(p, hash, CS_CDHASH_LEN);
}

/* Attribute 9.1 has the cdhash of each directory, in the order of their types. */
static bool list_fits(struct verify *v, plist_t root)
{
	plist_t list = NULL;
	struct err e = ERR_INIT;
	bool ok = plist_get_node_type(root) == PLIST_DICT &&
		  !pl_array(root, "cdhashes", &list, &e) &&
		  plist_array_get_size(list) == v->all->n;
	uint32_t at = 0;

	for (unsigned type = 0; ok && type <= UINT8_MAX; type++)
		for (size_t i = 0; ok && i < v->all->n; i++) {
			const struct cs_codedir *d = &v->all->dir[i];

			if (d->hash_type == type)
				ok = d->hash &&
				     is_cdhash(plist_array_get_item(list, at++), d, &e);
		}
	return ok;
}

static int check_cdhashes(struct verify *v)
{
	ASN1_OCTET_STRING *s =
		cs_cms_signed_value(v->si, CS_OID_CDHASHES, V_ASN1_OCTET_STRING);
	struct err e = ERR_INIT;
	plist_t root = NULL;
	bool ok;

	if (!s)
		return CS_OK;
	ok = ASN1_STRING_length(s) <= (int)HASHES_MAX &&
	     !pl_parse(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s),
		       "cdhashes", &root, &e) &&
	     list_fits(v, root);
	plist_free(root);
	return ok ? CS_OK
		  : refuse(v, CS_SIGNATURE_FAILED,
			   "the signed list of cdhashes is of other code directories");
}

/* The hash that a value of attribute 9.2 holds; p NULL when it is none. */
static struct span agile_hash(const ASN1_TYPE *value, int *nid)
{
	struct der d, seq;
	struct der_item oid;
	struct span hash = {NULL, 0};
	struct err e = ERR_INIT;
	const uint8_t *p;
	ASN1_OBJECT *o;

	if (ASN1_TYPE_get(value) != V_ASN1_SEQUENCE)
		return hash;
	d = (struct der){value->value.sequence->data, 0,
			 (size_t)value->value.sequence->length};
	if (der_into(&d, DER_UNIVERSAL, DER_SEQUENCE, &seq, &e) ||
	    der_next(&seq, &oid, &e) || der_octets(&seq, &hash, &e))
		return (struct span){NULL, 0};
	p = oid.whole.p;
	o = d2i_ASN1_OBJECT(NULL, &p, (long)oid.whole.len);
	*nid = o ? OBJ_obj2nid(o) : NID_undef;
	ASN1_OBJECT_free(o);
	return hash;
}

static bool has_agile_hash(X509_ATTRIBUTE *attr, const struct cs_codedir *d)
{
	uint8_t hash[CS_HASH_MAX];
	struct err e = ERR_INIT;

	if (cs_codedir_hash(d, hash, &e))
		return false;
	for (int i = 0; i < X509_ATTRIBUTE_count(attr); i++) {
		int nid = NID_undef;
		struct span s = agile_hash(X509_ATTRIBUTE_get0_type(attr, i), &nid);

		if (s.p && nid == d->hash->nid)
			return s.len == d->hash->full_len && !memcmp(s.p, hash, s.len);
	}
	return false;
}

/* Attribute 9.2 has a hash for each directory, and each directory of known type is there.
 */
static int check_agile_hashes(struct verify *v)
{
	ASN1_OBJECT *o = OBJ_txt2obj(CS_OID_CDHASHES2, 1);
	int at = o ? CMS_signed_get_attr_by_OBJ(v->si, o, -1) : -1;
	X509_ATTRIBUTE *attr = at >= 0 ? CMS_signed_get_attr(v->si, at) : NULL;
	bool ok = !attr || (size_t)X509_ATTRIBUTE_count(attr) == v->all->n;

	ASN1_OBJECT_free(o);
	for (size_t i = 0; attr && ok && i < v->all->n; i++)
		ok = !v->all->dir[i].hash || has_agile_hash(attr, &v->all->dir[i]);
	return ok ? CS_OK
		  : refuse(v, CS_SIGNATURE_FAILED,
			   "the signed hashes are of other code directories");
}

static void read_signing_time(struct verify *v)
{
	int at = CMS_signed_get_attr_by_NID(v->si, NID_pkcs9_signingTime, -1);
	X509_ATTRIBUTE *attr = at >= 0 ? CMS_signed_get_attr(v->si, at) : NULL;
	ASN1_TYPE *t = attr ? X509_ATTRIBUTE_get0_type(attr, 0) : NULL;
	int type = t ? ASN1_TYPE_get(t) : 0;

	if (type == V_ASN1_UTCTIME || type == V_ASN1_GENERALIZEDTIME)
		v->ret->signing_time = cs_asn1_seconds(t->value.asn1_string);
}

/* ---- time stamp and certificates ---- */

static ASN1_STRING *timestamp_of(CMS_SignerInfo *si)
{
	ASN1_OBJECT *o = OBJ_txt2obj(CS_OID_TIMESTAMP, 1);
	ASN1_STRING *s =
		o ? CMS_unsigned_get0_data_by_OBJ(si, o, -3, V_ASN1_SEQUENCE) : NULL;

	ASN1_OBJECT_free(o);
	return s;
}

static int check_timestamp(struct verify *v, struct cs_chain *chain)
{
	const ASN1_OCTET_STRING *sig = CMS_SignerInfo_get0_signature(v->si);
	ASN1_STRING *token = timestamp_of(v->si);
	int status = CS_OK;

	if (!token)
		return CS_OK;
	if (cs_timestamp_verify(
		    (struct span){ASN1_STRING_get0_data(token),
				  (size_t)ASN1_STRING_length(token)},
		    (struct span){ASN1_STRING_get0_data(sig),
				  (size_t)ASN1_STRING_length(sig)},
		    v->anchors, &v->ret->timestamp, chain, &status, v->e))
		return FAILED;
	return status;
}

/*
 * Who signed has to have been certified when the time stamp was made. Without one it is
 * now that counts, and an expired certificate is only noted: the code directory, or who
 * asks, may want that to be a failure.
 */
static int check_trust(struct verify *v)
{
	STACK_OF(X509) *others = CMS_get1_certs(v->cms);
	struct cs_trust_spec s = {
		.leaf = v->leaf,
		.others = others,
		.anchors = v->anchors,
		.purpose = CS_PURPOSE_CODE,
		.at = (time_t)(v->ret->timestamp ? v->ret->timestamp : v->now),
		.tolerate_expiry = !v->ret->timestamp,
	};
	int status = CS_OK;
	int r = cs_trust_evaluate(&s, &v->ret->chain, &v->ret->expired, &status, v->e);

	sk_X509_pop_free(others, X509_free);
	return r ? FAILED : status;
}

static int check_all(struct verify *v)
{
	struct cs_chain stamped_by = {.n = 0};
	int status = check_signature(v);

	if (!status)
		status = check_cdhashes(v);
	if (!status)
		status = check_agile_hashes(v);
	if (!status)
		read_signing_time(v);
	if (!status)
		status = check_timestamp(v, &stamped_by);
	if (!status)
		status = check_trust(v);
	/* Code of the vendor's is stamped by the vendor's. */
	if (!status && v->ret->timestamp &&
	    cs_chain_is_apple_generic(&v->ret->chain, v->anchors) &&
	    !cs_chain_is_apple_generic(&stamped_by, v->anchors))
		status = refuse(v, CS_TP_NOT_TRUSTED,
				"the time stamp is of another authority");
	cs_chain_release(&stamped_by);
	return status;
}

void cs_cms_result_release(struct cs_cms_result *r)
{
	cs_chain_release(&r->chain);
	*r = (struct cs_cms_result){.expired = false};
}

int cs_cms_verify(struct span der, const struct cs_codedirs *all,
		  const struct cs_anchors *anchors, int64_t now,
		  struct cs_cms_result *ret, int *ret_status, struct err *e)
{
	struct verify v = {.all = all, .anchors = anchors, .now = now, .ret = ret, .e = e};

	*ret = (struct cs_cms_result){.expired = false};
	v.cms = cs_cms_parse(der, &v.si, &v.leaf);
	*ret_status = v.cms ? check_all(&v) : refuse_bytes(&v, der);
	X509_free(v.leaf);
	CMS_ContentInfo_free(v.cms);
	ERR_clear_error();
	if (*ret_status != FAILED)
		return 0;
	*ret_status = CS_INTERNAL_ERROR;
	return -(int)e->code;
}
