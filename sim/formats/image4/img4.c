/* SPDX-License-Identifier: MIT */
#include "sim/formats/image4/img4.h"

#include <string.h>

#include "sim/formats/image4/fourcc.h"

#define IMG4 FOURCC('I', 'M', 'G', '4')
#define IM4R FOURCC('I', 'M', '4', 'R')
#define BNCN FOURCC('B', 'N', 'C', 'N')

static int take_manifest(struct der *d, struct img4 *ret, struct err *e)
{
	struct der in;
	int r = der_into(d, DER_CONTEXT, 0, &in, e);

	ret->has_manifest = true;
	if (!r)
		r = im4m_take(&in, &ret->manifest, e);
	return r ? r : der_end(&in, "IM4M", e);
}

static int take_generator(struct der *set, struct img4 *ret, struct err *e)
{
	struct der in;
	struct span s = {NULL, 0};
	uint32_t name;
	int r = der_into_named(set, &name, &in, e);

	if (!r && name != BNCN)
		r = err_set(e, E_CORRUPT, "a name other than BNCN");
	if (!r)
		r = der_octets(&in, &s, e);
	if (!r)
		r = der_end(&in, "BNCN", e);
	if (!r && s.len != IMG4_GENERATOR_LEN)
		r = err_set(e, E_CORRUPT, "BNCN of %zu bytes", s.len);
	if (r)
		return r;
	ret->has_generator = true;
	memcpy(ret->generator, s.p, IMG4_GENERATOR_LEN);
	return der_end(set, "BNCN", e);
}

static int take_restore_info(struct der *d, struct img4 *ret, struct err *e)
{
	struct der context, in, set;
	int r = der_into(d, DER_CONTEXT, 1, &context, e);

	if (!r)
		r = der_into(&context, DER_UNIVERSAL, DER_SEQUENCE, &in, e);
	if (!r)
		r = der_end(&context, "IM4R", e);
	if (!r)
		r = der_this_name(&in, IM4R, e);
	if (!r)
		r = der_into(&in, DER_UNIVERSAL, DER_SET, &set, e);
	if (!r)
		r = der_end(&in, "the set of IM4R", e);
	if (!r)
		r = take_generator(&set, ret, e);
	return r ? err_ctx(e, "IM4R") : 0;
}

int img4_parse(const void *bytes, size_t len, struct img4 *ret, struct err *e)
{
	struct der d, in;
	int r = der_init(&d, bytes, len, e);

	*ret = (struct img4){.has_manifest = false};
	if (!r)
		r = der_into(&d, DER_UNIVERSAL, DER_SEQUENCE, &in, e);
	if (!r)
		r = der_end(&d, "IMG4", e);
	if (!r)
		r = der_this_name(&in, IMG4, e);
	if (!r)
		r = im4p_take(&in, &ret->payload, e);
	if (!r && der_is_next(&in, DER_CONTEXT, 0))
		r = take_manifest(&in, ret, e);
	if (!r && der_is_next(&in, DER_CONTEXT, 1))
		r = take_restore_info(&in, ret, e);
	if (!r)
		r = der_end(&in, "the parts of IMG4", e);
	return r ? err_ctx(e, "IMG4") : 0;
}

static void write_im4r(struct der_writer *w,
		       const uint8_t generator[static IMG4_GENERATOR_LEN])
{
	struct der_mark m = der_open(w, DER_UNIVERSAL, DER_SEQUENCE), set;
	struct der_named bncn;

	der_put_name(w, IM4R);
	set = der_open(w, DER_UNIVERSAL, DER_SET);
	bncn = der_open_named(w, BNCN);
	der_put_octets(w, generator, IMG4_GENERATOR_LEN);
	der_close_named(w, bncn);
	der_close(w, set);
	der_close(w, m);
}

int im4r_write(const uint8_t generator[static IMG4_GENERATOR_LEN], struct buf *out,
	       struct err *e)
{
	struct der_writer w;

	der_write_init(&w, out, e);
	write_im4r(&w, generator);
	return der_write_end(&w);
}

int img4_write(struct span im4p, struct span im4m, const uint8_t *generator,
	       struct buf *out, struct err *e)
{
	struct der_writer w;
	struct der_mark m, part;

	der_write_init(&w, out, e);
	m = der_open(&w, DER_UNIVERSAL, DER_SEQUENCE);
	der_put_name(&w, IMG4);
	der_put_raw(&w, im4p.p, im4p.len);
	if (im4m.p) {
		part = der_open(&w, DER_CONTEXT, 0);
		der_put_raw(&w, im4m.p, im4m.len);
		der_close(&w, part);
	}
	if (generator) {
		part = der_open(&w, DER_CONTEXT, 1);
		write_im4r(&w, generator);
		der_close(&w, part);
	}
	der_close(&w, m);
	return der_write_end(&w);
}
