/* SPDX-License-Identifier: MIT */
/* What the Secure Enclave signs, and what it refuses to. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "sim/platform/secureboot/sep_impl.h"

static EVP_PKEY *owner_key(const struct sep_storage *st)
{
	const uint8_t *p = st->oik.data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)st->oik.len);

	ERR_clear_error();
	return key;
}

/* The owner key with its certificates; free by->key. */
static int owner_signer(const struct sep *s, struct im4m_signer *by, struct err *e)
{
	const struct sep_storage *st = &s->chip->sep;

	*by = (struct im4m_signer){
		.key = st->oik.len ? owner_key(st) : NULL,
		.cert = {{st->baa.data, st->baa.len}, {st->oic.data, st->oic.len}},
		.n_certs = 2,
	};
	return by->key ? 0 : err_set(e, E_CORRUPT, "the Secure Enclave has no owner key");
}

/* What is not for others to say: the chip, the nonces, that it is a local policy. */
static int fill_in(const struct sep *s, struct local_policy *p, struct err *e)
{
	const struct img4_chip *id = &s->chip->id;
	uint8_t digest[IMG4_DIGEST_LEN];
	int r;

	lp_set_number(p, LP_ECID, id->ecid);
	lp_set_number(p, LP_BORD, id->bord);
	lp_set_number(p, LP_CHIP, id->chip);
	lp_set_number(p, LP_CEPO, id->cepo);
	lp_set_number(p, LP_SDOM, id->sdom);
	lp_set_number(p, LP_CPRO, id->cpro);
	lp_set_number(p, LP_CSEC, id->csec);
	lp_set_number(p, LP_LOBO, true);
	r = sep_nonce_digest(s->chip, SEP_LPN, true, digest, e);
	if (!r)
		r = lp_set_bytes(p, LP_LPNH, digest, sizeof(digest), e);
	if (!r)
		r = sep_nonce_digest(s->chip, SEP_RPN, false, digest, e);
	if (!r)
		r = lp_set_bytes(p, LP_RPNH, digest, sizeof(digest), e);
	lp_clear(p, LP_RONH);
	if (r || !lp_true(p, LP_ROLP))
		return r;
	r = sep_nonce_digest(s->chip, SEP_RON, false, digest, e);
	return r ? r : lp_set_bytes(p, LP_RONH, digest, sizeof(digest), e);
}

/* @old has to be genuine and of now: under the blessed nonce or the proposed one. */
static enum sep_status read_old(const struct sep *s, struct span old,
				struct local_policy *ret, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct lp_expect x = sep_expect(s->chip, digest);

	for (int proposed = 0; proposed < 2; proposed++)
		if (!sep_nonce_digest(s->chip, SEP_LPN, proposed, digest, e) &&
		    lp_verify(old.p, old.len, &x, ret, e) == IMG4_OK)
			return SEP_OK;
	err_ctx(e, "the policy before this one");
	return SEP_ERR_IMAGE4;
}

static bool same_value(const struct lp_value *a, const struct lp_value *b)
{
	return a->present == b->present && a->number == b->number &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Does the change of one field go together with where we are? */
static enum sep_status check_field(const struct sep *s, enum lp_field f,
				   const struct lp_value *v, const char *group,
				   struct err *e)
{
	const struct lp_row *row = lp_row(f);
	bool valued = row->kind == LP_NUMBER || row->kind == LP_BOOL;
	bool grants = v->present && (!valued || v->number);
	unsigned where = grants ? row->settable : row->clearable;
	char name[FOURCC_TEXT_MAX];

	if (!sep_env_in(s->env, where)) {
		err_set(e, E_PERM, "'%s' cannot be %s in this environment",
			fourcc_text(row->name, name), grants ? "set" : "taken away");
		return SEP_ERR_MODE;
	}
	if (grants && row->needs_pairing && !sep_is_paired(s, group)) {
		err_set(e, E_PERM, "'%s' is for the recoveryOS of that system to set",
			fourcc_text(row->name, name));
		return SEP_ERR_PAIRING;
	}
	return SEP_OK;
}

static enum sep_status check_change(const struct sep *s, const struct local_policy *old,
				    const struct local_policy *p, struct err *e)
{
	const uint8_t *vuid = lp_bytes(p, LP_VUID);
	char group[UUID_TEXT_MAX] = "";
	enum sep_status r = SEP_OK;

	if (vuid)
		uuid_text(vuid, group);
	for (size_t i = 0; !r && i < LP_N_FIELDS; i++)
		if (!lp_row((enum lp_field)i)->by_sep &&
		    !same_value(&old->v[i], &p->v[i]))
			r = check_field(s, (enum lp_field)i, &p->v[i], group, e);
	return r;
}

enum sep_status sep_check_policy(struct sep *s, const struct local_policy *p,
				 struct span old_file, struct err *e)
{
	struct local_policy old = {.v = {{.present = false}}};
	enum sep_status r = SEP_OK;

	if (old_file.len)
		r = read_old(s, old_file, &old, e);
	else if (!sep_env_in(s->env, SEP_IN_ANY_RECOVERY))
		r = SEP_ERR_MODE;
	if (r == SEP_ERR_MODE)
		err_set(e, E_PERM, "a new system is for a recoveryOS to install");
	if (!r)
		r = check_change(s, &old, p, e);
	if (!r && lp_consistent(p, e))
		r = SEP_ERR_IMAGE4;
	return r;
}

enum sep_status sep_sign_policy(struct sep *s, struct local_policy *p, struct span old,
				struct buf *out, struct err *e)
{
	struct im4m_signer by;
	enum sep_status r;

	s->last = SEP_SIGN_POLICY;
	if (!s->chip->sep.nonce[SEP_LPN].has_proposed) {
		err_set(e, E_INVAL, "no update has begun");
		return SEP_ERR_STATE;
	}
	r = sep_check_policy(s, p, old, e);
	if (r)
		return r;
	if (fill_in(s, p, e) || owner_signer(s, &by, e))
		return SEP_ERR_STATE;
	if (lp_write(p, &by, out, e))
		r = SEP_ERR_IMAGE4;
	EVP_PKEY_free(by.key);
	return r;
}

/* Which object is signed where: kcgend runs in kcOS, kmutil configure-boot in 1TR. */
static const struct {
	uint32_t name;
	unsigned where;
} linked[] = {
	{FOURCC('a', 'u', 'x', 'k'), SEP_IN(SEP_KCOS)},
	{FOURCC('f', 'u', 'o', 's'), SEP_IN(SEP_1TR)},
};

static enum sep_status linked_allowed(const struct sep *s, uint32_t name, struct err *e)
{
	for (size_t i = 0; i < sizeof(linked) / sizeof(linked[0]); i++) {
		if (linked[i].name != name)
			continue;
		if (sep_env_in(s->env, linked[i].where))
			return SEP_OK;
		err_set(e, E_PERM, "not in this environment");
		return SEP_ERR_MODE;
	}
	err_set(e, E_INVAL, "not an object that an owner may sign");
	return SEP_ERR_IMAGE4;
}

static int sign_linked(const struct sep *s, const struct im4m_signer *by, uint32_t name,
		       const uint8_t digest[static IMG4_DIGEST_LEN], struct buf *out,
		       struct err *e)
{
	const struct img4_chip *id = &s->chip->id;
	struct img4_prop manp[] = {
		img4_number(lp_row(LP_ECID)->name, id->ecid),
		img4_number(lp_row(LP_BORD)->name, id->bord),
		img4_number(lp_row(LP_CHIP)->name, id->chip),
		img4_number(lp_row(LP_CEPO)->name, id->cepo),
		img4_number(lp_row(LP_SDOM)->name, id->sdom),
		img4_boolean(lp_row(LP_CPRO)->name, id->cpro),
		img4_boolean(lp_row(LP_CSEC)->name, id->csec),
	};
	struct img4_prop props[] = {
		img4_octets(FOURCC('D', 'G', 'S', 'T'), digest, IMG4_DIGEST_LEN),
		img4_boolean(lp_row(LP_LOBO)->name, true),
	};
	struct im4m_object object = {.name = name, .props = props, .n_props = 2};
	struct im4m_spec spec = {.manp = manp,
				 .n_manp = sizeof(manp) / sizeof(manp[0]),
				 .objects = &object,
				 .n_objects = 1};

	return im4m_sign(&spec, by, out, e);
}

enum sep_status sep_linked_manifest(struct sep *s, uint32_t name,
				    const uint8_t digest[static IMG4_DIGEST_LEN],
				    struct buf *out, struct err *e)
{
	enum sep_status r = linked_allowed(s, name, e);
	struct im4m_signer by;

	s->last = SEP_LINKED_MANIFEST;
	if (!r && owner_signer(s, &by, e))
		r = SEP_ERR_STATE;
	if (!r) {
		if (sign_linked(s, &by, name, digest, out, e))
			r = SEP_ERR_IMAGE4;
		EVP_PKEY_free(by.key);
	}
	return sep_returns(s, SEP_LINKED_MANIFEST, r);
}
