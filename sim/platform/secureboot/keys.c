/* SPDX-License-Identifier: MIT */
/* The laboratory's authorities of secure boot. */
#include "sim/platform/secureboot/keys.h"

#include <string.h>

#include "sim/platform/secureboot/authority.h"
#include "sim/platform/secureboot/cert.h"

#define STORE_NAME "lab"

static const struct {
	const char *name;
	enum sb_authority issuer;
	int path_len;
} rows[SB_N_AUTHORITIES] = {
	[SB_ROOT] = {"kextlab Secure Boot Root CA", SB_ROOT, 1},
	[SB_BOOT_CA] = {"kextlab Secure Boot Certification Authority", SB_ROOT, 0},
	[SB_TSS] = {"kextlab TSS Manifest Signing", SB_BOOT_CA, -1},
	[SB_BAA] = {SB_BAA_NAME, SB_ROOT, 0},
};

void sb_keys_release(struct sb_keys *k)
{
	for (size_t i = 0; i < SB_N_AUTHORITIES; i++) {
		EVP_PKEY_free(k->id[i].key);
		buf_release(&k->id[i].cert);
	}
	*k = (struct sb_keys){.id = {{NULL, BUF_INIT}}};
}

int sb_keys_derive(const struct sb_keys *k, const char *label, void *out, size_t len,
		   struct err *e)
{
	return keystore_derive(k->seed, label, out, len, e);
}

static int make_cert(struct sb_keys *k, enum sb_authority a, struct err *e)
{
	struct buf constraints = BUF_INIT;
	struct sb_cert_spec s = {
		.subject = rows[a].name,
		.issuer = rows[rows[a].issuer].name,
		.key = k->id[a].key,
		.issuer_key = k->id[rows[a].issuer].key,
		.path_len = rows[a].path_len,
	};
	int r = sb_keys_derive(k, rows[a].name, s.serial, sizeof(s.serial), e);

	s.serial[0] &= 0x7f;
	if (!r && a == SB_TSS)
		r = sb_tss_constraints(&constraints, e);
	s.constraints = (struct span){constraints.data, constraints.len};
	if (!r)
		r = sb_cert_make(&s, &k->id[a].cert, e);
	buf_release(&constraints);
	return r;
}

/* Certificates are not kept: they follow from keys and seed. */
static int make_certs(struct sb_keys *k, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < SB_N_AUTHORITIES; i++)
		r = make_cert(k, (enum sb_authority)i, e);
	return r;
}

/* Share keys and seed. */
static int take(struct sb_keys *k, struct keystore *store, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < SB_N_AUTHORITIES && !r; i++) {
		r = keystore_key(store, i, &k->id[i].key, e);
		if (!r)
			EVP_PKEY_up_ref(k->id[i].key);
	}
	memcpy(k->seed, store->seed, sizeof(k->seed));
	return r;
}

int sb_keys_load(const char *dir, struct sb_keys *ret, struct err *e)
{
	struct keystore store = {.n = 0};
	int r = keystore_load(dir, STORE_NAME, SB_N_AUTHORITIES, &store, e);

	*ret = (struct sb_keys){.id = {{NULL, BUF_INIT}}};
	if (r)
		return r;
	r = take(ret, &store, e);
	keystore_release(&store);
	if (!r)
		r = make_certs(ret, e);
	if (!r)
		r = sb_key_digest(ret->id[SB_ROOT].key, ret->root_hash, e);
	if (r)
		sb_keys_release(ret);
	return r;
}

int sb_keys_fingerprint(const struct sb_keys *k, char out[static SHA256_TEXT_MAX],
			struct err *e)
{
	struct buf b = BUF_INIT;
	int r = buf_append(&b, k->seed, sizeof(k->seed), e);

	for (size_t i = 0; !r && i < SB_N_AUTHORITIES; i++)
		r = buf_append(&b, k->id[i].cert.data, k->id[i].cert.len, e);
	if (!r)
		r = sha256_text(b.data, b.len, out, e);
	buf_release(&b);
	return r;
}
