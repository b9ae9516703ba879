/* SPDX-License-Identifier: MIT */
/*
 * The laboratory's own authorities, in the places of Apple's: a root whose key is fused
 * into every chip, the boot authority and its signing server (TSS), and the authority
 * that certifies owner keys of Secure Enclaves (BAA).
 *
 *	root --- boot authority --- TSS      signs manifests of operating systems and LLB
 *	     \-- BAA ------------- OIC       (one for each chip) signs local policies
 *
 * RSA of 2048 bits with PKCS #1 v1.5, as Apple's manifests of this generation have it:
 * verifying is cheap, which a boot does often and under emulation, and signatures have no
 * randomness, so that a disk that is made anew is the same bytes again. What a
 *certificate may sign is in its constraints, so that neither signs what is the other's.
 *
 * They are made once per build folder, with a seed from which everything else is derived
 * that has to be there before a machine is (ECIDs, owner keys, first nonces), and stay on
 * the host.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_KEYS_H
#define SIM_PLATFORM_SECUREBOOT_KEYS_H

#include <openssl/evp.h>

#include "sim/base/buf.h"
#include "sim/base/idtext.h"
#include "sim/formats/image4/im4m.h"
#include "sim/platform/keystore.h"

#define SB_SEED_LEN KEYSTORE_SEED_LEN
#define SB_KEYS_DIR KEYSTORE_DIR

struct sb_identity {
	EVP_PKEY *key;	 /* owned */
	struct buf cert; /* X.509, DER */
};

enum sb_authority { SB_ROOT, SB_BOOT_CA, SB_TSS, SB_BAA, SB_N_AUTHORITIES };

struct sb_keys {
	struct sb_identity id[SB_N_AUTHORITIES];
	uint8_t seed[SB_SEED_LEN];
	uint8_t root_hash[IMG4_DIGEST_LEN]; /* SHA-384 of the root's SubjectPublicKeyInfo
					     */
};

/*
 * Read the keys from folder @dir, or make them there if it has none; whoever wants them
 * meanwhile waits. Release with sb_keys_release. E_CORRUPT when the file is damaged: it
 * is not made anew in silence, because no disk that was signed would boot any more.
 */
int sb_keys_load(const char *dir, struct sb_keys *ret, struct err *e) MUST_CHECK;
void sb_keys_release(struct sb_keys *k);

/* For names in caches of what is signed: changes when keys or certificates do. */
int sb_keys_fingerprint(const struct sb_keys *k, char out[static SHA256_TEXT_MAX],
			struct err *e) MUST_CHECK;

/* @len bytes that follow from the seed and @label alone (HKDF, SHA-384). */
int sb_keys_derive(const struct sb_keys *k, const char *label, void *out, size_t len,
		   struct err *e) MUST_CHECK;

/*
 * What the laboratory's servers do, for whoever installs. The host has it from
 * sb_keys_services; a Mac that reinstalls itself asks the host.
 */
struct sb_services {
	const void *ctx;
	/* Append the manifest of @s, signed by the signing server. */
	int (*sign)(const void *ctx, const struct im4m_spec *s, struct buf *out,
		    struct err *e);
	/* Append certificates for the owner key @spki (SubjectPublicKeyInfo, DER) of the
	   chip @ecid: first the BAA's, then the OIC. */
	int (*certify)(const void *ctx, struct span spki, uint64_t ecid, struct buf *baa,
		       struct buf *oic, struct err *e);
};
struct sb_services sb_keys_services(const struct sb_keys *k);

#endif
