/* SPDX-License-Identifier: MIT */
/*
 * Who is Apple on a Mac with a system of its own. Apple's verifier has the root built in,
 * by its hash; the certificate itself comes with each signature of Apple's (the chain
 * that signing puts in ends with the root).
 */
#include <dirent.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "images/own_system.h"
#include "sim/base/fsio.h"
#include "sim/formats/codesign/codesign.h"

/* SHA-256 of "Apple Root CA", as Apple publishes it (www.apple.com/certificateauthority).
 */
static const uint8_t apple_root[][OWN_SYSTEM_HASH_LEN] = {
	{0xb0, 0xb1, 0x73, 0x0e, 0xcb, 0xc7, 0xff, 0x45, 0x05, 0x14, 0x2c,
	 0x49, 0xf1, 0x29, 0x5e, 0x6e, 0xda, 0x6b, 0xca, 0xed, 0x7e, 0x2c,
	 0x68, 0xc5, 0xbe, 0x91, 0xb5, 0xa1, 0x10, 0x01, 0xf0, 0x24},
};

/* Kexts to ask: all that are signed by Apple have it, so that one would do. */
#define KEXTS_ASKED_MAX 16

struct wanted {
	const uint8_t (*hash)[OWN_SYSTEM_HASH_LEN];
	size_t n;
};

static int is_wanted(const struct wanted *w, const struct buf *der, bool *ret,
		     struct err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	*ret = false;
	if (!EVP_Digest(der->data, der->len, hash, NULL, EVP_sha256(), NULL))
		return err_set(e, E_IO, "SHA-256 failed");
	for (size_t i = 0; i < w->n; i++)
		*ret |= !memcmp(hash, w->hash[i], OWN_SYSTEM_HASH_LEN);
	return 0;
}

/* Whether the signature is good does not matter: the hash says what the root is. */
static int ask_kext(const struct own_system *s, const char *name, const struct wanted *w,
		    struct buf *out, struct err *e)
{
	const struct codesign_check how = {.anchors = &(struct cs_anchors){.n = 0},
					   .now = time(NULL)};
	struct codesign_result res = {.status = CS_INTERNAL_ERROR};
	char path[PATH_MAX];
	bool yes = false;
	int r = fsio_join(path, sizeof(path), s->extensions, name, e);

	if (r)
		return r;
	r = codesign_verify(path, &how, &res, e);
	if (!r && res.root.len)
		r = is_wanted(w, &res.root, &yes, e);
	if (!r && yes)
		r = buf_append(out, res.root.data, res.root.len, e);
	codesign_result_release(&res);
	return r;
}

static int is_kext(const struct dirent *de)
{
	size_t n = strlen(de->d_name);

	return de->d_name[0] != '.' && n > 5 && !strcmp(de->d_name + n - 5, ".kext");
}

int own_system_root(const struct own_system *s,
		    const uint8_t (*hash)[OWN_SYSTEM_HASH_LEN], size_t n, struct buf *out,
		    struct err *e)
{
	const struct wanted w = {n ? hash : apple_root,
				 n ? n : sizeof(apple_root) / sizeof(apple_root[0])};
	size_t before = out->len;
	struct dirent **list = NULL;
	int found = scandir(s->extensions, &list, is_kext, alphasort);
	int r = found < 0 ? err_sys(e, "%s", s->extensions) : 0;

	/* The KPIs first: they are small, and always there. */
	if (!r)
		r = ask_kext(s, "System.kext", &w, out, e);
	for (int i = 0; i < found; i++) {
		if (!r && out->len == before && i < KEXTS_ASKED_MAX)
			r = ask_kext(s, list[i]->d_name, &w, out, e);
		free(list[i]);
	}
	free(list);
	return r;
}
