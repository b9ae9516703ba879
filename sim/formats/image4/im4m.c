/* SPDX-License-Identifier: MIT */
/* Reading manifests. */
#include "sim/formats/image4/im4m.h"

#include "sim/formats/image4/fourcc.h"

#define IM4M FOURCC('I', 'M', '4', 'M')
#define MANB FOURCC('M', 'A', 'N', 'B')
#define MANP FOURCC('M', 'A', 'N', 'P')

/* One of the named things in MANB. */
static int take_object(struct der *d, uint32_t *ret_name, struct img4_props *ret,
		       struct err *e)
{
	char name[FOURCC_TEXT_MAX];
	struct der in;
	int r = der_into_named(d, ret_name, &in, e);

	if (r)
		return r;
	r = img4_props_parse(&in, false, ret, e);
	if (!r)
		r = der_end(&in, "the properties", e);
	return r ? err_ctx(e, "'%s'", fourcc_text(*ret_name, name)) : 0;
}

/* The same for objects that were read once without an error: properties are not entered.
 */
static bool next_named(struct der *at, uint32_t *ret_name, struct img4_props *ret)
{
	struct der in;

	return !der_done(at) && !der_into_named(at, ret_name, &in, NULL) &&
	       !der_into(&in, DER_UNIVERSAL, DER_SET, &ret->set, NULL);
}

static bool seen(struct der at, size_t before, uint32_t name)
{
	struct img4_props p;
	uint32_t other;

	while (at.off < before && next_named(&at, &other, &p))
		if (other == name)
			return true;
	return false;
}

/* MANP and the objects, each once. */
static int take_objects(struct der objects, struct im4m *m, struct err *e)
{
	struct der at = objects;
	struct img4_props props;
	bool has_manp = false;
	uint32_t name;
	int r;

	for (size_t n = 0; !der_done(&at); n++) {
		size_t off = at.off;

		if (n > IM4M_OBJECTS_MAX)
			return err_set(e, E_OVERFLOW, "offset %zu: more than %u objects",
				       off, IM4M_OBJECTS_MAX);
		r = take_object(&at, &name, &props, e);
		if (r)
			return r;
		if (seen(objects, off, name))
			return err_set(e, E_CORRUPT, "offset %zu: an object comes twice",
				       off);
		if (name == MANP) {
			has_manp = true;
			m->manp = props;
		}
	}
	m->objects = objects;
	return has_manp ? 0 : err_set(e, E_CORRUPT, "MANP is missing");
}

/* The signed part: SET { MANB { SET { ... } } }. */
static int take_body(struct der *d, struct im4m *m, struct err *e)
{
	struct der set, in, objects, start = *d;
	uint32_t name;
	int r = der_into(d, DER_UNIVERSAL, DER_SET, &set, e);

	if (r)
		return r;
	m->signed_set = (struct span){start.base + start.off, d->off - start.off};
	r = der_into_named(&set, &name, &in, e);
	if (!r && name != MANB)
		r = err_set(e, E_CORRUPT, "a name other than MANB");
	if (!r)
		r = der_end(&set, "MANB", e);
	if (!r)
		r = der_into(&in, DER_UNIVERSAL, DER_SET, &objects, e);
	if (!r)
		r = der_end(&in, "the set of MANB", e);
	return r ? r : take_objects(objects, m, e);
}

/* Certificates are told apart and measured here; OpenSSL reads them when it verifies. */
static int take_certs(struct der *d, struct im4m *m, struct err *e)
{
	struct der in;
	struct der_item i;
	int r = der_into(d, DER_UNIVERSAL, DER_SEQUENCE, &in, e);

	while (!r && !der_done(&in)) {
		r = der_next(&in, &i, e);
		if (r)
			break;
		if (m->n_certs == IM4M_CERTS_MAX || i.whole.len > IM4M_CERT_SIZE_MAX)
			return err_set(e, E_OVERFLOW,
				       "offset %zu: certificate %zu of %zu bytes", i.off,
				       m->n_certs, i.whole.len);
		m->cert[m->n_certs++] = i.whole;
	}
	return r;
}

static int take_parts(struct der *in, struct im4m *m, struct err *e)
{
	uint64_t version = 0;
	int r = der_this_name(in, IM4M, e);

	if (!r)
		r = der_number(in, &version, e);
	if (!r && version)
		r = err_set(e, E_CORRUPT, "version %llu, not 0",
			    (unsigned long long)version);
	if (!r)
		r = take_body(in, m, e);
	if (!r)
		r = der_octets(in, &m->signature, e);
	if (!r)
		r = take_certs(in, m, e);
	return r ? r : der_end(in, "the parts of IM4M", e);
}

int im4m_take(struct der *d, struct im4m *ret, struct err *e)
{
	struct der whole = *d, in;
	int r = der_into(d, DER_UNIVERSAL, DER_SEQUENCE, &in, e);

	if (r)
		return err_ctx(e, "IM4M");
	*ret = (struct im4m){.whole = {whole.base + whole.off, d->off - whole.off}};
	return take_parts(&in, ret, e) ? err_ctx(e, "IM4M") : 0;
}

int im4m_parse(const void *bytes, size_t len, struct im4m *ret, struct err *e)
{
	struct der d;
	int r = der_init(&d, bytes, len, e);

	if (!r)
		r = im4m_take(&d, ret, e);
	return r ? r : der_end(&d, "IM4M", e);
}

bool im4m_next_object(struct der *at, uint32_t *ret_name, struct img4_props *ret)
{
	while (next_named(at, ret_name, ret))
		if (*ret_name != MANP)
			return true;
	return false;
}

bool im4m_object(const struct im4m *m, uint32_t name, struct img4_props *ret)
{
	struct der at = m->objects;
	uint32_t other;

	while (im4m_next_object(&at, &other, ret))
		if (other == name)
			return true;
	return false;
}
