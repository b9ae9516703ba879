/* SPDX-License-Identifier: MIT */
/* Writing DER. */
#include <string.h>

#include <openssl/asn1.h>

#include "sim/formats/image4/der.h"
#include "sim/formats/image4/fourcc.h"

#define HEADER_MAX 16

void der_write_init(struct der_writer *w, struct buf *out, struct err *e)
{
	*w = (struct der_writer){.out = out, .e = e};
}

int der_write_end(struct der_writer *w)
{
	return w->r;
}

/* Append bytes unless something failed before. */
static void append(struct der_writer *w, const void *p, size_t len)
{
	if (!w->r)
		w->r = buf_append(w->out, p, len, w->e);
}

static size_t make_header(uint8_t out[static HEADER_MAX], struct der_writer *w,
			  enum der_class class, bool constructed, uint32_t tag,
			  size_t len)
{
	uint8_t *p = out;

	if (len > DER_INPUT_MAX) {
		if (!w->r)
			w->r = err_set(w->e, E_OVERFLOW, "an element of %zu bytes", len);
		return 0;
	}
	ASN1_put_object(&p, constructed, (int)len, (int)tag, (int)class);
	return (size_t)(p - out);
}

struct der_mark der_open(struct der_writer *w, enum der_class class, uint32_t tag)
{
	return (struct der_mark){.class = class, .tag = tag, .at = w->out->len};
}

/* The size is known now: make room for the header in front of what was written. */
void der_close(struct der_writer *w, struct der_mark m)
{
	uint8_t head[HEADER_MAX];
	size_t len, n;

	if (w->r)
		return;
	len = w->out->len - m.at;
	n = make_header(head, w, m.class, true, m.tag, len);
	append(w, head, n);
	if (w->r)
		return;
	memmove(w->out->data + m.at + n, w->out->data + m.at, len);
	memcpy(w->out->data + m.at, head, n);
}

void der_put(struct der_writer *w, uint32_t tag, const void *content, size_t len)
{
	uint8_t head[HEADER_MAX];
	size_t n = make_header(head, w, DER_UNIVERSAL, false, tag, len);

	append(w, head, n);
	append(w, content, len);
}

void der_put_raw(struct der_writer *w, const void *der, size_t len)
{
	append(w, der, len);
}

void der_put_octets(struct der_writer *w, const void *bytes, size_t len)
{
	der_put(w, DER_OCTETS, bytes, len);
}

void der_put_ia5(struct der_writer *w, const char *text)
{
	der_put(w, DER_IA5, text, strlen(text));
}

void der_put_name(struct der_writer *w, uint32_t name)
{
	char text[FOURCC_TEXT_MAX];

	der_put_ia5(w, fourcc_text(name, text));
}

void der_put_number(struct der_writer *w, uint64_t v)
{
	uint8_t b[9] = {0};
	size_t skip = 0;

	for (int i = 0; i < 8; i++)
		b[1 + i] = (uint8_t)(v >> (56 - 8 * i));
	/* As short as possible, with a sign bit of 0. */
	while (skip < 8 && !b[skip] && !(b[skip + 1] & 0x80))
		skip++;
	der_put(w, DER_INTEGER, b + skip, sizeof(b) - skip);
}

void der_put_boolean(struct der_writer *w, bool v)
{
	der_put(w, DER_BOOLEAN, v ? "\xff" : "\0", 1);
}

struct der_named der_open_named(struct der_writer *w, uint32_t name)
{
	struct der_named m = {.outer = der_open(w, DER_PRIVATE, name)};

	m.inner = der_open(w, DER_UNIVERSAL, DER_SEQUENCE);
	der_put_name(w, name);
	return m;
}

void der_close_named(struct der_writer *w, struct der_named m)
{
	der_close(w, m.inner);
	der_close(w, m.outer);
}
