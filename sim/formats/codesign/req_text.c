/* SPDX-License-Identifier: MIT */
/* Requirements in words (reqdumper.cpp). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/idtext.h"
#include "sim/formats/codesign/req_impl.h"

/* How tightly the surroundings bind; what binds less gets parentheses. */
enum level { PRIMARY, AND, OR, TOP };

struct dump {
	struct cs_req_reader r;
	struct buf *out;
	struct err *e;
	unsigned depth;
};

static int expr(struct dump *d, enum level level);

static int say(struct dump *d, const char *s)
{
	return buf_append(d->out, s, strlen(s), d->e);
}

/* Words of the language, which need quotes when they are names. */
static bool is_keyword(struct span s)
{
	static const char *const words[] = {
		"guest",	"host",	  "designated",	 "library",  "plugin",
		"or",		"and",	  "always",	 "true",     "never",
		"false",	"identifier", "cdhash",	 "platform", "notarized",
		"legacy",	"anchor", "apple",	 "generic",  "certificate",
		"cert",		"trusted", "info",	 "entitlement", "exists",
		"absent",	"leaf",	  "root",	 "timestamp",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == s.len && !memcmp(words[i], s.p, s.len))
			return true;
	return false;
}

enum form { SIMPLE, QUOTED, BINARY };

static enum form form_of(struct span s, bool dot_is_simple)
{
	enum form form = SIMPLE;

	for (size_t i = 0; i < s.len; i++) {
		if (isalnum(s.p[i]) || (s.p[i] == '.' && dot_is_simple)) {
			if (!i && isdigit(s.p[i]))
				form = QUOTED;
		} else if (isgraph(s.p[i]) || isspace(s.p[i])) {
			form = QUOTED;
		} else {
			return BINARY;
		}
	}
	return form == SIMPLE && (!s.len || is_keyword(s)) ? QUOTED : form;
}

static int put_hex(struct dump *d, struct span s)
{
	char two[3];
	int r = 0;

	for (size_t i = 0; i < s.len && !r; i++) {
		hex_text(s.p + i, 1, two);
		r = say(d, two);
	}
	return r;
}

static int put_quoted(struct dump *d, struct span s)
{
	int r = say(d, "\"");

	for (size_t i = 0; i < s.len && !r; i++)
		r = buf_printf(d->out, d->e,
			       s.p[i] == '"' || s.p[i] == '\\' ? "\\%c" : "%c", s.p[i]);
	return r ? r : say(d, "\"");
}

static int put_string(struct dump *d, struct span s, bool dot_is_simple)
{
	switch (form_of(s, dot_is_simple)) {
	case SIMPLE:
		return buf_append(d->out, s.p, s.len, d->e);
	case QUOTED:
		return put_quoted(d, s);
	default:
		return say(d, "0x") ? -(int)d->e->code : put_hex(d, s);
	}
}

static int data(struct dump *d, bool dot_is_simple)
{
	struct span s;
	int r = cs_req_get_data(&d->r, &s, d->e);

	return r ? r : put_string(d, s, dot_is_simple);
}

static int hash(struct dump *d)
{
	struct span s;
	int r = cs_req_get_data(&d->r, &s, d->e);

	if (!r)
		r = say(d, "H\"");
	if (!r)
		r = put_hex(d, s);
	return r ? r : say(d, "\"");
}

static int cert_slot(struct dump *d)
{
	uint32_t slot = 0;
	int r = cs_req_get32(&d->r, &slot, d->e);

	if (r)
		return r;
	if (slot == UINT32_MAX)
		return say(d, "certificate root");
	return slot ? buf_printf(d->out, d->e, "certificate %d", (int)slot)
		    : say(d, "certificate leaf");
}

static int test(struct dump *d)
{
	static const struct {
		const char *before, *behind;
	} words[CS_MATCH_COUNT] = {
		[CS_MATCH_EXISTS] = {" /* exists */", ""},
		[CS_MATCH_EQUAL] = {" = ", ""},
		[CS_MATCH_CONTAINS] = {" ~ ", ""},
		[CS_MATCH_BEGINS_WITH] = {" = ", "*"},
		[CS_MATCH_ENDS_WITH] = {" = *", ""},
		[CS_MATCH_LESS] = {" < ", ""},
		[CS_MATCH_GREATER] = {" > ", ""},
		[CS_MATCH_LESS_EQUAL] = {" <= ", ""},
		[CS_MATCH_GREATER_EQUAL] = {" >= ", ""},
		[CS_MATCH_ABSENT] = {" absent ", ""},
	};
	struct cs_req_test t;
	int r = cs_req_get_test(&d->r, &t, d->e);

	if (r)
		return r;
	if (t.match >= CS_MATCH_COUNT || !words[t.match].before)
		return buf_printf(d->out, d->e, " MATCH OPCODE %u NOT UNDERSTOOD",
				  t.match);
	r = say(d, words[t.match].before);
	if (!r && t.match != CS_MATCH_EXISTS && t.match != CS_MATCH_ABSENT)
		r = put_string(d, t.value, false);
	return r ? r : say(d, words[t.match].behind);
}

static int binary(struct dump *d, enum level level, enum level own, const char *word)
{
	int r = level < own ? say(d, "(") : 0;

	if (!r)
		r = expr(d, own);
	if (!r)
		r = say(d, word);
	if (!r)
		r = expr(d, own);
	return r || level >= own ? r : say(d, ")");
}

static int key_in(struct dump *d, const char *what, bool with_test)
{
	int r = say(d, what);

	if (!r)
		r = data(d, true);
	if (!r)
		r = say(d, "]");
	if (!r && with_test)
		r = test(d);
	if (!r && !with_test)
		r = say(d, " = ");
	return r || with_test ? r : data(d, false);
}

static int cert_key(struct dump *d)
{
	int r = cert_slot(d);

	return r ? r : key_in(d, "[", true);
}

static int cert_oid(struct dump *d, const char *what)
{
	struct span oid;
	int r = cert_slot(d);

	if (!r)
		r = cs_req_get_data(&d->r, &oid, d->e);
	if (!r)
		r = say(d, what);
	if (!r)
		r = cs_oid_to_text(oid, d->out, d->e);
	if (!r)
		r = say(d, "]");
	return r ? r : test(d);
}

static int named(struct dump *d, const char *before, const char *behind)
{
	int r = say(d, before);

	if (!r)
		r = data(d, false);
	return r ? r : say(d, behind);
}

static int with_slot(struct dump *d, const char *word, bool has_hash)
{
	int r = cert_slot(d);

	if (!r)
		r = say(d, word);
	return r || !has_hash ? r : hash(d);
}

static int platform(struct dump *d)
{
	uint32_t n = 0;
	int r = cs_req_get32(&d->r, &n, d->e);

	return r ? r : buf_printf(d->out, d->e, "platform = %d", (int)n);
}

static int unknown(struct dump *d, uint32_t op)
{
	uint32_t len = 0;
	int r;

	if (!(op & (CS_OP_GENERIC_FALSE | CS_OP_GENERIC_SKIP)))
		return err_set(d->e, E_UNSUPPORTED, "offset 0x%zx: operation %u",
			       d->r.at - 4, op);
	r = buf_printf(d->out, d->e, op & CS_OP_GENERIC_FALSE ? "false /* opcode %u */"
							      : "/* opcode %u */ ",
		       op & ~CS_OP_FLAGS);
	if (!r)
		r = cs_req_get32(&d->r, &len, d->e);
	if (!r)
		r = cs_req_skip(&d->r, len, d->e);
	return r || (op & CS_OP_GENERIC_FALSE) ? r : expr(d, PRIMARY);
}

static int operation(struct dump *d, uint32_t op, enum level level)
{
	switch (op & ~CS_OP_FLAGS) {
	case CS_OP_FALSE:
		return say(d, "never");
	case CS_OP_TRUE:
		return say(d, "always");
	case CS_OP_IDENT:
		return named(d, "identifier ", "");
	case CS_OP_APPLE_ANCHOR:
		return say(d, "anchor apple");
	case CS_OP_APPLE_GENERIC_ANCHOR:
		return say(d, "anchor apple generic");
	case CS_OP_ANCHOR_HASH:
		return with_slot(d, " = ", true);
	case CS_OP_TRUSTED_CERT:
		return with_slot(d, " trusted", false);
	case CS_OP_TRUSTED_CERTS:
		return say(d, "anchor trusted");
	case CS_OP_INFO_KEY_VALUE:
		return key_in(d, "info[", false);
	case CS_OP_INFO_KEY_FIELD:
		return key_in(d, "info[", true);
	case CS_OP_ENTITLEMENT_FIELD:
		return key_in(d, "entitlement[", true);
	case CS_OP_AND:
		return binary(d, level, AND, " and ");
	case CS_OP_OR:
		return binary(d, level, OR, " or ");
	case CS_OP_NOT:
		return say(d, "! ") ? -(int)d->e->code : expr(d, PRIMARY);
	case CS_OP_CDHASH:
		return say(d, "cdhash ") ? -(int)d->e->code : hash(d);
	case CS_OP_CERT_FIELD:
		return cert_key(d);
	case CS_OP_CERT_GENERIC:
		return cert_oid(d, "[field.");
	case CS_OP_CERT_POLICY:
		return cert_oid(d, "[policy.");
	case CS_OP_NAMED_ANCHOR:
		return named(d, "anchor apple ", "");
	case CS_OP_NAMED_CODE:
		return named(d, "(", ")");
	case CS_OP_PLATFORM:
		return platform(d);
	case CS_OP_NOTARIZED:
		return say(d, "notarized");
	default:
		return unknown(d, op);
	}
}

static int expr(struct dump *d, enum level level)
{
	uint32_t op = 0;
	int r = cs_req_check_depth(&d->r, d->depth, d->e);

	if (!r)
		r = cs_req_get32(&d->r, &op, d->e);
	if (r)
		return r;
	d->depth++;
	r = operation(d, op, level);
	d->depth--;
	return r;
}

int cs_req_text(struct span blob, struct buf *out, struct err *e)
{
	struct dump d = {.out = out, .e = e};
	int r = cs_req_begin(blob, &d.r, e);

	if (!r)
		r = expr(&d, TOP);
	return r ? err_ctx(e, "requirement") : 0;
}
