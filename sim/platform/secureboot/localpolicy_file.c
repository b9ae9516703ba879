/* SPDX-License-Identifier: MIT */
/* A policy as a file: written, taken apart, and judged as LLB does. */
#include <string.h>

#include <openssl/crypto.h>

#include "sim/platform/secureboot/localpolicy.h"

#define LPOL FOURCC('l', 'p', 'o', 'l')
#define DGST FOURCC('D', 'G', 'S', 'T')

/* A payload that says nothing: all of a policy is in its manifest. */
static int make_payload(struct buf *out, struct err *e)
{
	return im4p_make(LPOL, "", "\0", 1, out, e);
}

static struct img4_prop prop_of(const struct local_policy *p, enum lp_field f)
{
	const struct lp_value *v = &p->v[f];
	struct img4_prop prop = {.name = lp_row(f)->name, .number = v->number};

	switch (lp_row(f)->kind) {
	case LP_NUMBER:
		prop.kind = IMG4_NUMBER;
		break;
	case LP_BOOL:
		prop.kind = IMG4_BOOLEAN;
		break;
	case LP_UUID:
		prop.kind = IMG4_OCTETS;
		prop.bytes = (struct span){v->bytes, UUID_LEN};
		break;
	case LP_DIGEST:
		prop.kind = IMG4_OCTETS;
		prop.bytes = (struct span){v->bytes, IMG4_DIGEST_LEN};
		break;
	case LP_STRING:
		prop.kind = IMG4_STRING;
		prop.bytes = (struct span){v->bytes, strlen((const char *)v->bytes)};
		break;
	}
	return prop;
}

static int sign(const struct local_policy *p, struct span payload,
		const struct im4m_signer *by, struct buf *out, struct err *e)
{
	struct img4_prop manp[LP_N_FIELDS], lpol[LP_N_FIELDS + 1];
	uint8_t digest[IMG4_DIGEST_LEN];
	struct im4m_object object = {.name = LPOL, .props = lpol};
	struct im4m_spec spec = {.manp = manp, .objects = &object, .n_objects = 1};
	int r = img4_digest(payload, digest, e);

	if (r)
		return r;
	lpol[object.n_props++] = img4_octets(DGST, digest, sizeof(digest));
	for (size_t i = 0; i < LP_N_FIELDS; i++) {
		if (!p->v[i].present)
			continue;
		if (lp_row((enum lp_field)i)->in_manp)
			manp[spec.n_manp++] = prop_of(p, (enum lp_field)i);
		else
			lpol[object.n_props++] = prop_of(p, (enum lp_field)i);
	}
	return im4m_sign(&spec, by, out, e);
}

int lp_write(const struct local_policy *p, const struct im4m_signer *by, struct buf *out,
	     struct err *e)
{
	struct buf payload = BUF_INIT, manifest = BUF_INIT;
	int r = make_payload(&payload, e);

	if (!r)
		r = sign(p, (struct span){payload.data, payload.len}, by, &manifest, e);
	if (!r)
		r = img4_write((struct span){payload.data, payload.len},
			       (struct span){manifest.data, manifest.len}, NULL, out, e);
	buf_release(&payload);
	buf_release(&manifest);
	return r;
}

static int take_field(struct local_policy *p, enum lp_field f,
		      const struct img4_prop *prop, struct err *e)
{
	static const enum img4_kind kind_of[] = {
		[LP_NUMBER] = IMG4_NUMBER, [LP_BOOL] = IMG4_BOOLEAN,
		[LP_UUID] = IMG4_OCTETS,   [LP_DIGEST] = IMG4_OCTETS,
		[LP_STRING] = IMG4_STRING,
	};
	enum lp_kind kind = lp_row(f)->kind;
	char name[FOURCC_TEXT_MAX];

	if (prop->kind != kind_of[kind])
		return err_set(e, E_CORRUPT, "'%s' is of another type",
			       fourcc_text(prop->name, name));
	if (kind == LP_NUMBER || kind == LP_BOOL) {
		lp_set_number(p, f, prop->number);
		return 0;
	}
	return lp_set_bytes(p, f, prop->bytes.p, prop->bytes.len, e);
}

static int take_fields(const struct im4m *m, const struct img4_props *lpol,
		       struct local_policy *ret, struct err *e)
{
	struct img4_prop prop;
	int r = 0;

	*ret = (struct local_policy){.v = {{.present = false}}};
	for (size_t i = 0; !r && i < LP_N_FIELDS; i++) {
		const struct lp_row *row = lp_row((enum lp_field)i);

		if (img4_props_get(row->in_manp ? &m->manp : lpol, row->name, &prop))
			r = take_field(ret, (enum lp_field)i, &prop, e);
	}
	return r ? err_ctx(e, "policy") : 0;
}

int lp_parse(const void *bytes, size_t len, struct img4 *file, struct local_policy *ret,
	     struct err *e)
{
	struct img4_props lpol;
	int r = img4_parse(bytes, len, file, e);

	if (r)
		return r;
	if (file->payload.type != LPOL || !file->has_manifest)
		return err_set(e, E_UNSUPPORTED, "not a policy with its manifest");
	if (!im4m_object(&file->manifest, LPOL, &lpol))
		return err_set(e, E_NOTFOUND, "the manifest has no 'lpol'");
	return take_fields(&file->manifest, &lpol, ret, e);
}

/* lp_parse's errors as the verifier's results. */
static enum img4_result result_of(int r)
{
	static const struct {
		enum err_code code;
		enum img4_result result;
	} map[] = {
		{E_UNSUPPORTED, IMG4_EFTYPE},
		{E_NOTFOUND, IMG4_ENOENT},
		{E_INVAL, IMG4_ENOEXEC},
		{E_NOMEM, IMG4_ENOMEM},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (r == -(int)map[i].code)
			return map[i].result;
	return IMG4_EILSEQ;
}

static enum img4_result check_nonce(const struct local_policy *p, enum lp_field f,
				    const uint8_t *want, struct err *e)
{
	const uint8_t *have = lp_bytes(p, f);
	char name[FOURCC_TEXT_MAX];

	if (!want || (have && !CRYPTO_memcmp(have, want, IMG4_DIGEST_LEN)))
		return IMG4_OK;
	err_set(e, E_CORRUPT, "'%s' is not the digest of the Secure Enclave's nonce",
		fourcc_text(lp_row(f)->name, name));
	return IMG4_ESTALE;
}

static enum img4_result check_object(const struct img4 *file, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];

	if (img4_digest(file->payload.whole, digest, e))
		return IMG4_ENOMEM;
	return img4_digest_is(&file->manifest, LPOL, digest, e);
}

enum img4_result lp_verify(const void *bytes, size_t len, const struct lp_expect *x,
			   struct local_policy *ret, struct err *e)
{
	struct img4 file;
	enum img4_result r;
	int parsed = lp_parse(bytes, len, &file, ret, e);

	if (parsed)
		return result_of(parsed);
	r = img4_authentic(&file.manifest, x->root, e);
	if (!r)
		r = img4_for_chip(&file.manifest, x->chip, IMG4_CHIP_AP_SHA2_384, e);
	if (!r)
		r = check_object(&file, e);
	if (!r)
		r = check_nonce(ret, LP_LPNH, x->lpnh, e);
	if (!r)
		r = check_nonce(ret, LP_RPNH, x->rpnh, e);
	if (!r && lp_consistent(ret, e))
		r = IMG4_ENOEXEC;
	return r;
}
