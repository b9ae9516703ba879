/* SPDX-License-Identifier: MIT */
/*
 * Private keys of the laboratory's authorities: made once per build folder, with a seed
 * from which follows everything else that has to be the same each time. They stay on the
 * host. RSA of 2048 bits, whose signatures (PKCS #1 v1.5) have no randomness: what is made
 * anew with them is the same bytes again.
 */
#ifndef SIM_PLATFORM_KEYSTORE_H
#define SIM_PLATFORM_KEYSTORE_H

#include <openssl/evp.h>

#include "sim/base/buf.h"

#define KEYSTORE_MAX	  16
#define KEYSTORE_SEED_LEN 32u
#define KEYSTORE_DIR	  "build/cache/keys" /* below the top of the source tree */

/* Zero-initialise, release with keystore_release. */
struct keystore {
	struct buf der[KEYSTORE_MAX]; /* PKCS #8, as it is in the file */
	EVP_PKEY *key[KEYSTORE_MAX];  /* owned; NULL until keystore_key is asked for it */
	size_t n;
	uint8_t seed[KEYSTORE_SEED_LEN];
};

/*
 * Read @n keys and the seed from file @name.pem of folder @dir, or make them there if it
 * has none; whoever wants them meanwhile waits. E_CORRUPT when the file is damaged: it is
 * not made anew in silence, because nothing that was signed would be good any more.
 */
int keystore_load(const char *dir, const char *name, size_t n, struct keystore *ret,
		  struct err *e) MUST_CHECK;
void keystore_release(struct keystore *k);

/*
 * Key @i, borrowed. It is parsed when it is wanted for the first time: this takes longer
 * than to read the file, and of many keys most users want few. E_CORRUPT.
 */
int keystore_key(struct keystore *k, size_t i, EVP_PKEY **ret, struct err *e) MUST_CHECK;

/* @len bytes that follow from @seed and @label alone (HKDF, SHA-384). */
int keystore_derive(const uint8_t seed[static KEYSTORE_SEED_LEN], const char *label,
		    void *out, size_t len, struct err *e) MUST_CHECK;

#endif
