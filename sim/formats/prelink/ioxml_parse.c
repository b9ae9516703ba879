/* SPDX-License-Identifier: MIT */
/*
 * The reader of IOCFSerialize's XML. Depth and number of objects are bounded, the
 * copies that references ask for included.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/prelink/ioxml.h"

#define ID_MAX	     (1u << 20)
#define NAME_MAX_LEN 15

/* What an ID names. */
struct named {
	plist_t node;	 /* borrowed from the tree; NULL while it is not complete */
	uint32_t nodes;	 /* in it */
	unsigned height; /* containers inside containers in it */
};

struct reader {
	const char *p, *end;
	unsigned line;
	uint32_t nodes;	  /* made so far */
	unsigned deepest; /* level reached in the object that is being read */
	struct named *named;
	size_t n_named;
};

/* A start tag. */
struct tag {
	char name[NAME_MAX_LEN + 1];
	bool closing, empty; /* </x>, <x/> */
	bool has_id, has_idref, hex_data;
	uint32_t id, idref;
};

static int bad(struct reader *r, const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT, "line %u: %s", r->line, what);
}

static bool at_text(const struct reader *r, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(r->end - r->p) >= n && !memcmp(r->p, s, n);
}

static void step(struct reader *r)
{
	if (*r->p++ == '\n')
		r->line++;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Skip white space and comments. */
static int skip_space(struct reader *r, struct err *e)
{
	for (;;) {
		while (r->p < r->end && is_space(*r->p))
			step(r);
		if (!at_text(r, "<!--"))
			return 0;
		while (r->p < r->end && !at_text(r, "-->"))
			step(r);
		if (r->p == r->end)
			return bad(r, "comment without an end", e);
		r->p += 3;
	}
}

static size_t read_name(struct reader *r, char out[NAME_MAX_LEN + 1])
{
	size_t n = 0;

	while (r->p < r->end && n < NAME_MAX_LEN &&
	       ((*r->p >= 'a' && *r->p <= 'z') || (*r->p >= 'A' && *r->p <= 'Z')))
		out[n++] = *r->p++;
	out[n] = '\0';
	return n;
}

static int set_attribute(struct reader *r, struct tag *t, const char *name,
			 const char *value, size_t len, struct err *e)
{
	uint32_t v = 0;

	if (!strcmp(name, "format")) {
		t->hex_data = len == 3 && !memcmp(value, "hex", 3);
		return 0;
	}
	if (strcmp(name, "ID") != 0 && strcmp(name, "IDREF") != 0)
		return 0; /* size: all our integers have 64 bits */
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9' || v >= ID_MAX)
			return bad(r, "bad ID", e);
		v = 10 * v + (uint32_t)(value[i] - '0');
	}
	if (!len || v >= ID_MAX)
		return bad(r, "bad ID", e);
	if (name[2]) {
		t->has_idref = true;
		t->idref = v;
	} else {
		t->has_id = true;
		t->id = v;
	}
	return 0;
}

static int read_attribute(struct reader *r, struct tag *t, struct err *e)
{
	char name[NAME_MAX_LEN + 1], quote;
	const char *value;

	if (!read_name(r, name) || r->end - r->p < 2 || *r->p != '=')
		return bad(r, "bad attribute", e);
	r->p++;
	quote = *r->p++;
	if (quote != '"' && quote != '\'')
		return bad(r, "bad attribute", e);
	for (value = r->p; r->p < r->end && *r->p != quote;)
		step(r);
	if (r->p == r->end)
		return bad(r, "attribute without an end", e);
	r->p++;
	return set_attribute(r, t, name, value, (size_t)(r->p - 1 - value), e);
}

static int read_tag(struct reader *r, struct tag *t, struct err *e)
{
	int rc = skip_space(r, e);

	memset(t, 0, sizeof(*t));
	if (rc)
		return rc;
	if (r->p == r->end || *r->p != '<')
		return bad(r, "expected an element", e);
	r->p++;
	if (at_text(r, "/")) {
		t->closing = true;
		r->p++;
	}
	if (!read_name(r, t->name))
		return bad(r, "bad element name", e);
	for (;;) {
		while (r->p < r->end && is_space(*r->p))
			step(r);
		if (at_text(r, "/>")) {
			t->empty = true;
			r->p += 2;
			return 0;
		}
		if (at_text(r, ">")) {
			r->p++;
			return 0;
		}
		rc = read_attribute(r, t, e);
		if (rc)
			return rc;
	}
}

/* After the content of @t: its end tag. */
static int expect_end(struct reader *r, const struct tag *t, struct err *e)
{
	struct tag end;
	int rc = read_tag(r, &end, e);

	if (!rc && (!end.closing || strcmp(end.name, t->name) != 0))
		rc = bad(r, "end tag does not match", e);
	return rc;
}

static int add_entity(struct reader *r, struct buf *out, struct err *e)
{
	static const struct {
		const char *name, *text;
	} entity[] = {{"&lt;", "<"},
		      {"&gt;", ">"},
		      {"&amp;", "&"},
		      {"&quot;", "\""},
		      {"&apos;", "'"}};

	for (size_t i = 0; i < sizeof(entity) / sizeof(entity[0]); i++)
		if (at_text(r, entity[i].name)) {
			r->p += strlen(entity[i].name);
			return buf_append(out, entity[i].text, 1, e);
		}
	return bad(r, "unknown entity", e);
}

/* Character data up to the next tag, with entities replaced. */
static int read_text(struct reader *r, struct buf *out, struct err *e)
{
	int rc = 0;

	while (!rc && r->p < r->end && *r->p != '<') {
		const char *run = r->p;

		while (r->p < r->end && *r->p != '<' && *r->p != '&')
			step(r);
		rc = buf_append(out, run, (size_t)(r->p - run), e);
		if (!rc && r->p < r->end && *r->p == '&')
			rc = add_entity(r, out, e);
	}
	return rc;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

static int make_integer(struct reader *r, const char *s, plist_t *ret, struct err *e)
{
	bool negative = *s == '-';
	unsigned base = 10;
	uint64_t v = 0;

	s += negative;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return bad(r, "bad integer", e);
	for (; *s; s++) {
		unsigned d = (unsigned)digit(*s);

		if (d >= base || v > (UINT64_MAX - d) / base)
			return bad(r, "bad integer", e);
		v = v * base + d;
	}
	*ret = plist_new_uint(negative ? -v : v);
	return 0;
}

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static int from_base64(struct reader *r, const char *s, struct buf *out, struct err *e)
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (; *s && *s != '='; s++) {
		uint8_t byte;
		int v = sextet(*s), rc;

		if (is_space(*s))
			continue;
		if (v < 0)
			return bad(r, "bad base64", e);
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		byte = (uint8_t)(bits >> n);
		rc = buf_append(out, &byte, 1, e);
		if (rc)
			return rc;
	}
	return 0;
}

static int from_hex(struct reader *r, const char *s, struct buf *out, struct err *e)
{
	for (; *s; s += 2) {
		uint8_t byte;
		int rc;

		while (is_space(*s))
			s++;
		if (!*s)
			break;
		if (digit(s[0]) > 15 || digit(s[1]) > 15)
			return bad(r, "bad hex data", e);
		byte = (uint8_t)(digit(s[0]) << 4 | digit(s[1]));
		rc = buf_append(out, &byte, 1, e);
		if (rc)
			return rc;
	}
	return 0;
}

static int make_data(struct reader *r, const struct tag *t, const char *s, plist_t *ret,
		     struct err *e)
{
	struct buf bytes = BUF_INIT;
	int rc = t->hex_data ? from_hex(r, s, &bytes, e) : from_base64(r, s, &bytes, e);

	if (!rc)
		*ret = plist_new_data(buf_str(&bytes), bytes.len);
	buf_release(&bytes);
	return rc;
}

/* string, integer, data: an element that holds text */
static int read_leaf(struct reader *r, const struct tag *t, plist_t *ret, struct err *e)
{
	struct buf text = BUF_INIT;
	int rc = t->empty ? 0 : read_text(r, &text, e);

	if (!rc && !t->empty)
		rc = expect_end(r, t, e);
	if (rc)
		;
	else if (strlen(buf_str(&text)) != text.len)
		rc = bad(r, "NUL in text", e);
	else if (!strcmp(t->name, "string"))
		*ret = plist_new_string(buf_str(&text));
	else if (!strcmp(t->name, "integer"))
		rc = make_integer(r, buf_str(&text), ret, e);
	else
		rc = make_data(r, t, buf_str(&text), ret, e);
	buf_release(&text);
	return rc;
}

static int read_object(struct reader *r, const struct tag *t, unsigned depth,
		       plist_t *ret, struct err *e);

static int read_key(struct reader *r, struct buf *key, struct err *e)
{
	struct tag end;
	int rc = read_text(r, key, e);

	if (!rc)
		rc = read_tag(r, &end, e);
	if (!rc && (!end.closing || strcmp(end.name, "key") != 0))
		rc = bad(r, "key without an end", e);
	if (!rc && strlen(buf_str(key)) != key->len)
		rc = bad(r, "NUL in a key", e);
	return rc;
}

/* A key was begun: the rest of it, and its value. */
static int read_pair(struct reader *r, unsigned depth, plist_t dict, struct err *e)
{
	struct buf key = BUF_INIT;
	plist_t value = NULL;
	struct tag t;
	int rc = read_key(r, &key, e);

	if (!rc)
		rc = read_tag(r, &t, e);
	if (!rc && t.closing)
		rc = bad(r, "key without a value", e);
	/* setting it would free the first value, which an ID may name */
	if (!rc && plist_dict_get_item(dict, buf_str(&key)))
		rc = bad(r, "key given twice", e);
	if (!rc)
		rc = read_object(r, &t, depth + 1, &value, e);
	if (!rc)
		plist_dict_set_item(dict, buf_str(&key), value);
	buf_release(&key);
	return rc;
}

static int read_container(struct reader *r, const struct tag *t, unsigned depth,
			  plist_t *ret, struct err *e)
{
	bool is_dict = !strcmp(t->name, "dict");
	plist_t c = is_dict ? plist_new_dict() : plist_new_array();
	int rc = 0;

	while (!rc && !t->empty) {
		plist_t item = NULL;
		struct tag in;

		rc = read_tag(r, &in, e);
		if (rc)
			break;
		if (in.closing) {
			if (strcmp(in.name, t->name) != 0)
				rc = bad(r, "end tag does not match", e);
			break;
		}
		if (is_dict && (strcmp(in.name, "key") != 0 || in.empty)) {
			rc = bad(r, "expected a key", e);
		} else if (is_dict) {
			rc = read_pair(r, depth, c, e);
		} else {
			rc = read_object(r, &in, depth + 1, &item, e);
			if (!rc)
				plist_array_append_item(c, item);
		}
	}
	if (rc)
		plist_free(c);
	else
		*ret = c;
	return rc;
}

static int follow(struct reader *r, const struct tag *t, unsigned depth, plist_t *ret,
		  struct err *e)
{
	const struct named *n;
	int rc = 0;

	if (t->idref >= r->n_named || !r->named[t->idref].node)
		return bad(r, "reference to an unknown ID", e);
	n = &r->named[t->idref];
	if (depth + n->height > IOXML_DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "line %u: nested too deeply", r->line);
	if (depth + n->height > r->deepest)
		r->deepest = depth + n->height;
	if (n->nodes > IOXML_NODES_MAX - r->nodes)
		return err_set(e, E_OVERFLOW, "property list of more than %u objects",
			       IOXML_NODES_MAX);
	r->nodes += n->nodes;
	if (!t->empty)
		rc = expect_end(r, t, e);
	if (!rc)
		*ret = plist_copy(n->node);
	return rc;
}

static int name_object(struct reader *r, uint32_t id, const struct named *what,
		       struct err *e)
{
	if (id >= r->n_named) {
		size_t n = 2 * (size_t)id + 64;
		struct named *grown = realloc(r->named, n * sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "out of memory");
		memset(grown + r->n_named, 0, (n - r->n_named) * sizeof(*grown));
		r->named = grown;
		r->n_named = n;
	}
	if (r->named[id].node)
		return bad(r, "ID given twice", e);
	r->named[id] = *what;
	return 0;
}

static int read_new(struct reader *r, const struct tag *t, unsigned depth, plist_t *ret,
		    struct err *e)
{
	const char *n = t->name;

	if (!strcmp(n, "dict") || !strcmp(n, "array") || !strcmp(n, "set"))
		return read_container(r, t, depth, ret, e);
	if (!strcmp(n, "string") || !strcmp(n, "integer") || !strcmp(n, "data"))
		return read_leaf(r, t, ret, e);
	if (strcmp(n, "true") != 0 && strcmp(n, "false") != 0)
		return bad(r, "unknown element", e);
	*ret = plist_new_bool(*n == 't');
	return t->empty ? 0 : expect_end(r, t, e);
}

/* The object whose start tag is @t. The depth is bounded by IOXML_DEPTH_MAX. */
static int read_object(struct reader *r, const struct tag *t, unsigned depth,
		       plist_t *ret, struct err *e)
{
	uint32_t nodes = r->nodes;
	unsigned deepest = r->deepest;
	int rc;

	if (depth > IOXML_DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "line %u: nested too deeply", r->line);
	if (t->has_idref)
		return follow(r, t, depth, ret, e);
	if (r->nodes++ == IOXML_NODES_MAX)
		return err_set(e, E_OVERFLOW, "property list of more than %u objects",
			       IOXML_NODES_MAX);
	r->deepest = depth;
	rc = read_new(r, t, depth, ret, e);
	if (!rc && t->has_id) {
		struct named what = {*ret, r->nodes - nodes, r->deepest - depth};

		rc = name_object(r, t->id, &what, e);
	}
	if (r->deepest < deepest)
		r->deepest = deepest;
	if (rc) {
		plist_free(*ret);
		*ret = NULL;
	}
	return rc;
}

int ioxml_parse(const char *text, size_t len, plist_t *ret, struct err *e)
{
	struct reader r = {.p = text, .end = text + strnlen(text, len), .line = 1};
	struct tag t;
	int rc = read_tag(&r, &t, e);

	*ret = NULL;
	if (!rc && t.closing)
		rc = bad(&r, "end tag without a start", e);
	if (!rc)
		rc = read_object(&r, &t, 0, ret, e);
	if (!rc)
		rc = skip_space(&r, e);
	if (!rc && r.p != r.end)
		rc = bad(&r, "something follows the list", e);
	if (rc) {
		plist_free(*ret);
		*ret = NULL;
	}
	free(r.named);
	return rc;
}
