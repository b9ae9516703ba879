/* SPDX-License-Identifier: MIT */
#include "sim/formats/image4/p384.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#define N_LEN P384_SCALAR_LEN

static int failed(struct err *e, const char *what)
{
	return err_set(e, E_INFRA, "OpenSSL: P-384: %s failed", what);
}

/* What a computation needs, freed together. Any member may be NULL. */
struct p384 {
	EC_GROUP *group;
	EC_POINT *point;
	BN_CTX *ctx;
	BIGNUM *x, *k, *r, *s; /* private key, nonce, signature */
	const BIGNUM *n;       /* order; of the group */
};

static bool p384_init(struct p384 *c)
{
	*c = (struct p384){
		.group = EC_GROUP_new_by_curve_name(NID_secp384r1),
		.ctx = BN_CTX_new(),
		.x = BN_new(),
		.k = BN_new(),
		.r = BN_new(),
		.s = BN_new(),
	};
	if (!c->group)
		return false;
	c->point = EC_POINT_new(c->group);
	c->n = EC_GROUP_get0_order(c->group);
	return c->point && c->ctx && c->x && c->k && c->r && c->s;
}

static void p384_release(struct p384 *c)
{
	BN_clear_free(c->x);
	BN_clear_free(c->k);
	BN_free(c->r);
	BN_free(c->s);
	EC_POINT_free(c->point);
	BN_CTX_free(c->ctx);
	EC_GROUP_free(c->group);
}

static EVP_PKEY *key_of_params(OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *key_of_scalar(struct p384 *c)
{
	uint8_t pub[1 + 2 * N_LEN]; /* uncompressed */
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (b && EC_POINT_mul(c->group, c->point, c->x, NULL, NULL, c->ctx) &&
	    EC_POINT_point2oct(c->group, c->point, POINT_CONVERSION_UNCOMPRESSED, pub,
			       sizeof(pub), c->ctx) == sizeof(pub) &&
	    OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, c->x) &&
	    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, pub,
					     sizeof(pub)))
		params = OSSL_PARAM_BLD_to_param(b);
	if (params)
		key = key_of_params(params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	return key;
}

int p384_from_bytes(const uint8_t bytes[static P384_SCALAR_LEN], EVP_PKEY **ret,
		    struct err *e)
{
	struct p384 c;

	*ret = NULL;
	if (p384_init(&c) && BN_bin2bn(bytes, N_LEN, c.x) && BN_copy(c.k, c.n) &&
	    BN_sub_word(c.k, 1) && BN_mod(c.x, c.x, c.k, c.ctx) && BN_add_word(c.x, 1))
		*ret = key_of_scalar(&c);
	p384_release(&c);
	return *ret ? 0 : failed(e, "making a key");
}

/* K = HMAC(K, V || @sep || @data), V = HMAC(K, V): steps d to g of RFC 6979, 3.2. */
static bool drbg_mix(uint8_t k[static N_LEN], uint8_t v[static N_LEN], uint8_t sep,
		     const uint8_t *data, size_t len)
{
	uint8_t in[N_LEN + 1 + 2 * N_LEN], key[N_LEN];

	memcpy(in, v, N_LEN);
	in[N_LEN] = sep;
	if (len)
		memcpy(in + N_LEN + 1, data, len);
	memcpy(key, k, N_LEN);
	if (!HMAC(EVP_sha384(), key, N_LEN, in, N_LEN + 1 + len, k, NULL))
		return false;
	memcpy(in, v, N_LEN);
	return HMAC(EVP_sha384(), k, N_LEN, in, N_LEN, v, NULL);
}

static bool drbg_next(const uint8_t k[static N_LEN], uint8_t v[static N_LEN])
{
	uint8_t in[N_LEN];

	memcpy(in, v, N_LEN);
	return HMAC(EVP_sha384(), k, N_LEN, in, N_LEN, v, NULL);
}

/* r and s for the nonce in c->k. 1: done; 0: this nonce will not do; -1: error. */
static int sign_with_nonce(struct p384 *c, const BIGNUM *h)
{
	BIGNUM *inv;

	if (!EC_POINT_mul(c->group, c->point, c->k, NULL, NULL, c->ctx) ||
	    !EC_POINT_get_affine_coordinates(c->group, c->point, c->r, NULL, c->ctx) ||
	    !BN_nnmod(c->r, c->r, c->n, c->ctx))
		return -1;
	inv = BN_mod_inverse(NULL, c->k, c->n, c->ctx);
	if (!inv)
		return -1;
	/* s = (h + r x) / k */
	if (!BN_mod_mul(c->s, c->r, c->x, c->n, c->ctx) ||
	    !BN_mod_add(c->s, c->s, h, c->n, c->ctx) ||
	    !BN_mod_mul(c->s, c->s, inv, c->n, c->ctx)) {
		BN_clear_free(inv);
		return -1;
	}
	BN_clear_free(inv);
	return !BN_is_zero(c->r) && !BN_is_zero(c->s);
}

/* RFC 6979, 3.2, steps b to h; hash, order and HMAC are all of 384 bits. */
static bool compute(struct p384 *c, const uint8_t digest[static N_LEN])
{
	uint8_t k[N_LEN], v[N_LEN], xh[2 * N_LEN];
	BIGNUM *h = BN_bin2bn(digest, N_LEN, NULL);
	int r = 0;

	memset(v, 1, sizeof(v));
	memset(k, 0, sizeof(k));
	if (!h || !BN_nnmod(h, h, c->n, c->ctx) ||
	    BN_bn2binpad(c->x, xh, N_LEN) != N_LEN ||
	    BN_bn2binpad(h, xh + N_LEN, N_LEN) != N_LEN ||
	    !drbg_mix(k, v, 0, xh, sizeof(xh)) || !drbg_mix(k, v, 1, xh, sizeof(xh)))
		r = -1;
	while (!r) {
		if (!drbg_next(k, v) || !BN_bin2bn(v, N_LEN, c->k))
			r = -1;
		else if (!BN_is_zero(c->k) && BN_cmp(c->k, c->n) < 0)
			r = sign_with_nonce(c, h);
		if (!r && !drbg_mix(k, v, 0, NULL, 0))
			r = -1;
	}
	BN_free(h);
	return r > 0;
}

static int append_der(struct p384 *c, struct buf *out, struct err *e)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	uint8_t der[2 * (N_LEN + 3) + 4], *p = der;
	int len = 0;

	if (sig && ECDSA_SIG_set0(sig, c->r, c->s)) {
		c->r = c->s = NULL; /* they belong to sig now */
		len = i2d_ECDSA_SIG(sig, &p);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? buf_append(out, der, (size_t)len, e) : failed(e, "encoding");
}

int p384_sign(EVP_PKEY *key, const uint8_t digest[static IMG4_DIGEST_LEN],
	      struct buf *out, struct err *e)
{
	struct p384 c;
	int r;

	if (!p384_init(&c) ||
	    !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &c.x) ||
	    !compute(&c, digest))
		r = failed(e, "signing");
	else
		r = append_der(&c, out, e);
	p384_release(&c);
	return r;
}
