/* SPDX-License-Identifier: MIT */
/* Making and keeping the laboratory's keys. */
#include "sim/platform/secureboot/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "sim/platform/secureboot/authority.h"
#include "sim/platform/secureboot/cert.h"

#define FILE_NAME "lab.pem"
#define LOCK_NAME "lab.lock"
#define FILE_MAX  65536u
#define SEED_PEM  "KEXTLAB SEED"
#define SUM_PEM	  "KEXTLAB SHA256"
#define SUM_LEN	  32
#define RSA_BITS  2048

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

static bool hkdf(const struct sb_keys *k, const char *label, void *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	uint8_t seed[SB_SEED_LEN];
	char info[256], digest[] = "SHA2-384";
	int n = snprintf(info, sizeof(info), "kextlab %s", label);
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, seed, sizeof(seed)),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)n),
		OSSL_PARAM_END,
	};
	bool ok;

	memcpy(seed, k->seed, sizeof(seed));
	ok = ctx && (size_t)n < sizeof(info) && EVP_KDF_derive(ctx, out, len, p) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

int sb_keys_derive(const struct sb_keys *k, const char *label, void *out, size_t len,
		   struct err *e)
{
	if (!hkdf(k, label, out, len))
		return err_set(e, E_INFRA, "OpenSSL: deriving '%s' failed", label);
	return 0;
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

static int make_keys(struct sb_keys *k, struct err *e)
{
	if (getrandom(k->seed, sizeof(k->seed), 0) != sizeof(k->seed))
		return err_sys(e, "getrandom");
	for (size_t i = 0; i < SB_N_AUTHORITIES; i++) {
		k->id[i].key = EVP_RSA_gen(RSA_BITS);
		if (!k->id[i].key)
			return err_set(e, E_INFRA, "OpenSSL: making an RSA key failed");
	}
	return 0;
}

/* Certificates are not kept: they follow from keys and seed. */
static int make_certs(struct sb_keys *k, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < SB_N_AUTHORITIES; i++)
		r = make_cert(k, (enum sb_authority)i, e);
	return r;
}

static bool write_pem(const struct sb_keys *k, BIO *out)
{
	uint8_t sum[SUM_LEN];
	char *text;
	long len;

	for (size_t i = 0; i < SB_N_AUTHORITIES; i++)
		if (!PEM_write_bio_PrivateKey(out, k->id[i].key, NULL, NULL, 0, NULL,
					      NULL))
			return false;
	if (!PEM_write_bio(out, SEED_PEM, "", k->seed, sizeof(k->seed)))
		return false;
	len = BIO_get_mem_data(out, &text);
	return EVP_Digest(text, (size_t)len, sum, NULL, EVP_sha256(), NULL) &&
	       PEM_write_bio(out, SUM_PEM, "", sum, sizeof(sum));
}

static int save(const struct sb_keys *k, const char *path, struct err *e)
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

/* The next block, which has to be called @name and to be of @len bytes. */
static bool take_block(BIO *in, const char *name, void *ret, size_t len)
{
	char *got = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	bool ok = PEM_read_bio(in, &got, &header, &data, &n) && !strcmp(got, name) &&
		  (size_t)n == len;

	if (ok)
		memcpy(ret, data, len);
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

static bool parse(struct sb_keys *k, const struct buf *text)
{
	BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
	bool ok = in;

	for (size_t i = 0; ok && i < SB_N_AUTHORITIES; i++) {
		k->id[i].key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
		ok = k->id[i].key;
	}
	ok = ok && take_block(in, SEED_PEM, k->seed, sizeof(k->seed)) &&
	     sum_fits(in, text);
	BIO_free(in);
	ERR_clear_error();
	return ok;
}

/* E_NOTFOUND when there is no file. */
static int read_keys(struct sb_keys *k, const char *path, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = fsio_read(path, FILE_MAX, &text, e);

	if (!r && !parse(k, &text)) {
		sb_keys_release(k);
		r = err_set(e, E_CORRUPT,
			    "%s is damaged; without it every disk that it signed has to "
			    "be made anew: remove it to have new keys made",
			    path);
	}
	buf_release(&text);
	return r;
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

static int make_once(struct sb_keys *k, const char *dir, const char *path, struct err *e)
{
	char lock_path[PATH_MAX];
	int fd = -1, r;

	r = fsio_mkdirs(dir, 0755, e);
	if (!r)
		r = fsio_join(lock_path, sizeof(lock_path), dir, LOCK_NAME, e);
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

int sb_keys_load(const char *dir, struct sb_keys *ret, struct err *e)
{
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), dir, FILE_NAME, e);

	*ret = (struct sb_keys){.id = {{NULL, BUF_INIT}}};
	if (!r)
		r = read_keys(ret, path, e);
	if (r == -(int)E_NOTFOUND)
		r = make_once(ret, dir, path, e);
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
