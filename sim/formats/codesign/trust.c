/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "sim/formats/codesign/osstatus.h"

/* Apple's own extensions are critical, and OpenSSL knows none of them. */
#define FLAGS X509_V_FLAG_IGNORE_CRITICAL

static bool add_roots(X509_STORE *store, const struct cs_trust_spec *s)
{
	bool ok = true;

	for (int i = 0; ok && i < sk_X509_num(s->others); i++) {
		X509 *x = sk_X509_value(s->others, i);

		if (X509_get_extension_flags(x) & EXFLAG_SS)
			ok = X509_STORE_add_cert(store, x);
	}
	for (size_t i = 0; ok && i < s->anchors->n; i++)
		ok = X509_STORE_add_cert(store, s->anchors->root[i]);
	return ok;
}

static bool is_time_error(int why)
{
	return why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID;
}

static int status_of(int why)
{
	switch (why) {
	case X509_V_OK:
		return CS_OK;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return CS_TP_CERT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CS_TP_CERT_NOT_VALID_YET;
	default:
		return CS_TP_NOT_TRUSTED;
	}
}

static int take_chain(X509_STORE_CTX *ctx, struct cs_chain *chain, struct err *e)
{
	STACK_OF(X509) *sk = X509_STORE_CTX_get0_chain(ctx);
	int r = 0;

	cs_chain_release(chain);
	for (int i = 0; i < sk_X509_num(sk) && !r; i++)
		r = cs_chain_add(chain, sk_X509_value(sk, i), e);
	return r;
}

/* One try; *why is OpenSSL's reason. */
static int try(const struct cs_trust_spec *s, X509_STORE *store, unsigned long flags,
	       struct cs_chain *chain, int *why, struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int r = 0;

	if (!ctx || !X509_STORE_CTX_init(ctx, store, s->leaf, s->others)) {
		X509_STORE_CTX_free(ctx);
		return err_set(e, E_NOMEM, "OpenSSL: out of memory for a chain");
	}
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, FLAGS | flags);
	X509_VERIFY_PARAM_set_depth(param, CS_CHAIN_MAX - 2);
	/* A time that is set goes before not looking at times. */
	if (!(flags & X509_V_FLAG_NO_CHECK_TIME))
		X509_VERIFY_PARAM_set_time(param, s->at);
	*why = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	if (*why == X509_V_OK)
		r = take_chain(ctx, chain, e);
	X509_STORE_CTX_free(ctx);
	return r;
}

static int check_purpose(const struct cs_trust_spec *s, struct err *e)
{
	static const struct {
		uint32_t bit;
		const char *what;
	} rows[] = {
		[CS_PURPOSE_CODE] = {XKU_CODE_SIGN, "signing code"},
		[CS_PURPOSE_TIMESTAMP] = {XKU_TIMESTAMP, "time stamps"},
	};
	uint32_t uses = X509_get_extended_key_usage(s->leaf);

	if (uses != UINT32_MAX && (uses & rows[s->purpose].bit))
		return CS_OK;
	err_set(e, E_CORRUPT, "the signer's certificate is not for %s",
		rows[s->purpose].what);
	return uses == UINT32_MAX ? CS_TP_NO_EXTENDED_KEY_USAGE
				  : CS_TP_INVALID_EXTENDED_KEY_USAGE;
}

int cs_trust_evaluate(const struct cs_trust_spec *s, struct cs_chain *chain,
		      bool *ret_expired, int *ret_status, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	int why = X509_V_OK, r;

	*ret_expired = false;
	if (!store || !add_roots(store, s)) {
		X509_STORE_free(store);
		return err_set(e, E_NOMEM, "OpenSSL: out of memory for roots");
	}
	r = try(s, store, 0, chain, &why, e);
	if (!r && is_time_error(why) && s->tolerate_expiry) {
		*ret_expired = true;
		r = try(s, store, X509_V_FLAG_NO_CHECK_TIME, chain, &why, e);
	}
	X509_STORE_free(store);
	ERR_clear_error();
	if (r)
		return r;
	*ret_status = status_of(why);
	if (*ret_status)
		err_set(e, E_CORRUPT, "certificates: %s",
			X509_verify_cert_error_string(why));
	else
		*ret_status = check_purpose(s, e);
	return 0;
}
