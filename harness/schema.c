/* SPDX-License-Identifier: MIT */
#include "harness/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/nearest.h"

#define KEYS_MAX 64

int schema_want(const struct ynode *n, enum ynode_kind kind, const char *what,
		struct err *e)
{
	static const char *const names[] = {"text", "a list", "a map"};

	if (n->kind == kind)
		return 0;
	return ynode_error(n, e, "%s: expected %s, found a %s", what, names[kind],
			   ynode_kind_name(n));
}

int schema_unknown(const struct ynode *n, const char *what, const char *word,
		   const char *const *names, struct err *e)
{
	char hint[NEAREST_HINT_MAX];
	size_t count = 0;

	while (names[count])
		count++;
	return ynode_error(n, e, "unknown %s '%s'%s", what, word,
			   nearest_hint(word, names, count, hint));
}

static int read_uint(const struct ynode *n, const struct schema_key *key, uint64_t *out,
		     struct err *e)
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(n->text, &end, 10);
	if (end == n->text || *end || errno || n->text[0] == '-' || n->text[0] == '+')
		return ynode_error(n, e, "%s: '%s' is not a whole number", key->name,
				   n->text);
	if (v < key->min || (key->max && v > key->max))
		return ynode_error(
			n, e, "%s: %" PRIu64 " is not within %" PRIu64 " to %" PRIu64,
			key->name, v, key->min, key->max);
	*out = v;
	return 0;
}

static int read_octal(const struct ynode *n, const struct schema_key *key, int64_t *out,
		      struct err *e)
{
	char *end;
	unsigned long v;

	v = strtoul(n->text, &end, 8);
	if (n->text[0] != '0' || *end || v > 07777)
		return ynode_error(n, e, "%s: '%s' is not a mode like 0755", key->name,
				   n->text);
	*out = (int64_t)v;
	return 0;
}

static int read_number(const struct ynode *n, const struct schema_key *key, double *out,
		       struct err *e)
{
	char *end;
	double v = strtod(n->text, &end);

	if (end == n->text || *end || !(v >= 0) || v > 1e9)
		return ynode_error(n, e, "%s: '%s' is not a number of 0 or more",
				   key->name, n->text);
	*out = v;
	return 0;
}

static int read_bool(const struct ynode *n, const struct schema_key *key, bool *out,
		     struct err *e)
{
	if (strcmp(n->text, "true") && strcmp(n->text, "false"))
		return ynode_error(n, e, "%s: '%s' is neither true nor false", key->name,
				   n->text);
	*out = !strcmp(n->text, "true");
	return 0;
}

static int read_tri(const struct ynode *n, const struct schema_key *key, int *out,
		    struct err *e)
{
	bool v = false;
	int r = read_bool(n, key, &v, e);

	if (!r)
		*out = v;
	return r;
}

static int read_word(const struct ynode *n, const struct schema_key *key, void *out,
		     struct err *e)
{
	for (unsigned i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], n->text))
			continue;
		if (key->kind == SCHEMA_CHOICE)
			*(const char **)out = key->words[i];
		else
			*(unsigned *)out = key->base + i;
		return 0;
	}
	return schema_unknown(n, key->name, n->text, key->words, e);
}

static int read_texts(struct binder *b, const struct ynode *n,
		      const struct schema_key *key, struct text_list *out, struct err *e)
{
	size_t i = 0;
	int r = schema_want(n, YNODE_LIST, key->name, e);

	if (r)
		return r;
	out->items = arena_array(b->arena, n->n, sizeof(*out->items), e);
	if (!out->items)
		return -(int)e->code;
	for (const struct ynode *c = n->first; c; c = c->next) {
		r = schema_want(c, YNODE_SCALAR, key->name, e);
		if (r)
			return r;
		out->items[i++] = c->text;
	}
	out->n = i;
	return 0;
}

static int read_ptr(struct binder *b, const struct ynode *n, const struct schema_key *key,
		    void **out, struct err *e)
{
	void *obj = arena_alloc(b->arena, key->size, e);
	int r;

	if (!obj)
		return -(int)e->code;
	if (key->init)
		key->init(obj);
	r = schema_bind(b, n, key->keys, obj, e);
	if (!r)
		*out = obj;
	return r;
}

int schema_bind_value(struct binder *b, const struct ynode *n,
		      const struct schema_key *key, void *field, struct err *e)
{
	int r;

	switch (key->kind) {
	case SCHEMA_TEXTS:
		return read_texts(b, n, key, field, e);
	case SCHEMA_MAP:
		return schema_bind(b, n, key->keys, field, e);
	case SCHEMA_PTR:
		return read_ptr(b, n, key, field, e);
	case SCHEMA_CUSTOM:
		return key->read(b, n, field, e);
	default:
		break;
	}
	r = schema_want(n, YNODE_SCALAR, key->name, e);
	if (r)
		return r;
	switch (key->kind) {
	case SCHEMA_UINT:
		return read_uint(n, key, field, e);
	case SCHEMA_OCTAL:
		return read_octal(n, key, field, e);
	case SCHEMA_NUMBER:
		return read_number(n, key, field, e);
	case SCHEMA_BOOL:
		return read_bool(n, key, field, e);
	case SCHEMA_TRI:
		return read_tri(n, key, field, e);
	case SCHEMA_WORD:
	case SCHEMA_CHOICE:
		return read_word(n, key, field, e);
	default:
		*(const char **)field = n->text;
		return 0;
	}
}

static const struct schema_key *find_key(const struct schema_key *keys, const char *name)
{
	for (; keys && keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

static int unknown_key(const struct ynode *n, const struct schema_key *keys,
		       const struct schema_key *keys2, struct err *e)
{
	const char *names[2 * KEYS_MAX + 1];
	size_t count = 0;

	for (const struct schema_key *k = keys; k && k->name && count < KEYS_MAX; k++)
		names[count++] = k->name;
	for (const struct schema_key *k = keys2; k && k->name && count < 2 * KEYS_MAX;
	     k++)
		names[count++] = k->name;
	names[count] = NULL;
	return schema_unknown(n->key, "key", n->key->text, names, e);
}

static int check_required(const struct ynode *n, const struct schema_key *keys,
			  struct err *e)
{
	for (const struct schema_key *k = keys; k && k->name; k++)
		if (k->required && !ynode_get(n, k->name))
			return ynode_error(n, e, "key '%s' is missing", k->name);
	return 0;
}

int schema_bind2(struct binder *b, const struct ynode *n, const struct schema_key *keys,
		 void *obj, const struct schema_key *keys2, void *obj2, struct err *e)
{
	int r = 0;

	if (!ynode_is_empty(n))
		r = schema_want(n, YNODE_MAP, n->key ? n->key->text : "file", e);
	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		const struct schema_key *k = find_key(keys, c->key->text);
		char *base = obj;

		if (!k) {
			k = find_key(keys2, c->key->text);
			base = obj2;
		}
		r = k ? schema_bind_value(b, c, k, base + k->offset, e)
		      : unknown_key(c, keys, keys2, e);
	}
	/* Last, because a key that is missing may be there with a slip in its name. */
	if (!r)
		r = check_required(n, keys, e);
	return r ? r : check_required(n, keys2, e);
}

int schema_bind(struct binder *b, const struct ynode *n, const struct schema_key *keys,
		void *obj, struct err *e)
{
	return schema_bind2(b, n, keys, obj, NULL, NULL, e);
}

void schema_type_text(const struct schema_key *key, char *out, size_t size)
{
	static const char *const names[] = {
		[SCHEMA_TEXT] = "text",
		[SCHEMA_UINT] = "whole number",
		[SCHEMA_OCTAL] = "mode (0755)",
		[SCHEMA_NUMBER] = "number",
		[SCHEMA_BOOL] = "true, false",
		[SCHEMA_TRI] = "true, false",
		[SCHEMA_WORD] = NULL,
		[SCHEMA_CHOICE] = NULL,
		[SCHEMA_TEXTS] = "list of texts",
		[SCHEMA_MAP] = "map",
		[SCHEMA_PTR] = "map",
		[SCHEMA_CUSTOM] = NULL,
	};
	size_t used = 0;

	if (key->words) {
		out[0] = 0;
		for (size_t i = 0; key->words[i] && used < size; i++)
			used += (size_t)snprintf(out + used, size - used, "%s%s",
						 i ? ", " : "", key->words[i]);
		return;
	}
	snprintf(out, size, "%s", key->type ? key->type : names[key->kind]);
}
