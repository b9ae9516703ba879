/* SPDX-License-Identifier: MIT */
/*
 * SET OF Property: what a manifest says of the machine (MANP) and of each object, what a
 * payload says of itself (PAYP), what a certificate says its key may sign.
 *
 * A set that was parsed is a span of bytes known to be good; looking something up walks
 * it again. So nothing is allocated for input of whatever size. Order is kept and not
 * required (Apple's encoder does not sort, secure-boot notes 5.2).
 */
#ifndef SIM_FORMATS_IMAGE4_PROPS_H
#define SIM_FORMATS_IMAGE4_PROPS_H

#include "sim/formats/image4/der.h"

#define IMG4_PROPS_MAX 128u /* in one set; Apple's have about 30 */

enum img4_kind {
	IMG4_NUMBER,
	IMG4_BOOLEAN,
	IMG4_OCTETS,
	IMG4_STRING,
	/* Of certificates only: [0] NULL, the property has to be there; [1] NULL, it may.
	 */
	IMG4_MUST,
	IMG4_MAY,
};

struct img4_prop {
	uint32_t name;
	enum img4_kind kind;
	uint64_t number;   /* IMG4_NUMBER; IMG4_BOOLEAN: 0 or 1 */
	struct span bytes; /* IMG4_OCTETS, IMG4_STRING */
};

struct img4_props {
	struct der set; /* empty when zeroed */
};

/*
 * Take the SET OF Property that comes next in @d. @constraints: MUST and MAY are allowed.
 * E_CORRUPT, E_OVERFLOW (more than IMG4_PROPS_MAX). A name that comes twice is E_CORRUPT.
 */
int img4_props_parse(struct der *d, bool constraints, struct img4_props *ret,
		     struct err *e) MUST_CHECK;

/* Walk: start with *at = the set, as often as true is returned *ret is the next one. */
bool img4_props_next(struct img4_props *at, struct img4_prop *ret);
bool img4_props_get(const struct img4_props *s, uint32_t name, struct img4_prop *ret);
size_t img4_props_count(const struct img4_props *s);
/* Same kind and same value? Names are not looked at. */
bool img4_prop_equal(const struct img4_prop *a, const struct img4_prop *b);

void img4_props_write(struct der_writer *w, const struct img4_prop *p, size_t n);

/* One property, for tables of them. */
static inline struct img4_prop img4_number(uint32_t name, uint64_t v)
{
	return (struct img4_prop){.name = name, .kind = IMG4_NUMBER, .number = v};
}

static inline struct img4_prop img4_boolean(uint32_t name, bool v)
{
	return (struct img4_prop){.name = name, .kind = IMG4_BOOLEAN, .number = v};
}

static inline struct img4_prop img4_octets(uint32_t name, const void *p, size_t len)
{
	return (struct img4_prop){
		.name = name, .kind = IMG4_OCTETS, .bytes = {(const uint8_t *)p, len}};
}

#endif
