/* SPDX-License-Identifier: MIT */
#include "sim/platform/filevault.h"

#include <stdint.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "sim/formats/plist/pl.h"

#define ITERATIONS     20000u
/* A file must not make an unlock take for ever: rounds of one user, and of all. */
#define ITERATIONS_MAX     1000000u
#define ITERATIONS_MAX_ALL 2000000u
#define KEY_LEN        32
#define SALT_LEN       16

static int derive(const char *passphrase, const uint8_t *salt, size_t salt_len,
		  unsigned iterations, uint8_t key[KEY_LEN], struct err *e)
{
	if (PKCS5_PBKDF2_HMAC(passphrase, (int)strlen(passphrase), salt, (int)salt_len,
			      (int)iterations, EVP_sha256(), KEY_LEN, key) != 1)
		return err_set(e, E_IO, "PBKDF2 failed");
	return 0;
}

int filevault_make(const char *user, const char *passphrase, struct buf *out,
		   struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE], key[KEY_LEN];
	plist_t root, users, one;
	int r;

	if (!EVP_Digest(user, strlen(user), digest, NULL, EVP_sha256(), NULL))
		return err_set(e, E_IO, "SHA-256 failed");
	r = derive(passphrase, digest, SALT_LEN, ITERATIONS, key, e);
	if (r)
		return r;
	one = plist_new_dict();
	plist_dict_set_item(one, "UserName", plist_new_string(user));
	plist_dict_set_item(one, "Salt", plist_new_data((const char *)digest, SALT_LEN));
	plist_dict_set_item(one, "Iterations", plist_new_uint(ITERATIONS));
	plist_dict_set_item(one, "Verifier", plist_new_data((const char *)key, KEY_LEN));
	users = plist_new_array();
	plist_array_append_item(users, one);
	root = plist_new_dict();
	plist_dict_set_item(root, "CryptoUsers", users);
	r = pl_to_xml(root, out, e);
	plist_free(root);
	return r;
}

static int check_user(plist_t user, const char *passphrase, uint64_t *left, bool *ret_ok,
		      struct err *e)
{
	const uint8_t *salt, *verifier;
	size_t salt_len, verifier_len;
	uint64_t iterations;
	uint8_t key[KEY_LEN];
	int r;

	if ((r = pl_data(user, "Salt", &salt, &salt_len, e)) ||
	    (r = pl_data(user, "Verifier", &verifier, &verifier_len, e)) ||
	    (r = pl_uint(user, "Iterations", &iterations, e)))
		return r;
	if (salt_len == 0 || salt_len > 64 || verifier_len != KEY_LEN || iterations == 0 ||
	    iterations > ITERATIONS_MAX)
		return err_set(e, E_CORRUPT, "sizes out of range");
	if (iterations > *left)
		return err_set(e, E_CORRUPT, "more than %u iterations", ITERATIONS_MAX_ALL);
	*left -= iterations;
	r = derive(passphrase, salt, salt_len, (unsigned)iterations, key, e);
	if (!r)
		*ret_ok = !CRYPTO_memcmp(key, verifier, KEY_LEN);
	return r;
}

int filevault_check(const void *plist, size_t len, const char *passphrase, bool *ret_ok,
		    struct err *e)
{
	uint64_t left = ITERATIONS_MAX_ALL;
	plist_t root, users = NULL;
	bool ok = false;
	int r;

	if (len > FILEVAULT_FILE_MAX)
		return err_set(e, E_OVERFLOW, "CryptoUserInfo.plist of %zu bytes", len);
	r = pl_parse(plist, len, "CryptoUserInfo.plist", &root, e);
	if (r)
		return r;
	r = pl_array(root, "CryptoUsers", &users, e);
	for (uint32_t i = 0; !r && !ok && i < plist_array_get_size(users); i++)
		r = check_user(plist_array_get_item(users, i), passphrase, &left, &ok,
			       e);
	plist_free(root);
	if (r)
		return err_ctx(e, "CryptoUserInfo.plist");
	*ret_ok = ok;
	return 0;
}
