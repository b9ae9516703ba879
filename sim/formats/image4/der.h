/* SPDX-License-Identifier: MIT */
/*
 * DER (ITU-T X.690) as far as Image4 needs it: definite lengths, private tags as high
 * as a name of four characters. Headers are taken apart and made by OpenSSL
 * (ASN1_get_object, ASN1_put_object); here are the limits that hostile bytes call for.
 *
 * The reader walks a run of elements that it does not own. It refuses with E_CORRUPT,
 * naming the offset from the start of the input, what is not DER: indefinite or padded
 * lengths, padded tags, integers with superfluous bytes, booleans other than 0 and 0xff.
 * It never recurses: each level of the grammar is one der_into by its caller.
 */
#ifndef SIM_FORMATS_IMAGE4_DER_H
#define SIM_FORMATS_IMAGE4_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/base/span.h"

enum der_class {
	DER_UNIVERSAL = 0x00,
	DER_CONTEXT = 0x80,
	DER_PRIVATE = 0xc0,
};

/* Universal tags. */
enum {
	DER_BOOLEAN = 1,
	DER_INTEGER = 2,
	DER_OCTETS = 4,
	DER_NULL = 5,
	DER_SEQUENCE = 16,
	DER_SET = 17,
	DER_IA5 = 22,
};

#define DER_INPUT_MAX ((size_t)1 << 30)

/* A run of elements: [off, end) of the input that starts at base. */
struct der {
	const uint8_t *base;
	size_t off, end;
};

struct der_item {
	enum der_class class;
	bool constructed;
	uint32_t tag;
	size_t off; /* of its first byte in the input */
	struct span whole, content;
};

/* E_OVERFLOW for more than DER_INPUT_MAX bytes. */
int der_init(struct der *d, const void *bytes, size_t len, struct err *e) MUST_CHECK;

static inline bool der_done(const struct der *d)
{
	return d->off == d->end;
}

/* The next element, whatever it is. E_CORRUPT at the end of the run, too. */
int der_next(struct der *d, struct der_item *ret, struct err *e) MUST_CHECK;
/* Is the next element of this class and tag? False at the end and for a bad header. */
bool der_is_next(const struct der *d, enum der_class class, uint32_t tag);
/* E_CORRUPT unless the run is used up. @what names it in the message. */
int der_end(const struct der *d, const char *what, struct err *e) MUST_CHECK;

/* The next element has to be a constructed one of this class and tag; *ret is inside. */
int der_into(struct der *d, enum der_class class, uint32_t tag, struct der *ret,
	     struct err *e) MUST_CHECK;
/* ... [PRIVATE name], and inside it nothing but a SEQUENCE that begins with that name. */
int der_into_named(struct der *d, uint32_t *ret_name, struct der *ret,
		   struct err *e) MUST_CHECK;

int der_octets(struct der *d, struct span *ret, struct err *e) MUST_CHECK;
int der_ia5(struct der *d, struct span *ret, struct err *e) MUST_CHECK;
/* An IA5String of exactly four printable characters. */
int der_name(struct der *d, uint32_t *ret, struct err *e) MUST_CHECK;
/* A name that has to be @name. */
int der_this_name(struct der *d, uint32_t name, struct err *e) MUST_CHECK;
/* Not negative and below 2^64. */
int der_number(struct der *d, uint64_t *ret, struct err *e) MUST_CHECK;
int der_boolean(struct der *d, bool *ret, struct err *e) MUST_CHECK;

/*
 * The writer appends to @out. The first error stays and everything after it does
 * nothing, so that only the end has to be looked at: der_write_end returns it.
 */
struct der_writer {
	struct buf *out;
	struct err *e;
	int r;
};

/* Where an open element began; handed from der_open to der_close. */
struct der_mark {
	enum der_class class;
	uint32_t tag;
	size_t at;
};

void der_write_init(struct der_writer *w, struct buf *out, struct err *e);
int der_write_end(struct der_writer *w) MUST_CHECK;
struct der_mark der_open(struct der_writer *w, enum der_class class, uint32_t tag);
void der_close(struct der_writer *w, struct der_mark m);
void der_put(struct der_writer *w, uint32_t tag, const void *content, size_t len);
void der_put_raw(struct der_writer *w, const void *der, size_t len);
void der_put_octets(struct der_writer *w, const void *bytes, size_t len);
void der_put_ia5(struct der_writer *w, const char *text);
void der_put_name(struct der_writer *w, uint32_t name);
void der_put_number(struct der_writer *w, uint64_t v);
void der_put_boolean(struct der_writer *w, bool v);
/* [PRIVATE name] { SEQUENCE { name, ... } }: both are closed by der_close_named. */
struct der_named {
	struct der_mark outer, inner;
};
struct der_named der_open_named(struct der_writer *w, uint32_t name);
void der_close_named(struct der_writer *w, struct der_named m);

#endif
