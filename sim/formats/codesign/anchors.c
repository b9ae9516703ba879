/* SPDX-License-Identifier: MIT */
/* Whose roots are Apple's: those that somebody put in the set. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/obj_mac.h>

#include "sim/base/fsio.h"
#include "sim/formats/codesign/chain.h"

/*
 * Who certifies a vendor's own code, by the organisation of the root. Apple's verifier
 * has the first row built in (reqinterp.cpp, appleSigned); the second is the laboratory's
 * stand-in for it, whose certificates do not carry Apple's name.
 */
static const struct {
	const char *organisation, *authority;
} vendors[] = {
	{"Apple Inc.", "Apple Code Signing Certification Authority"},
	{"kextlab", "kextlab Code Signing Certification Authority"},
};

void cs_anchors_release(struct cs_anchors *a)
{
	for (size_t i = 0; i < a->n; i++)
		X509_free(a->root[i]);
	*a = (struct cs_anchors){.n = 0};
}

int cs_anchors_add(struct cs_anchors *a, struct span der, struct err *e)
{
	X509 *x = cs_cert_parse(der);

	if (!x)
		return err_set(e, E_CORRUPT, "no certificate in DER");
	if (a->n == CS_ANCHORS_MAX) {
		X509_free(x);
		return err_set(e, E_OVERFLOW, "more than %d anchors", CS_ANCHORS_MAX);
	}
	a->root[a->n++] = x;
	return 0;
}

static int load_file(struct cs_anchors *a, const char *folder, const char *name,
		     struct err *e)
{
	struct buf der = BUF_INIT;
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), folder, name, e);

	if (!r)
		r = fsio_read(path, CS_CERT_MAX, &der, e);
	if (!r && cs_anchors_add(a, buf_span(&der), e))
		r = err_ctx(e, "%s", path);
	buf_release(&der);
	return r;
}

static int is_certificate(const struct dirent *de)
{
	size_t n = strlen(de->d_name);

	return n > 4 && !strcmp(de->d_name + n - 4, ".cer");
}

int cs_anchors_load(struct cs_anchors *a, const char *folder, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_certificate, alphasort), r = 0;

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return err_sys(e, "%s", folder);
	for (int i = 0; i < n; i++) {
		if (!r)
			r = load_file(a, folder, list[i]->d_name, e);
		free(list[i]);
	}
	free(list);
	return r;
}

bool cs_chain_is_apple_generic(const struct cs_chain *c, const struct cs_anchors *a)
{
	X509 *anchor = cs_chain_at(c, -1);

	for (size_t i = 0; anchor && i < a->n; i++)
		if (!X509_cmp(anchor, a->root[i]))
			return true;
	return false;
}

static bool subject_is(X509 *x, int nid, const char *want)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool found = false;
	bool same = !cs_cert_subject(x, nid, &b, &found, &e) && found &&
		    !strcmp(buf_str(&b), want);

	buf_release(&b);
	return same;
}

bool cs_chain_is_apple(const struct cs_chain *c, const struct cs_anchors *a)
{
	X509 *root = cs_chain_at(c, -1), *below = cs_chain_at(c, -2);

	if (!below || !cs_chain_is_apple_generic(c, a))
		return false;
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (subject_is(root, NID_organizationName, vendors[i].organisation) &&
		    subject_is(below, NID_organizationName, vendors[i].organisation) &&
		    subject_is(below, NID_commonName, vendors[i].authority))
			return true;
	return false;
}
