/* SPDX-License-Identifier: MIT */
#include "sim/platform/keystore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "sim/base/fsio.h"

#define FILE_MAX 65536u
#define SEED_PEM "KEXTLAB SEED"
#define SUM_PEM	 "KEXTLAB SHA256"
#define SUM_LEN	 32
#define RSA_BITS 2048

void keystore_release(struct keystore *k)
{
	for (size_t i = 0; i < KEYSTORE_MAX; i++) {
		EVP_PKEY_free(k->key[i]);
		buf_release(&k->der[i]);
	}
	*k = (struct keystore){.n = 0};
}

static bool hkdf(const uint8_t from[static KEYSTORE_SEED_LEN], const char *label,
		 void *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	uint8_t seed[KEYSTORE_SEED_LEN];
	char info[256], digest[] = "SHA2-384";
	int n = snprintf(info, sizeof(info), "kextlab %s", label);
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, seed, sizeof(seed)),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)n),
		OSSL_PARAM_END,
	};
	bool ok;

	memcpy(seed, from, sizeof(seed));
	ok = ctx && (size_t)n < sizeof(info) && EVP_KDF_derive(ctx, out, len, p) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

int keystore_derive(const uint8_t seed[static KEYSTORE_SEED_LEN], const char *label,
		    void *out, size_t len, struct err *e)
{
	if (!hkdf(seed, label, out, len))
		return err_set(e, E_INFRA, "OpenSSL: deriving '%s' failed", label);
	return 0;
}

static int make_keys(struct keystore *k, struct err *e)
{
	if (getrandom(k->seed, sizeof(k->seed), 0) != sizeof(k->seed))
		return err_sys(e, "getrandom");
	for (size_t i = 0; i < k->n; i++) {
		k->key[i] = EVP_RSA_gen(RSA_BITS);
		if (!k->key[i])
			return err_set(e, E_INFRA, "OpenSSL: making an RSA key failed");
	}
	return 0;
}

static bool write_pem(const struct keystore *k, BIO *out)
{
	uint8_t sum[SUM_LEN];
	char *text;
	long len;

	for (size_t i = 0; i < k->n; i++)
		if (!PEM_write_bio_PrivateKey(out, k->key[i], NULL, NULL, 0, NULL,
					      NULL))
			return false;
	if (!PEM_write_bio(out, SEED_PEM, "", k->seed, sizeof(k->seed)))
		return false;
	len = BIO_get_mem_data(out, &text);
	return EVP_Digest(text, (size_t)len, sum, NULL, EVP_sha256(), NULL) &&
	       PEM_write_bio(out, SUM_PEM, "", sum, sizeof(sum));
}

static int save(const struct keystore *k, const char *path, struct err *e)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int r;

	if (!out || !write_pem(k, out)) {
		r = err_set(e, E_INFRA, "OpenSSL: writing keys failed");
	} else {
		len = BIO_get_mem_data(out, &text);
		r = fsio_write_atomic(path, text, (size_t)len, 0600, e);
	}
	BIO_free(out);
	return r;
}

/* The next block, which has to be called @name. */
static bool take_block(BIO *in, const char *name, struct buf *ret)
{
	char *got = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	bool ok = PEM_read_bio(in, &got, &header, &data, &n) && !strcmp(got, name) &&
		  !buf_append(ret, data, (size_t)n, NULL);

	OPENSSL_free(got);
	OPENSSL_free(header);
	OPENSSL_free(data);
	return ok;
}

/* The last block is the digest of the text before it, to the byte as we write it. */
static bool sum_fits(BIO *in, const struct buf *text)
{
	size_t rest = (size_t)BIO_pending(in), len = text->len - rest;
	BIO *out = BIO_new(BIO_s_mem());
	uint8_t sum[SUM_LEN];
	char *want;
	bool ok = out && EVP_Digest(text->data, len, sum, NULL, EVP_sha256(), NULL) &&
		  PEM_write_bio(out, SUM_PEM, "", sum, sizeof(sum)) &&
		  (size_t)BIO_get_mem_data(out, &want) == rest &&
		  !memcmp(text->data + len, want, rest);

	BIO_free(out);
	return ok;
}

static bool parse(struct keystore *k, const struct buf *text)
{
	BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
	struct buf seed = BUF_INIT;
	bool ok = in;

	for (size_t i = 0; ok && i < k->n; i++)
		ok = take_block(in, PEM_STRING_PKCS8INF, &k->der[i]);
	ok = ok && take_block(in, SEED_PEM, &seed) && seed.len == sizeof(k->seed) &&
	     sum_fits(in, text);
	if (ok)
		memcpy(k->seed, seed.data, sizeof(k->seed));
	buf_release(&seed);
	BIO_free(in);
	ERR_clear_error();
	return ok;
}

/* E_NOTFOUND when there is no file. */
static int read_keys(struct keystore *k, const char *path, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = fsio_read(path, FILE_MAX, &text, e);

	if (!r && !parse(k, &text)) {
		keystore_release(k);
		r = err_set(e, E_CORRUPT,
			    "%s is damaged; without it everything that it signed has to "
			    "be made anew: remove it to have new keys made",
			    path);
	}
	buf_release(&text);
	return r;
}

static int name_in(char out[static PATH_MAX], const char *dir, const char *name,
		   const char *ending, struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", dir, name, ending) < PATH_MAX)
		return 0;
	return err_set(e, E_OVERFLOW, "%s: the path is too long", dir);
}

static int lock(const char *path, int *ret_fd, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, "opening %s", path);
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		close(fd);
		return err_sys(e, "locking %s", path);
	}
	*ret_fd = fd;
	return 0;
}

static int make_once(struct keystore *k, const char *dir, const char *name,
		     const char *path, struct err *e)
{
	char lock_path[PATH_MAX];
	int fd = -1, r;

	r = fsio_mkdirs(dir, 0755, e);
	if (!r)
		r = name_in(lock_path, dir, name, ".lock", e);
	if (!r)
		r = lock(lock_path, &fd, e);
	if (r)
		return r;
	/* Somebody else may have made them while we waited. */
	r = read_keys(k, path, e);
	if (r == -(int)E_NOTFOUND) {
		r = make_keys(k, e);
		if (!r)
			r = save(k, path, e);
	}
	close(fd);
	return r;
}

int keystore_load(const char *dir, const char *name, size_t n, struct keystore *ret,
		  struct err *e)
{
	char path[PATH_MAX];
	int r = name_in(path, dir, name, ".pem", e);

	*ret = (struct keystore){.n = n};
	if (!r && n > KEYSTORE_MAX)
		r = err_set(e, E_OVERFLOW, "a store of %zu keys", n);
	if (!r)
		r = read_keys(ret, path, e);
	if (r == -(int)E_NOTFOUND)
		r = make_once(ret, dir, name, path, e);
	if (r)
		keystore_release(ret);
	return r;
}

int keystore_key(struct keystore *k, size_t i, EVP_PKEY **ret, struct err *e)
{
	const unsigned char *p = k->der[i].data;

	if (!k->key[i])
		k->key[i] = d2i_AutoPrivateKey(NULL, &p, (long)k->der[i].len);
	*ret = k->key[i];
	ERR_clear_error();
	return *ret ? 0 : err_set(e, E_CORRUPT, "private key %zu cannot be read", i);
}
