/* SPDX-License-Identifier: MIT */
/*
 * Requirements from text, by recursive descent. Operators are written before operands, so
 * an `and` is put in front of what has been written of its left side.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/idtext.h"
#include "sim/formats/codesign/req_impl.h"

#define WORD_MAX 512

struct parse {
	const char *text, *p; /* p: behind the current token */
	const char *at;	      /* where the current token starts */
	char word[WORD_MAX];  /* the current token: a word, a string's content, a sign */
	bool quoted;
	struct buf *out;
	struct err *e;
	unsigned depth;
};

static int expr(struct parse *s);

static int wrong(struct parse *s, const char *expected)
{
	return err_set(s->e, E_INVAL, "column %zu: expected %s, found %s",
		       (size_t)(s->at - s->text) + 1, expected,
		       *s->word || s->quoted ? s->word : "the end");
}

/* ---- tokens ---- */

static const char *skip_space(const char *p)
{
	for (;;) {
		const char *end;

		while (isspace((unsigned char)*p))
			p++;
		if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
			p += strcspn(p, "\n");
			continue;
		}
		if (p[0] != '/' || p[1] != '*')
			return p;
		end = strstr(p + 2, "*/");
		p = end ? end + 2 : p + strlen(p);
	}
}

static int take_string(struct parse *s)
{
	size_t n = 0;

	for (s->p++; *s->p && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1])
			s->p++;
		if (n + 1 >= sizeof(s->word))
			return wrong(s, "a shorter string");
		s->word[n++] = *s->p;
	}
	s->word[n] = 0;
	s->quoted = true;
	if (*s->p++ != '"') {
		s->p--;
		return wrong(s, "a closing quote");
	}
	return 0;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

/* Read the next token into s->word; "" at the end. */
static int next(struct parse *s)
{
	size_t n = 0;

	s->quoted = false;
	s->word[0] = 0;
	s->at = s->p = skip_space(s->p);
	if (*s->p == '"')
		return take_string(s);
	while (is_word(s->p[n]))
		n++;
	if (!n && *s->p)
		n = (s->p[0] == '<' || s->p[0] == '>' || s->p[0] == '=') &&
				    s->p[1] == '='
			    ? 2
			    : 1;
	if (n >= sizeof(s->word))
		return wrong(s, "a shorter word");
	memcpy(s->word, s->p, n);
	s->word[n] = 0;
	s->p += n;
	return 0;
}

static bool is(const struct parse *s, const char *word)
{
	return !s->quoted && !strcmp(s->word, word);
}

/* Step over @word if it is the token; *ret says so. */
static int accept(struct parse *s, const char *word, bool *ret)
{
	*ret = is(s, word);
	return *ret ? next(s) : 0;
}

static int need(struct parse *s, const char *word)
{
	bool got;
	int r = accept(s, word, &got);

	return r || got ? r : wrong(s, word);
}

static bool is_string(const struct parse *s)
{
	return s->quoted || is_word(s->word[0]);
}

/* ---- operands ---- */

static int put_word(struct parse *s)
{
	int r = is_string(s) ? cs_req_put_string(s->out, s->word, s->e)
			     : wrong(s, "a string");

	return r ? r : next(s);
}

/* H"0123..." */
static int put_hash(struct parse *s)
{
	uint8_t bytes[CS_CDHASH_LEN];
	int r;

	if (!is(s, "H") || *s->p != '"')
		return wrong(s, "a hash");
	r = next(s);
	if (!r && !hex_parse(s->word, bytes, sizeof(bytes)))
		r = wrong(s, "40 hexadecimal digits");
	if (!r)
		r = cs_req_put_data(s->out, (struct span){bytes, sizeof(bytes)}, s->e);
	return r ? r : next(s);
}

static int put_oid(struct parse *s, const char *text)
{
	struct buf b = BUF_INIT;
	int r = cs_oid_from_text(text, &b, s->e) ? wrong(s, "an object identifier") : 0;

	if (!r)
		r = cs_req_put_data(s->out, buf_span(&b), s->e);
	buf_release(&b);
	return r;
}

/* "= a", "= a*", "= *a", "= *a*" */
static int put_equal(struct parse *s)
{
	bool any_before, any_behind;
	enum cs_req_match match;
	char word[WORD_MAX];
	int r = accept(s, "*", &any_before);

	if (!r && !is_string(s))
		r = wrong(s, "a string");
	if (r)
		return r;
	memcpy(word, s->word, sizeof(word));
	r = next(s);
	if (!r)
		r = accept(s, "*", &any_behind);
	if (r)
		return r;
	match = any_before ? (any_behind ? CS_MATCH_CONTAINS : CS_MATCH_ENDS_WITH)
			   : (any_behind ? CS_MATCH_BEGINS_WITH : CS_MATCH_EQUAL);
	r = cs_req_put32(s->out, match, s->e);
	return r ? r : cs_req_put_string(s->out, word, s->e);
}

static int put_test(struct parse *s)
{
	static const struct {
		const char *sign;
		enum cs_req_match match;
	} rows[] = {
		{"~", CS_MATCH_CONTAINS},    {"<", CS_MATCH_LESS},
		{">", CS_MATCH_GREATER},     {"<=", CS_MATCH_LESS_EQUAL},
		{">=", CS_MATCH_GREATER_EQUAL},
	};
	bool got;
	int r = accept(s, "exists", &got);

	if (r || got)
		return r ? r : cs_req_put32(s->out, CS_MATCH_EXISTS, s->e);
	r = accept(s, "absent", &got);
	if (r || got)
		return r ? r : cs_req_put32(s->out, CS_MATCH_ABSENT, s->e);
	if (is(s, "=") || is(s, "==")) {
		r = next(s);
		return r ? r : put_equal(s);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = accept(s, rows[i].sign, &got);
		if (!r && got)
			r = cs_req_put32(s->out, rows[i].match, s->e);
		if (r || got)
			return r ? r : put_word(s);
	}
	/* Nothing said: it exists. */
	return cs_req_put32(s->out, CS_MATCH_EXISTS, s->e);
}

/* [key] test */
static int put_key(struct parse *s, uint32_t op)
{
	int r = cs_req_put32(s->out, op, s->e);

	if (!r)
		r = need(s, "[");
	if (!r)
		r = put_word(s);
	if (!r)
		r = need(s, "]");
	return r ? r : put_test(s);
}

/* ---- what is said of certificates ---- */

static int cert_field(struct parse *s, uint32_t slot)
{
	static const struct {
		const char *prefix;
		enum cs_req_op op;
	} rows[] = {{"field.", CS_OP_CERT_GENERIC}, {"policy.", CS_OP_CERT_POLICY}};
	enum cs_req_op op = CS_OP_CERT_FIELD;
	const char *oid = NULL;
	int r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].prefix);

		if (!strncmp(s->word, rows[i].prefix, n)) {
			op = rows[i].op;
			oid = s->word + n;
		}
	}
	r = cs_req_put32(s->out, op, s->e);
	if (!r)
		r = cs_req_put32(s->out, slot, s->e);
	if (!r)
		r = oid ? put_oid(s, oid) : cs_req_put_string(s->out, s->word, s->e);
	if (!r)
		r = next(s);
	if (!r)
		r = need(s, "]");
	return r ? r : put_test(s);
}

static int cert_spec(struct parse *s, uint32_t slot)
{
	bool got;
	int r = accept(s, "[", &got);

	if (r || got)
		return r ? r : cert_field(s, slot);
	r = accept(s, "trusted", &got);
	if (!r && !got)
		r = need(s, "=");
	if (!r)
		r = cs_req_put32(s->out, got ? CS_OP_TRUSTED_CERT : CS_OP_ANCHOR_HASH,
				 s->e);
	if (!r)
		r = cs_req_put32(s->out, slot, s->e);
	return r || got ? r : put_hash(s);
}

static int certificate(struct parse *s)
{
	char *end;
	long n;
	int r;

	if (is(s, "leaf") || is(s, "root") || is(s, "anchor")) {
		n = is(s, "leaf") ? 0 : -1;
	} else {
		n = strtol(s->word, &end, 10);
		if (s->quoted || !*s->word || *end || n > CS_CHAIN_MAX)
			return wrong(s, "leaf, root or a number");
	}
	r = next(s);
	return r ? r : cert_spec(s, (uint32_t)n);
}

static int anchor(struct parse *s)
{
	bool got;
	int r = accept(s, "apple", &got);

	if (r)
		return r;
	if (!got) {
		r = accept(s, "trusted", &got);
		if (r || got)
			return r ? r : cs_req_put32(s->out, CS_OP_TRUSTED_CERTS, s->e);
		return cert_spec(s, UINT32_MAX);
	}
	r = accept(s, "generic", &got);
	return r ? r
		 : cs_req_put32(s->out,
				got ? CS_OP_APPLE_GENERIC_ANCHOR : CS_OP_APPLE_ANCHOR,
				s->e);
}

/* ---- expressions ---- */

static int constant(struct parse *s, uint32_t op)
{
	return cs_req_put32(s->out, op, s->e);
}

static int identifier(struct parse *s, uint32_t op)
{
	bool got;
	int r = accept(s, "=", &got);

	if (!r)
		r = cs_req_put32(s->out, op, s->e);
	return r ? r : put_word(s);
}

static int cdhash(struct parse *s, uint32_t op)
{
	int r = cs_req_put32(s->out, op, s->e);

	return r ? r : put_hash(s);
}

static int platform(struct parse *s, uint32_t op)
{
	char *end;
	long n;
	int r = need(s, "=");

	if (r)
		return r;
	n = strtol(s->word, &end, 10);
	if (s->quoted || !*s->word || *end || n < 0 || n > UINT8_MAX)
		return wrong(s, "a number");
	r = cs_req_put32(s->out, op, s->e);
	if (!r)
		r = cs_req_put32(s->out, (uint32_t)n, s->e);
	return r ? r : next(s);
}

static int negation(struct parse *s, uint32_t op);
static int parentheses(struct parse *s, uint32_t op);

static int on_anchor(struct parse *s, uint32_t op)
{
	(void)op;
	return anchor(s);
}

static int on_certificate(struct parse *s, uint32_t op)
{
	(void)op;
	return certificate(s);
}

static const struct {
	const char *word;
	uint32_t op;
	int (*rest)(struct parse *s, uint32_t op);
} primaries[] = {
	{"(", 0, parentheses},
	{"!", CS_OP_NOT, negation},
	{"always", CS_OP_TRUE, constant},
	{"true", CS_OP_TRUE, constant},
	{"never", CS_OP_FALSE, constant},
	{"false", CS_OP_FALSE, constant},
	{"notarized", CS_OP_NOTARIZED, constant},
	{"identifier", CS_OP_IDENT, identifier},
	{"cdhash", CS_OP_CDHASH, cdhash},
	{"platform", CS_OP_PLATFORM, platform},
	{"info", CS_OP_INFO_KEY_FIELD, put_key},
	{"entitlement", CS_OP_ENTITLEMENT_FIELD, put_key},
	{"anchor", 0, on_anchor},
	{"certificate", 0, on_certificate},
	{"cert", 0, on_certificate},
};

static int primary(struct parse *s)
{
	const size_t n = sizeof(primaries) / sizeof(primaries[0]);
	size_t i = 0;
	int r;

	while (i < n && !is(s, primaries[i].word))
		i++;
	if (i == n)
		return wrong(s, "a requirement");
	if (s->depth >= CS_REQ_DEPTH)
		return wrong(s, "fewer parentheses");
	s->depth++;
	r = next(s);
	if (!r)
		r = primaries[i].rest(s, primaries[i].op);
	s->depth--;
	return r;
}

static int negation(struct parse *s, uint32_t op)
{
	int r = cs_req_put32(s->out, op, s->e);

	return r ? r : primary(s);
}

static int parentheses(struct parse *s, uint32_t op)
{
	int r = expr(s);

	(void)op;
	return r ? r : need(s, ")");
}

/* Put @op before what was written since @start. */
static int put_before(struct parse *s, size_t start, uint32_t op)
{
	int r = cs_req_put32(s->out, 0, s->e);

	if (r)
		return r;
	memmove(s->out->data + start + 4, s->out->data + start, s->out->len - start - 4);
	put_be32(s->out->data + start, op);
	return 0;
}

/* operand { word operand } */
static int chain(struct parse *s, int (*operand)(struct parse *), const char *word,
		 uint32_t op)
{
	size_t start = s->out->len;
	bool more = false;
	int r = operand(s);

	while (!r && !(r = accept(s, word, &more)) && more) {
		r = put_before(s, start, op);
		if (!r)
			r = operand(s);
	}
	return r;
}

static int term(struct parse *s)
{
	return chain(s, primary, "and", CS_OP_AND);
}

static int expr(struct parse *s)
{
	return chain(s, term, "or", CS_OP_OR);
}

int cs_req_parse(const char *text, struct buf *out, struct err *e)
{
	struct parse s = {.text = text, .p = text, .out = out, .e = e};
	size_t start = out->len;
	int r;

	if (strlen(text) > CS_REQ_MAX)
		return err_set(e, E_OVERFLOW, "a requirement of %zu characters",
			       strlen(text));
	r = cs_req_put_begin(out, e);
	if (!r)
		r = next(&s);
	if (!r)
		r = expr(&s);
	if (!r && *s.word)
		r = wrong(&s, "the end");
	if (r) {
		out->len = start;
		return err_ctx(e, "requirement");
	}
	cs_req_put_end(out, start);
	return 0;
}
