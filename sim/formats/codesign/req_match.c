/* SPDX-License-Identifier: MIT */
/* Comparisons of requirements (reqinterp.cpp, Requirement::Interpreter::Match). */
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>

#include <openssl/obj_mac.h>

#include "sim/formats/codesign/req_impl.h"

#define ARRAY_DEPTH 8

bool cs_req_test_absent(const struct cs_req_test *t)
{
	return t->match == CS_MATCH_ABSENT;
}

bool cs_req_test_flag(const struct cs_req_test *t, bool on)
{
	return t->match == CS_MATCH_EXISTS && on;
}

/* The digits at @s->p as a number's length without leading zeros; moves @s behind. */
static struct span take_number(struct span *s)
{
	struct span n;

	while (s->len && *s->p == '0') {
		s->p++;
		s->len--;
	}
	n.p = s->p;
	while (s->len && isdigit(*s->p)) {
		s->p++;
		s->len--;
	}
	n.len = (size_t)(s->p - n.p);
	return n;
}

static int compare_numbers(struct span a, struct span b)
{
	int c;

	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	c = a.len ? memcmp(a.p, b.p, a.len) : 0;
	return c;
}

/* Runs of digits count as numbers: "10.9" comes before "10.10" (kCFCompareNumerically). */
static int compare_numerically(struct span a, struct span b)
{
	while (a.len && b.len) {
		if (isdigit(*a.p) && isdigit(*b.p)) {
			struct span x = take_number(&a), y = take_number(&b);
			int c = compare_numbers(x, y);

			if (c)
				return c;
			continue;
		}
		if (*a.p != *b.p)
			return *a.p < *b.p ? -1 : 1;
		a.p++;
		a.len--;
		b.p++;
		b.len--;
	}
	return (a.len > b.len) - (a.len < b.len);
}

bool cs_req_test_string(const struct cs_req_test *t, struct span s)
{
	struct span v = t->value;

	switch (t->match) {
	case CS_MATCH_EXISTS:
		return true;
	case CS_MATCH_EQUAL:
		return s.len == v.len && (!v.len || !memcmp(s.p, v.p, v.len));
	case CS_MATCH_CONTAINS:
		return !v.len || (s.len && memmem(s.p, s.len, v.p, v.len));
	case CS_MATCH_BEGINS_WITH:
		return s.len >= v.len && (!v.len || !memcmp(s.p, v.p, v.len));
	case CS_MATCH_ENDS_WITH:
		return s.len >= v.len &&
		       (!v.len || !memcmp(s.p + s.len - v.len, v.p, v.len));
	case CS_MATCH_LESS:
		return compare_numerically(s, v) < 0;
	case CS_MATCH_GREATER:
		return compare_numerically(s, v) > 0;
	case CS_MATCH_LESS_EQUAL:
		return compare_numerically(s, v) <= 0;
	case CS_MATCH_GREATER_EQUAL:
		return compare_numerically(s, v) >= 0;
	default:
		return false;
	}
}

static bool test_node(const struct cs_req_test *t, plist_t node, unsigned depth)
{
	uint64_t n = 0;
	uint8_t on = 0;
	const char *s;

	switch (plist_get_node_type(node)) {
	case PLIST_STRING:
		s = plist_get_string_ptr(node, &n);
		return s && cs_req_test_string(t, (struct span){(const uint8_t *)s, n});
	case PLIST_BOOLEAN:
		plist_get_bool_val(node, &on);
		return cs_req_test_flag(t, on);
	case PLIST_ARRAY:
		for (uint32_t i = 0;
		     depth < ARRAY_DEPTH && i < plist_array_get_size(node); i++)
			if (test_node(t, plist_array_get_item(node, i), depth + 1))
				return true;
		return cs_req_test_flag(t, true);
	default:
		return cs_req_test_flag(t, true);
	}
}

bool cs_req_test_plist(const struct cs_req_test *t, plist_t node)
{
	return node ? test_node(t, node, 0) : cs_req_test_absent(t);
}

int cs_req_subject_nid(struct span name)
{
	static const struct {
		const char *name;
		int nid;
	} rows[] = {
		{"subject.C", NID_countryName},
		{"subject.CN", NID_commonName},
		{"subject.D", NID_description},
		{"subject.L", NID_localityName},
		{"subject.O", NID_organizationName},
		{"subject.OU", NID_organizationalUnitName},
		{"subject.ST", NID_stateOrProvinceName},
		{"subject.STREET", NID_streetAddress},
		{"subject.UID", NID_userId},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strlen(rows[i].name) == name.len &&
		    !memcmp(rows[i].name, name.p, name.len))
			return rows[i].nid;
	return NID_undef;
}
