/* SPDX-License-Identifier: MIT */
/*
 * Evaluating requirements. Both sides of `and` and `or` are always evaluated, as Apple's
 * interpreter does: that is how it gets behind them.
 */
#include <string.h>

#include <openssl/sha.h>

#include "sim/formats/codesign/req_impl.h"

struct eval {
	struct cs_req_reader r;
	const struct cs_req_context *ctx;
	struct err *e;
	unsigned depth;
};

static int expr(struct eval *v, bool *ret);

static int two(struct eval *v, bool *a, bool *b)
{
	int r = expr(v, a);

	return r ? r : expr(v, b);
}

static int get_cert(struct eval *v, X509 **ret)
{
	uint32_t slot = 0;
	int r = cs_req_get32(&v->r, &slot, v->e);

	if (!r)
		*ret = cs_chain_at(v->ctx->chain, (int32_t)slot);
	return r;
}

static int ident(struct eval *v, bool *ret)
{
	struct span s;
	int r = cs_req_get_data(&v->r, &s, v->e);

	if (!r)
		*ret = v->ctx->ident && strlen(v->ctx->ident) == s.len &&
		       !memcmp(v->ctx->ident, s.p, s.len);
	return r;
}

static int anchor_hash(struct eval *v, bool *ret)
{
	uint8_t got[SHA_DIGEST_LENGTH];
	X509 *x = NULL;
	struct span want;
	unsigned n = 0;
	int r = get_cert(v, &x);

	if (!r)
		r = cs_req_get_data(&v->r, &want, v->e);
	if (!r && want.len != sizeof(got))
		r = err_set(v->e, E_CORRUPT, "offset 0x%zx: a hash of %zu bytes",
			    v->r.at, want.len);
	if (!r)
		*ret = x && X509_digest(x, EVP_sha1(), got, &n) &&
		       !memcmp(got, want.p, sizeof(got));
	return r;
}

static int cdhash(struct eval *v, bool *ret)
{
	struct span s;
	int r = cs_req_get_data(&v->r, &s, v->e);

	if (!r)
		*ret = s.len == CS_CDHASH_LEN &&
		       !memcmp(s.p, v->ctx->cdhash, CS_CDHASH_LEN);
	return r;
}

/* A key of a property list, whose name is no C string. */
static plist_t lookup(plist_t dict, struct span key)
{
	char name[256];

	if (!dict || key.len >= sizeof(name) || memchr(key.p, 0, key.len))
		return NULL;
	memcpy(name, key.p, key.len);
	name[key.len] = 0;
	return plist_dict_get_item(dict, name);
}

static int dict_field(struct eval *v, plist_t dict, bool with_match, bool *ret)
{
	struct cs_req_test t = {.match = CS_MATCH_EQUAL};
	struct span key;
	int r = cs_req_get_data(&v->r, &key, v->e);

	if (!r)
		r = with_match ? cs_req_get_test(&v->r, &t, v->e)
			       : cs_req_get_data(&v->r, &t.value, v->e);
	if (!r)
		*ret = cs_req_test_plist(&t, lookup(dict, key));
	return r;
}

static int cert_field(struct eval *v, bool *ret)
{
	struct buf value = BUF_INIT;
	struct cs_req_test t;
	struct span key;
	X509 *x = NULL;
	bool found = false;
	int r = get_cert(v, &x), nid = NID_undef;

	if (!r)
		r = cs_req_get_data(&v->r, &key, v->e);
	if (!r)
		r = cs_req_get_test(&v->r, &t, v->e);
	if (!r)
		nid = cs_req_subject_nid(key);
	*ret = false;
	if (!r && x && nid != NID_undef)
		r = cs_cert_subject(x, nid, &value, &found, v->e);
	if (!r && found)
		*ret = cs_req_test_string(&t, buf_span(&value));
	buf_release(&value);
	return r;
}

static int cert_oid(struct eval *v, bool (*has)(X509 *, struct span), bool *ret)
{
	struct cs_req_test t;
	struct span oid;
	X509 *x = NULL;
	int r = get_cert(v, &x);

	if (!r)
		r = cs_req_get_data(&v->r, &oid, v->e);
	if (!r)
		r = cs_req_get_test(&v->r, &t, v->e);
	if (r)
		return r;
	*ret = x && (has(x, oid) ? cs_req_test_flag(&t, true) : cs_req_test_absent(&t));
	return 0;
}

/* Trust settings and named fragments of a Mac: the laboratory has none. */
static int nowhere(struct eval *v, bool has_number, bool has_name, bool *ret)
{
	struct span name;
	uint32_t n;
	int r = has_number ? cs_req_get32(&v->r, &n, v->e) : 0;

	if (!r && has_name)
		r = cs_req_get_data(&v->r, &name, v->e);
	*ret = false;
	return r;
}

static int platform(struct eval *v, bool *ret)
{
	uint32_t n = 0;
	int r = cs_req_get32(&v->r, &n, v->e);

	*ret = n == v->ctx->platform;
	return r;
}

static int unknown(struct eval *v, uint32_t op, bool *ret)
{
	size_t at = v->r.at - 4;
	uint32_t len = 0;
	int r;

	if (!(op & (CS_OP_GENERIC_FALSE | CS_OP_GENERIC_SKIP)))
		return err_set(v->e, E_UNSUPPORTED, "offset 0x%zx: operation %u", at,
			       op);
	r = cs_req_get32(&v->r, &len, v->e);
	if (!r)
		r = cs_req_skip(&v->r, len, v->e);
	*ret = false;
	if (!r && !(op & CS_OP_GENERIC_FALSE))
		r = expr(v, ret);
	return r;
}

static int operation(struct eval *v, uint32_t op, bool *ret)
{
	bool a = false, b = false;
	int r = 0;

	switch (op & ~CS_OP_FLAGS) {
	case CS_OP_FALSE:
	case CS_OP_TRUE:
		*ret = (op & ~CS_OP_FLAGS) == CS_OP_TRUE;
		return 0;
	case CS_OP_IDENT:
		return ident(v, ret);
	case CS_OP_APPLE_ANCHOR:
		*ret = cs_chain_is_apple(v->ctx->chain, v->ctx->anchors);
		return 0;
	case CS_OP_APPLE_GENERIC_ANCHOR:
		*ret = cs_chain_is_apple_generic(v->ctx->chain, v->ctx->anchors);
		return 0;
	case CS_OP_ANCHOR_HASH:
		return anchor_hash(v, ret);
	case CS_OP_AND:
		r = two(v, &a, &b);
		*ret = a && b;
		return r;
	case CS_OP_OR:
		r = two(v, &a, &b);
		*ret = a || b;
		return r;
	case CS_OP_NOT:
		r = expr(v, &a);
		*ret = !a;
		return r;
	case CS_OP_CDHASH:
		return cdhash(v, ret);
	case CS_OP_INFO_KEY_VALUE:
		return dict_field(v, v->ctx->info, false, ret);
	case CS_OP_INFO_KEY_FIELD:
		return dict_field(v, v->ctx->info, true, ret);
	case CS_OP_ENTITLEMENT_FIELD:
		return dict_field(v, v->ctx->entitlements, true, ret);
	case CS_OP_CERT_FIELD:
		return cert_field(v, ret);
	case CS_OP_CERT_GENERIC:
		return cert_oid(v, cs_cert_has_extension, ret);
	case CS_OP_CERT_POLICY:
		return cert_oid(v, cs_cert_has_policy, ret);
	case CS_OP_TRUSTED_CERT:
		return nowhere(v, true, false, ret);
	case CS_OP_TRUSTED_CERTS:
		return nowhere(v, false, false, ret);
	case CS_OP_NAMED_ANCHOR:
	case CS_OP_NAMED_CODE:
		return nowhere(v, false, true, ret);
	case CS_OP_PLATFORM:
		return platform(v, ret);
	case CS_OP_NOTARIZED:
		*ret = v->ctx->notarized;
		return 0;
	default:
		return unknown(v, op, ret);
	}
}

static int expr(struct eval *v, bool *ret)
{
	uint32_t op = 0;
	int r = cs_req_check_depth(&v->r, v->depth, v->e);

	if (!r)
		r = cs_req_get32(&v->r, &op, v->e);
	if (r)
		return r;
	v->depth++;
	r = operation(v, op, ret);
	v->depth--;
	return r;
}

int cs_req_eval(struct span blob, const struct cs_req_context *ctx, bool *ret,
		struct err *e)
{
	struct eval v = {.ctx = ctx, .e = e};
	bool result = false;
	int r = cs_req_begin(blob, &v.r, e);

	if (!r)
		r = expr(&v, &result);
	if (r)
		return err_ctx(e, "requirement");
	*ret = result;
	return 0;
}
