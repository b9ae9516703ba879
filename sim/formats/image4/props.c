/* SPDX-License-Identifier: MIT */
#include "sim/formats/image4/props.h"

#include <string.h>

#include "sim/formats/image4/fourcc.h"

/* [0] or [1] with NULL inside: not a value but a demand. */
static int read_demand(struct der *d, struct img4_prop *p, struct err *e)
{
	bool may = der_is_next(d, DER_CONTEXT, 1);
	struct der in;
	struct der_item i;
	int r = der_into(d, DER_CONTEXT, may ? 1 : 0, &in, e);

	if (!r)
		r = der_next(&in, &i, e);
	if (!r && (i.class != DER_UNIVERSAL || i.tag != DER_NULL || i.content.len))
		r = err_set(e, E_CORRUPT, "offset %zu: NULL has to be here", i.off);
	if (!r)
		r = der_end(&in, "NULL", e);
	p->kind = may ? IMG4_MAY : IMG4_MUST;
	return r;
}

static int read_value(struct der *d, bool constraints, struct img4_prop *p, struct err *e)
{
	bool b = false;
	int r;

	if (der_is_next(d, DER_UNIVERSAL, DER_INTEGER)) {
		p->kind = IMG4_NUMBER;
		return der_number(d, &p->number, e);
	}
	if (der_is_next(d, DER_UNIVERSAL, DER_BOOLEAN)) {
		p->kind = IMG4_BOOLEAN;
		r = der_boolean(d, &b, e);
		p->number = b;
		return r;
	}
	if (der_is_next(d, DER_UNIVERSAL, DER_IA5)) {
		p->kind = IMG4_STRING;
		return der_ia5(d, &p->bytes, e);
	}
	if (constraints &&
	    (der_is_next(d, DER_CONTEXT, 0) || der_is_next(d, DER_CONTEXT, 1)))
		return read_demand(d, p, e);
	p->kind = IMG4_OCTETS;
	return der_octets(d, &p->bytes, e);
}

static int read_prop(struct der *d, bool constraints, struct img4_prop *p, struct err *e)
{
	char name[FOURCC_TEXT_MAX];
	struct der in;
	int r;

	*p = (struct img4_prop){.name = 0};
	r = der_into_named(d, &p->name, &in, e);
	if (r)
		return r;
	r = read_value(&in, constraints, p, e);
	if (!r)
		r = der_end(&in, "a property", e);
	return r ? err_ctx(e, "property '%s'", fourcc_text(p->name, name)) : 0;
}

/* Is there one called @name before offset @before? */
static bool seen(struct img4_props at, size_t before, uint32_t name)
{
	struct img4_prop p;

	while (at.set.off < before && img4_props_next(&at, &p))
		if (p.name == name)
			return true;
	return false;
}

int img4_props_parse(struct der *d, bool constraints, struct img4_props *ret,
		     struct err *e)
{
	struct img4_props all, at;
	char name[FOURCC_TEXT_MAX];
	struct img4_prop p;
	size_t n = 0;
	int r = der_into(d, DER_UNIVERSAL, DER_SET, &all.set, e);

	if (r)
		return r;
	for (at = all; !der_done(&at.set); n++) {
		size_t off = at.set.off;

		if (n == IMG4_PROPS_MAX)
			return err_set(e, E_OVERFLOW,
				       "offset %zu: more than %u properties", off,
				       IMG4_PROPS_MAX);
		r = read_prop(&at.set, constraints, &p, e);
		if (r)
			return r;
		if (seen(all, off, p.name))
			return err_set(e, E_CORRUPT, "offset %zu: '%s' comes twice", off,
				       fourcc_text(p.name, name));
	}
	*ret = all;
	return 0;
}

/* The set was read once without an error, as a set of constraints or a narrower one. */
bool img4_props_next(struct img4_props *at, struct img4_prop *ret)
{
	return !der_done(&at->set) && !read_prop(&at->set, true, ret, NULL);
}

bool img4_props_get(const struct img4_props *s, uint32_t name, struct img4_prop *ret)
{
	struct img4_props at = *s;

	while (img4_props_next(&at, ret))
		if (ret->name == name)
			return true;
	return false;
}

size_t img4_props_count(const struct img4_props *s)
{
	struct img4_props at = *s;
	struct img4_prop p;
	size_t n = 0;

	while (img4_props_next(&at, &p))
		n++;
	return n;
}

bool img4_prop_equal(const struct img4_prop *a, const struct img4_prop *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == IMG4_NUMBER || a->kind == IMG4_BOOLEAN)
		return a->number == b->number;
	return a->bytes.len == b->bytes.len &&
	       (!a->bytes.len || !memcmp(a->bytes.p, b->bytes.p, a->bytes.len));
}

static void write_demand(struct der_writer *w, uint32_t tag)
{
	struct der_mark m = der_open(w, DER_CONTEXT, tag);

	der_put(w, DER_NULL, NULL, 0);
	der_close(w, m);
}

static void write_value(struct der_writer *w, const struct img4_prop *p)
{
	switch (p->kind) {
	case IMG4_NUMBER:
		der_put_number(w, p->number);
		break;
	case IMG4_BOOLEAN:
		der_put_boolean(w, p->number);
		break;
	case IMG4_OCTETS:
		der_put_octets(w, p->bytes.p, p->bytes.len);
		break;
	case IMG4_STRING:
		der_put(w, DER_IA5, p->bytes.p, p->bytes.len);
		break;
	case IMG4_MUST:
		write_demand(w, 0);
		break;
	case IMG4_MAY:
		write_demand(w, 1);
		break;
	}
}

void img4_props_write(struct der_writer *w, const struct img4_prop *p, size_t n)
{
	struct der_mark set = der_open(w, DER_UNIVERSAL, DER_SET);

	for (size_t i = 0; i < n; i++) {
		struct der_named m = der_open_named(w, p[i].name);

		write_value(w, &p[i]);
		der_close_named(w, m);
	}
	der_close(w, set);
}
