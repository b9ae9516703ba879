/* SPDX-License-Identifier: MIT */
#include "sim/formats/image4/im4p.h"

#include <string.h>

#include <openssl/evp.h>

#include "sim/formats/image4/fourcc.h"

#define IM4P FOURCC('I', 'M', '4', 'P')
#define PAYP FOURCC('P', 'A', 'Y', 'P')

static int take_compression(struct der *d, struct im4p *p, struct err *e)
{
	struct der in;
	int r = der_into(d, DER_UNIVERSAL, DER_SEQUENCE, &in, e);

	p->compressed = true;
	if (!r)
		r = der_number(&in, &p->algorithm, e);
	if (!r)
		r = der_number(&in, &p->full_size, e);
	return r ? r : der_end(&in, "the compression", e);
}

static int take_payp(struct der *d, struct im4p *p, struct err *e)
{
	struct der context, in;
	int r = der_into(d, DER_CONTEXT, 0, &context, e);

	if (!r)
		r = der_into(&context, DER_UNIVERSAL, DER_SEQUENCE, &in, e);
	if (!r)
		r = der_end(&context, "PAYP", e);
	if (!r)
		r = der_this_name(&in, PAYP, e);
	if (!r)
		r = img4_props_parse(&in, false, &p->payp, e);
	return r ? r : der_end(&in, "the properties of PAYP", e);
}

static int take_description(struct der *d, struct im4p *p, struct err *e)
{
	size_t at = d->off;
	int r = der_ia5(d, &p->description, e);

	if (!r && p->description.len > IMG4_DESCRIPTION_MAX)
		r = err_set(e, E_OVERFLOW, "offset %zu: a description of %zu characters",
			    at, p->description.len);
	return r;
}

/* What may follow the data, each part once and in this order. */
static int take_options(struct der *d, struct im4p *p, struct err *e)
{
	int r = 0;

	if (der_is_next(d, DER_UNIVERSAL, DER_OCTETS))
		r = der_octets(d, &p->keybags, e);
	if (!r && der_is_next(d, DER_UNIVERSAL, DER_SEQUENCE))
		r = take_compression(d, p, e);
	if (!r && der_is_next(d, DER_CONTEXT, 0))
		r = take_payp(d, p, e);
	return r;
}

int im4p_take(struct der *d, struct im4p *ret, struct err *e)
{
	struct der whole = *d, in;
	int r = der_into(d, DER_UNIVERSAL, DER_SEQUENCE, &in, e);

	if (r)
		return err_ctx(e, "IM4P");
	*ret = (struct im4p){.whole = {whole.base + whole.off, d->off - whole.off}};
	r = der_this_name(&in, IM4P, e);
	if (!r)
		r = der_name(&in, &ret->type, e);
	if (!r)
		r = take_description(&in, ret, e);
	if (!r)
		r = der_octets(&in, &ret->data, e);
	if (!r)
		r = take_options(&in, ret, e);
	if (!r)
		r = der_end(&in, "the payload", e);
	return r ? err_ctx(e, "IM4P") : 0;
}

int im4p_parse(const void *bytes, size_t len, struct im4p *ret, struct err *e)
{
	struct der d;
	int r = der_init(&d, bytes, len, e);

	if (!r)
		r = im4p_take(&d, ret, e);
	return r ? r : der_end(&d, "IM4P", e);
}

static void write_compression(struct der_writer *w, const struct im4p *p)
{
	struct der_mark m = der_open(w, DER_UNIVERSAL, DER_SEQUENCE);

	der_put_number(w, p->algorithm);
	der_put_number(w, p->full_size);
	der_close(w, m);
}

static void write_payp(struct der_writer *w, const struct img4_prop *payp, size_t n)
{
	struct der_mark context = der_open(w, DER_CONTEXT, 0);
	struct der_mark m = der_open(w, DER_UNIVERSAL, DER_SEQUENCE);

	der_put_name(w, PAYP);
	img4_props_write(w, payp, n);
	der_close(w, m);
	der_close(w, context);
}

int im4p_write(const struct im4p *p, const struct img4_prop *payp, size_t n,
	       struct buf *out, struct err *e)
{
	struct der_writer w;
	struct der_mark m;

	der_write_init(&w, out, e);
	m = der_open(&w, DER_UNIVERSAL, DER_SEQUENCE);
	der_put_name(&w, IM4P);
	der_put_name(&w, p->type);
	der_put(&w, DER_IA5, p->description.p, p->description.len);
	der_put_octets(&w, p->data.p, p->data.len);
	if (p->keybags.p)
		der_put_octets(&w, p->keybags.p, p->keybags.len);
	if (p->compressed)
		write_compression(&w, p);
	if (n)
		write_payp(&w, payp, n);
	der_close(&w, m);
	return der_write_end(&w);
}

int im4p_make(uint32_t type, const char *description, const void *data, size_t len,
	      struct buf *out, struct err *e)
{
	struct im4p p = {
		.type = type,
		.description = {(const uint8_t *)description, strlen(description)},
		.data = {data, len},
	};

	return im4p_write(&p, NULL, 0, out, e);
}

int img4_digest(struct span s, uint8_t out[static IMG4_DIGEST_LEN], struct err *e)
{
	if (!EVP_Digest(s.p, s.len, out, NULL, EVP_sha384(), NULL))
		return err_set(e, E_INFRA, "OpenSSL has no SHA-384");
	return 0;
}
