/* SPDX-License-Identifier: MIT */
/* Nonces and their digests, ownership, pairing. */
#include "sim/platform/secureboot/sep.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/x509.h>

#include "sim/formats/image4/p384.h"
#include "sim/platform/secureboot/cert.h"
#include "sim/platform/secureboot/keys.h"
#include "sim/platform/secureboot/sep_impl.h"

const char *sep_status_text(enum sep_status s)
{
	switch (s) {
	case SEP_OK:
		return "success";
	case SEP_ERR_STATE:
		return "state";
	case SEP_ERR_STORAGE:
		return "storage";
	case SEP_ERR_IMAGE4:
		return "image4";
	case SEP_ERR_MODE:
		return "AP boot mode";
	case SEP_ERR_PAIRING:
		return "pairing";
	}
	return "?";
}

enum sep_status sep_returns(struct sep *s, enum sep_command c, enum sep_status status)
{
	char line[64];

	if (s->log && c != SEP_SIGN_POLICY) {
		snprintf(line, sizeof(line), "BootPolicy: SEP command %u returned %u", c,
			 status);
		s->log(s->log_ctx, line);
	}
	return status;
}

enum sep_status sep_store(struct sep *s, enum sep_command c, struct err *e)
{
	s->last = c;
	return s->store(s->store_ctx, s->chip, e) ? SEP_ERR_STORAGE : SEP_OK;
}

int sep_store_fd(void *fd, struct sb_chip *chip, struct err *e)
{
	return sb_chip_store(chip, *(const int *)fd, e);
}

int sep_store_later(void *ctx, struct sb_chip *chip, struct err *e)
{
	(void)ctx;
	(void)chip;
	(void)e;
	return 0;
}

static const struct {
	enum sep_command command;
	enum sep_nonce nonce;
	bool proposed;
} digests[] = {
	{SEP_PROPOSED_LP, SEP_LPN, true}, {SEP_PROPOSED_RP, SEP_RPN, true},
	{SEP_PROPOSED_RO, SEP_RON, true}, {SEP_BLESSED_LP, SEP_LPN, false},
	{SEP_BLESSED_RP, SEP_RPN, false}, {SEP_BLESSED_RO, SEP_RON, false},
};

int sep_nonce_digest(const struct sb_chip *chip, enum sep_nonce which, bool proposed,
		     uint8_t out[static IMG4_DIGEST_LEN], struct err *e)
{
	const struct sep_nonce_state *n = &chip->sep.nonce[which];
	const uint8_t *p = proposed ? n->proposed : n->blessed;

	if (proposed && !n->has_proposed)
		return err_set(e, E_NOTFOUND, "no update has begun");
	return img4_digest((struct span){p, SB_NONCE_LEN}, out, e);
}

enum sep_status sep_digest(struct sep *s, enum sep_command c,
			   uint8_t out[static IMG4_DIGEST_LEN])
{
	enum sep_status r = SEP_ERR_STATE;

	s->last = c;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		if (digests[i].command == c &&
		    !sep_nonce_digest(s->chip, digests[i].nonce, digests[i].proposed, out,
				      NULL))
			r = SEP_OK;
	return sep_returns(s, c, r);
}

/*
 * The kernel's generator and not OpenSSL's: a machine that was restored from a saved
 * state shares the latter's state with all others of that kind.
 */
static bool new_nonce(struct sep *s, uint8_t out[static SB_NONCE_LEN])
{
	if (s->draw)
		return s->draw(s->draw_ctx, out);
	return getrandom(out, SB_NONCE_LEN, 0) == SB_NONCE_LEN;
}

enum sep_status sep_begin_update(struct sep *s, struct err *e)
{
	struct sep_nonce_state *n = &s->chip->sep.nonce[SEP_LPN], old = *n;
	enum sep_status r;

	if (!s->chip->sep.oik.len || n->has_proposed || !new_nonce(s, n->proposed)) {
		err_set(e, E_INVAL, "%s",
			n->has_proposed ? "an update has begun already"
					: "the Secure Enclave has no owner");
		return sep_returns(s, SEP_BEGIN_UPDATE, SEP_ERR_STATE);
	}
	n->has_proposed = true;
	r = sep_store(s, SEP_BEGIN_UPDATE, e);
	if (r)
		*n = old;
	return sep_returns(s, SEP_BEGIN_UPDATE, r);
}

enum sep_status sep_end_update(struct sep *s, struct err *e)
{
	struct sep_nonce_state *n = &s->chip->sep.nonce[SEP_LPN], old = *n;
	enum sep_status r;

	if (!n->has_proposed) {
		err_set(e, E_INVAL, "no update has begun");
		return sep_returns(s, SEP_END_UPDATE, SEP_ERR_STATE);
	}
	memcpy(n->blessed, n->proposed, SB_NONCE_LEN);
	memset(n->proposed, 0, SB_NONCE_LEN);
	n->has_proposed = false;
	r = sep_store(s, SEP_END_UPDATE, e);
	if (r)
		*n = old;
	return sep_returns(s, SEP_END_UPDATE, r);
}

enum sep_env sep_os_type(struct sep *s)
{
	s->last = SEP_OS_TYPE;
	sep_returns(s, SEP_OS_TYPE, SEP_OK);
	return s->env;
}

bool sep_is_paired(const struct sep *s, const char *group)
{
	return sep_env_in(s->env, SEP_IN_ANY_RECOVERY) && !strcmp(s->paired_group, group);
}

enum sep_status sep_pairing(struct sep *s, const char *group)
{
	s->last = SEP_PAIRING_STATUS;
	return sep_returns(s, SEP_PAIRING_STATUS,
			   sep_is_paired(s, group) ? SEP_OK : SEP_ERR_PAIRING);
}

static int keep_key(struct sep_storage *st, EVP_PKEY *key, struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(key, &der), r;

	buf_clear(&st->oik);
	r = len > 0 ? buf_append(&st->oik, der, (size_t)len, e)
		    : err_set(e, E_INFRA, "OpenSSL: encoding the owner key failed");
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	return r;
}

static int certify(struct sep *s, EVP_PKEY *key, const struct sb_services *sv,
		   struct err *e)
{
	struct sep_storage *st = &s->chip->sep;
	struct buf spki = BUF_INIT;
	int r = sb_key_spki(key, &spki, e);

	buf_clear(&st->baa);
	buf_clear(&st->oic);
	if (!r)
		r = sv->certify(sv->ctx, (struct span){spki.data, spki.len},
				s->chip->id.ecid, &st->baa, &st->oic, e);
	buf_release(&spki);
	return r;
}

int sep_take_ownership(struct sep *s, const uint8_t seed[static SEP_OWNER_SEED_LEN],
		       const struct sb_services *sv, struct err *e)
{
	EVP_PKEY *key = NULL;
	int r = p384_from_bytes(seed, &key, e);

	for (size_t i = 0; i < SEP_N_NONCES; i++) {
		struct sep_nonce_state *n = &s->chip->sep.nonce[i];

		*n = (struct sep_nonce_state){.has_proposed = false};
		memcpy(n->blessed, seed + P384_SCALAR_LEN + i * SB_NONCE_LEN,
		       SB_NONCE_LEN);
	}
	if (!r)
		r = keep_key(&s->chip->sep, key, e);
	if (!r)
		r = certify(s, key, sv, e);
	EVP_PKEY_free(key);
	return r ? r : s->store(s->store_ctx, s->chip, e);
}
