/* SPDX-License-Identifier: MIT */
/* Reading DER. */
#include "sim/formats/image4/der.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "sim/formats/image4/fourcc.h"

#define HEADER_MAX 16 /* a tag of 32 bits takes 6 bytes, a length of 30 bits 5 */

int der_init(struct der *d, const void *bytes, size_t len, struct err *e)
{
	if (len > DER_INPUT_MAX)
		return err_set(e, E_OVERFLOW, "%zu bytes are more than %zu", len,
			       DER_INPUT_MAX);
	*d = (struct der){.base = bytes, .end = len};
	return 0;
}

/* DER has one header for an element; OpenSSL also takes others (padded lengths). */
static bool header_is_canonical(const uint8_t *head, size_t head_len,
				const struct der_item *i)
{
	uint8_t want[HEADER_MAX], *p = want;

	ASN1_put_object(&p, i->constructed, (int)i->content.len, (int)i->tag,
			(int)i->class);
	return (size_t)(p - want) == head_len && !memcmp(want, head, head_len);
}

/* Take the element at d->off apart; *ret is only whole when true is returned. */
static bool read_item(const struct der *d, struct der_item *ret)
{
	const uint8_t *start, *p;
	long content_len;
	int tag, class, r;

	if (der_done(d))
		return false;
	p = start = d->base + d->off;
	r = ASN1_get_object(&p, &content_len, &tag, &class, (long)(d->end - d->off));
	if (r & 0x80)
		ERR_clear_error();
	/* 0x80: not an element that fits; 1: indefinite length. */
	if ((r & 0x81) || content_len < 0)
		return false;
	*ret = (struct der_item){
		.class = (enum der_class) class,
		.constructed = r & V_ASN1_CONSTRUCTED,
		.tag = (uint32_t)tag,
		.off = d->off,
		.content = {p, (size_t)content_len},
		.whole = {start, (size_t)(p - start) + (size_t)content_len},
	};
	return header_is_canonical(start, (size_t)(p - start), ret);
}

int der_next(struct der *d, struct der_item *ret, struct err *e)
{
	if (der_done(d))
		return err_set(e, E_CORRUPT, "offset %zu: an element is missing", d->off);
	if (!read_item(d, ret))
		return err_set(e, E_CORRUPT, "offset %zu: not a DER element that fits",
			       d->off);
	d->off += ret->whole.len;
	return 0;
}

bool der_is_next(const struct der *d, enum der_class class, uint32_t tag)
{
	struct der_item i;

	return read_item(d, &i) && i.class == class && i.tag == tag;
}

int der_end(const struct der *d, const char *what, struct err *e)
{
	if (der_done(d))
		return 0;
	return err_set(e, E_CORRUPT, "offset %zu: %zu bytes behind %s", d->off,
		       d->end - d->off, what);
}

/* The next element, which has to be of this kind. */
static int expect(struct der *d, enum der_class class, uint32_t tag, bool constructed,
		  struct der_item *ret, struct err *e)
{
	int r = der_next(d, ret, e);

	if (r)
		return r;
	if (ret->class == class && ret->tag == tag && ret->constructed == constructed)
		return 0;
	return err_set(
		e, E_CORRUPT,
		"offset %zu: class 0x%02x tag %u%s where class 0x%02x tag %u%s has "
		"to be",
		ret->off, ret->class, ret->tag, ret->constructed ? " {}" : "", class, tag,
		constructed ? " {}" : "");
}

static void go_inside(const struct der *d, const struct der_item *i, struct der *ret)
{
	size_t off = (size_t)(i->content.p - d->base);

	*ret = (struct der){.base = d->base, .off = off, .end = off + i->content.len};
}

int der_into(struct der *d, enum der_class class, uint32_t tag, struct der *ret,
	     struct err *e)
{
	struct der_item i;
	int r = expect(d, class, tag, true, &i, e);

	if (!r)
		go_inside(d, &i, ret);
	return r;
}

int der_into_named(struct der *d, uint32_t *ret_name, struct der *ret, struct err *e)
{
	struct der_item i;
	struct der inside;
	int r = der_next(d, &i, e);

	if (r)
		return r;
	if (i.class != DER_PRIVATE || !i.constructed || !fourcc_valid(i.tag))
		return err_set(e, E_CORRUPT,
			       "offset %zu: class 0x%02x tag %u is not a name", i.off,
			       i.class, i.tag);
	go_inside(d, &i, &inside);
	r = der_into(&inside, DER_UNIVERSAL, DER_SEQUENCE, ret, e);
	if (!r)
		r = der_end(&inside, "the sequence of a name", e);
	if (!r)
		r = der_this_name(ret, i.tag, e);
	if (!r)
		*ret_name = i.tag;
	return r;
}

static int primitive(struct der *d, uint32_t tag, struct span *ret, struct err *e)
{
	struct der_item i;
	int r = expect(d, DER_UNIVERSAL, tag, false, &i, e);

	if (!r)
		*ret = i.content;
	return r;
}

int der_octets(struct der *d, struct span *ret, struct err *e)
{
	return primitive(d, DER_OCTETS, ret, e);
}

int der_ia5(struct der *d, struct span *ret, struct err *e)
{
	size_t at = d->off;
	int r = primitive(d, DER_IA5, ret, e);

	for (size_t i = 0; !r && i < ret->len; i++)
		if (ret->p[i] == 0 || ret->p[i] > 0x7f)
			r = err_set(e, E_CORRUPT,
				    "offset %zu: a byte 0x%02x in an IA5String", at,
				    ret->p[i]);
	return r;
}

int der_name(struct der *d, uint32_t *ret, struct err *e)
{
	size_t at = d->off;
	struct span s;
	int r = der_ia5(d, &s, e);

	if (r)
		return r;
	if (s.len == 4)
		*ret = FOURCC(s.p[0], s.p[1], s.p[2], s.p[3]);
	if (s.len != 4 || !fourcc_valid(*ret))
		return err_set(e, E_CORRUPT,
			       "offset %zu: a name has four printable characters", at);
	return 0;
}

int der_this_name(struct der *d, uint32_t name, struct err *e)
{
	char want[FOURCC_TEXT_MAX], got[FOURCC_TEXT_MAX];
	size_t at = d->off;
	uint32_t v = 0;
	int r = der_name(d, &v, e);

	if (!r && v != name)
		r = err_set(e, E_CORRUPT, "offset %zu: name '%s' where '%s' has to be",
			    at, fourcc_text(v, got), fourcc_text(name, want));
	return r;
}

int der_number(struct der *d, uint64_t *ret, struct err *e)
{
	size_t at = d->off;
	struct span s;
	int r = primitive(d, DER_INTEGER, &s, e);

	if (r)
		return r;
	if (!s.len || (s.len > 1 && !s.p[0] && !(s.p[1] & 0x80)))
		return err_set(e, E_CORRUPT, "offset %zu: an integer of superfluous size",
			       at);
	if ((s.p[0] & 0x80) || s.len > sizeof(*ret) + 1 ||
	    (s.len == sizeof(*ret) + 1 && s.p[0]))
		return err_set(e, E_CORRUPT,
			       "offset %zu: an integer below 0 or of more than 64 bits",
			       at);
	*ret = 0;
	for (size_t i = 0; i < s.len; i++)
		*ret = *ret << 8 | s.p[i];
	return 0;
}

int der_boolean(struct der *d, bool *ret, struct err *e)
{
	size_t at = d->off;
	struct span s;
	int r = primitive(d, DER_BOOLEAN, &s, e);

	if (!r && (s.len != 1 || (s.p[0] != 0 && s.p[0] != 0xff)))
		r = err_set(e, E_CORRUPT, "offset %zu: a boolean is 00 or FF", at);
	if (!r)
		*ret = s.p[0];
	return r;
}
