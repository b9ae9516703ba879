/* SPDX-License-Identifier: MIT */
/* What a certificate lets its key sign. */
#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4_verify.h"

#define MANP FOURCC('M', 'A', 'N', 'P')
#define OBJP FOURCC('O', 'B', 'J', 'P')

static int take_part(struct der *set, uint32_t want, struct img4_props *ret,
		     struct err *e)
{
	char name[FOURCC_TEXT_MAX];
	struct der in;
	uint32_t got;
	int r = der_into_named(set, &got, &in, e);

	if (!r && got != want)
		r = err_set(e, E_CORRUPT, "'%s' is missing", fourcc_text(want, name));
	if (!r)
		r = img4_props_parse(&in, true, ret, e);
	return r ? r : der_end(&in, "the constraints", e);
}

int img4_constraints_parse(const void *bytes, size_t len, struct img4_constraints *ret,
			   struct err *e)
{
	struct der d, set;
	int r = der_init(&d, bytes, len, e);

	if (!r)
		r = der_into(&d, DER_UNIVERSAL, DER_SET, &set, e);
	if (!r)
		r = der_end(&d, "the constraints", e);
	if (!r)
		r = take_part(&set, MANP, &ret->manp, e);
	if (!r)
		r = take_part(&set, OBJP, &ret->objp, e);
	if (!r)
		r = der_end(&set, "OBJP", e);
	return r ? err_ctx(e, "constraints") : 0;
}

static void write_part(struct der_writer *w, uint32_t name, const struct img4_prop *p,
		       size_t n)
{
	struct der_named m = der_open_named(w, name);

	img4_props_write(w, p, n);
	der_close_named(w, m);
}

int img4_constraints_write(const struct img4_prop *manp, size_t n_manp,
			   const struct img4_prop *objp, size_t n_objp, struct buf *out,
			   struct err *e)
{
	struct der_writer w;
	struct der_mark set;

	der_write_init(&w, out, e);
	set = der_open(&w, DER_UNIVERSAL, DER_SET);
	write_part(&w, MANP, manp, n_manp);
	write_part(&w, OBJP, objp, n_objp);
	der_close(&w, set);
	return der_write_end(&w);
}
