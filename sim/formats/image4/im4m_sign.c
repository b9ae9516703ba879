/* SPDX-License-Identifier: MIT */
/* Writing and signing manifests. */
#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/im4m.h"
#include "sim/formats/image4/p384.h"

#define IM4M FOURCC('I', 'M', '4', 'M')
#define MANB FOURCC('M', 'A', 'N', 'B')
#define MANP FOURCC('M', 'A', 'N', 'P')

static void write_named_set(struct der_writer *w, uint32_t name,
			    const struct img4_prop *p, size_t n)
{
	struct der_named m = der_open_named(w, name);

	img4_props_write(w, p, n);
	der_close_named(w, m);
}

/* The SET that is signed. */
static int write_body(const struct im4m_spec *s, struct buf *out, struct err *e)
{
	struct der_writer w;
	struct der_mark set, objects;
	struct der_named manb;

	der_write_init(&w, out, e);
	set = der_open(&w, DER_UNIVERSAL, DER_SET);
	manb = der_open_named(&w, MANB);
	objects = der_open(&w, DER_UNIVERSAL, DER_SET);
	write_named_set(&w, MANP, s->manp, s->n_manp);
	for (size_t i = 0; i < s->n_objects; i++)
		write_named_set(&w, s->objects[i].name, s->objects[i].props,
				s->objects[i].n_props);
	der_close(&w, objects);
	der_close_named(&w, manb);
	der_close(&w, set);
	return der_write_end(&w);
}

static int sign_rsa(EVP_PKEY *key, const struct buf *body, struct buf *out, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[1024];
	size_t len = sizeof(sig);
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) > 0 &&
		  EVP_DigestSign(ctx, sig, &len, body->data, body->len) > 0;

	EVP_MD_CTX_free(ctx);
	return ok ? buf_append(out, sig, len, e)
		  : err_set(e, E_INFRA, "OpenSSL: signing a manifest failed");
}

static int sign(EVP_PKEY *key, const struct buf *body, struct buf *out, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];

	if (!EVP_PKEY_is_a(key, "EC"))
		return sign_rsa(key, body, out, e);
	if (img4_digest((struct span){body->data, body->len}, digest, e))
		return -(int)E_INFRA;
	return p384_sign(key, digest, out, e);
}

static int write_whole(const struct buf *body, const struct buf *sig,
		       const struct im4m_signer *by, struct buf *out, struct err *e)
{
	struct der_writer w;
	struct der_mark m, chain;

	der_write_init(&w, out, e);
	m = der_open(&w, DER_UNIVERSAL, DER_SEQUENCE);
	der_put_name(&w, IM4M);
	der_put_number(&w, 0);
	der_put_raw(&w, body->data, body->len);
	der_put_octets(&w, sig->data, sig->len);
	chain = der_open(&w, DER_UNIVERSAL, DER_SEQUENCE);
	for (size_t i = 0; i < by->n_certs; i++)
		der_put_raw(&w, by->cert[i].p, by->cert[i].len);
	der_close(&w, chain);
	der_close(&w, m);
	return der_write_end(&w);
}

int im4m_sign(const struct im4m_spec *s, const struct im4m_signer *by, struct buf *out,
	      struct err *e)
{
	struct buf body = BUF_INIT, sig = BUF_INIT;
	int r = write_body(s, &body, e);

	if (!r)
		r = sign(by->key, &body, &sig, e);
	if (!r)
		r = write_whole(&body, &sig, by, out, e);
	buf_release(&body);
	buf_release(&sig);
	return r;
}
