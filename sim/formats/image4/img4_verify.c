/* SPDX-License-Identifier: MIT */
/* Is a manifest for this chip, and does an object belong to it? */
#include "sim/formats/image4/img4_verify.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "sim/formats/image4/fourcc.h"

static const struct {
	enum img4_result result;
	const char *name;
} results[] = {
	{IMG4_OK, "OK"},	 {IMG4_ENOENT, "ENOENT"}, {IMG4_ENOEXEC, "ENOEXEC"},
	{IMG4_ENOMEM, "ENOMEM"}, {IMG4_EACCES, "EACCES"}, {IMG4_ESTALE, "ESTALE"},
	{IMG4_EFTYPE, "EFTYPE"}, {IMG4_EAUTH, "EAUTH"},	  {IMG4_EILSEQ, "EILSEQ"},
};

const char *img4_result_name(enum img4_result r)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (results[i].result == r)
			return results[i].name;
	return "?";
}

/* What of a chip's identity a manifest is held against. */
enum { MUST_HAVE = 1, IF_PRESENT = 2 };

struct selector_row {
	const char *name;
	uint8_t ecid;  /* MUST_HAVE: made for this one chip */
	uint8_t board; /* CHIP, BORD, SDOM, ... */
	bool software; /* CHIP has to be IMG4_SOFTWARE_CHIP instead */
};

static const struct selector_row selectors[IMG4_CHIP_N] = {
	[IMG4_CHIP_AP_SHA2_384] = {"AP_SHA2_384", MUST_HAVE, MUST_HAVE, false},
	[IMG4_CHIP_AP_REDUCED] = {"AP_REDUCED", IF_PRESENT, MUST_HAVE, false},
	[IMG4_CHIP_AP_PERMISSIVE] = {"AP_PERMISSIVE", IF_PRESENT, MUST_HAVE, false},
	[IMG4_CHIP_AP_HYBRID] = {"AP_HYBRID", MUST_HAVE, MUST_HAVE, false},
	[IMG4_CHIP_AP_HYBRID_MEDIUM] = {"AP_HYBRID_MEDIUM", IF_PRESENT, MUST_HAVE, false},
	[IMG4_CHIP_AP_HYBRID_RELAXED] = {"AP_HYBRID_RELAXED", IF_PRESENT, IF_PRESENT,
					 false},
	[IMG4_CHIP_SOFTWARE_FF00] = {"SOFTWARE_FF00", 0, 0, true},
};

const char *img4_selector_name(enum img4_selector s)
{
	return selectors[s].name;
}

static enum img4_result refuse(struct err *e, uint32_t name, const char *why)
{
	char text[FOURCC_TEXT_MAX];

	err_set(e, E_CORRUPT, "'%s' of the manifest %s", fourcc_text(name, text), why);
	return IMG4_EACCES;
}

static enum img4_result check_fuse(const struct im4m *m, struct img4_prop want,
				   unsigned how, struct err *e)
{
	struct img4_prop p;

	if (!how)
		return IMG4_OK;
	if (!img4_props_get(&m->manp, want.name, &p))
		return how == MUST_HAVE ? refuse(e, want.name, "is missing") : IMG4_OK;
	return img4_prop_equal(&p, &want) ? IMG4_OK
					  : refuse(e, want.name, "is not this chip's");
}

enum img4_result img4_for_chip(const struct im4m *m, const struct img4_chip *chip,
			       enum img4_selector s, struct err *e)
{
	const struct selector_row *row = &selectors[s];
	const struct {
		struct img4_prop want;
		unsigned how;
	} fuse[] = {
		{img4_number(FOURCC('C', 'H', 'I', 'P'),
			     row->software ? IMG4_SOFTWARE_CHIP : chip->chip),
		 row->software ? MUST_HAVE : row->board},
		{img4_number(FOURCC('B', 'O', 'R', 'D'), chip->bord), row->board},
		{img4_number(FOURCC('C', 'E', 'P', 'O'), chip->cepo), row->board},
		{img4_number(FOURCC('S', 'D', 'O', 'M'), chip->sdom), row->board},
		{img4_boolean(FOURCC('C', 'P', 'R', 'O'), chip->cpro), row->board},
		{img4_boolean(FOURCC('C', 'S', 'E', 'C'), chip->csec), row->board},
		{img4_number(FOURCC('E', 'C', 'I', 'D'), chip->ecid), row->ecid},
	};
	enum img4_result r = IMG4_OK;

	for (size_t i = 0; !r && i < sizeof(fuse) / sizeof(fuse[0]); i++)
		r = check_fuse(m, fuse[i].want, fuse[i].how, e);
	return r;
}

/* Digests and nonces of these are compared without a short cut. */
static bool same(struct span a, const uint8_t *b, size_t len)
{
	return a.len == len && !CRYPTO_memcmp(a.p, b, len);
}

enum img4_result img4_nonce(const struct im4m *m,
			    const uint8_t generator[static IMG4_GENERATOR_LEN],
			    struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct img4_prop p;

	if (!img4_props_get(&m->manp, FOURCC('B', 'N', 'C', 'H'), &p))
		return IMG4_OK;
	if (img4_digest((struct span){generator, IMG4_GENERATOR_LEN}, digest, e))
		return IMG4_ENOMEM;
	if (p.kind == IMG4_OCTETS && same(p.bytes, digest, sizeof(digest)))
		return IMG4_OK;
	err_set(e, E_CORRUPT, "BNCH of the manifest is of another nonce");
	return IMG4_ESTALE;
}

enum img4_result img4_digest_is(const struct im4m *m, uint32_t name,
				const uint8_t digest[static IMG4_DIGEST_LEN],
				struct err *e)
{
	char text[FOURCC_TEXT_MAX];
	struct img4_props props;
	struct img4_prop p;

	if (!im4m_object(m, name, &props)) {
		err_set(e, E_NOTFOUND, "the manifest has no '%s'",
			fourcc_text(name, text));
		return IMG4_ENOENT;
	}
	if (img4_props_get(&props, FOURCC('D', 'G', 'S', 'T'), &p) &&
	    p.kind == IMG4_OCTETS && same(p.bytes, digest, IMG4_DIGEST_LEN))
		return IMG4_OK;
	err_set(e, E_CORRUPT, "DGST of '%s' in the manifest is of other bytes",
		fourcc_text(name, text));
	return IMG4_ENOEXEC;
}
