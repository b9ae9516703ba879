/* SPDX-License-Identifier: MIT */
/* Making CodeResources. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/codesign/osstatus.h"
#include "sim/formats/codesign/resources.h"
#include "sim/formats/plist/pl.h"

/* Entries of a dictionary that is to be written sorted. */
struct entry {
	char *rel;	/* owned */
	plist_t value;	/* owned until it is in the dictionary */
};
struct entries {
	struct entry *item;
	size_t n, cap;
};

struct seal {
	const struct cs_seal_spec *s;
	struct entries files;
	bool version1; /* files, not files2 */
};

static void release(struct entries *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->item[i].rel);
		plist_free(x->item[i].value);
	}
	free(x->item);
	*x = (struct entries){.n = 0};
}

/* Takes over @value, also on failure. */
static int add(struct entries *x, const char *rel, plist_t value, struct err *e)
{
	size_t cap = x->cap ? 2 * x->cap : 64;
	struct entry *item = x->item;
	char *copy = strdup(rel);

	if (copy && x->n == x->cap && (item = realloc(x->item, cap * sizeof(*item)))) {
		x->item = item;
		x->cap = cap;
	}
	if (!copy || !item || !value) {
		free(copy);
		plist_free(value);
		return err_set(e, E_NOMEM, "out of memory");
	}
	x->item[x->n++] = (struct entry){copy, value};
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->rel, y->rel);
}

static plist_t to_dict(struct entries *x)
{
	plist_t d = plist_new_dict();

	if (x->n)
		qsort(x->item, x->n, sizeof(x->item[0]), by_path);
	for (size_t i = 0; i < x->n; i++) {
		plist_dict_set_item(d, x->item[i].rel, x->item[i].value);
		x->item[i].value = NULL;
	}
	return d;
}

static plist_t hash_node(const struct cs_hash *h, struct span data, struct err *e)
{
	uint8_t hash[CS_HASH_MAX];

	if (cs_hash_of(h, data, hash, e))
		return NULL;
	return plist_new_data((const char *)hash, h->len);
}

/* {hash, hash2} or, of a file by its SHA-1 alone, just that. */
static plist_t seal_data(const struct seal *k, struct span data, unsigned flags,
			 struct err *e)
{
	const struct cs_hash *sha1 = cs_hash_by_type(CS_HASH_SHA1);
	bool optional = flags & CS_RULE_OPTIONAL;
	bool simple = k->version1 ? !flags
				  : !optional && k->s->n_hashes == 1 &&
					    k->s->hash[0] == sha1;
	plist_t d;

	if (simple)
		return hash_node(sha1, data, e);
	d = plist_new_dict();
	if (k->version1)
		plist_dict_set_item(d, sha1->seal_key, hash_node(sha1, data, e));
	for (size_t i = 0; !k->version1 && i < k->s->n_hashes; i++)
		plist_dict_set_item(d, k->s->hash[i]->seal_key,
				    hash_node(k->s->hash[i], data, e));
	if (optional || k->version1)
		plist_dict_set_item(d, "optional", plist_new_bool(optional));
	return d;
}

static int seal_file(struct seal *k, const struct cs_found *f, struct err *e)
{
	struct buf data = BUF_INIT;
	int r = fsio_read(f->path, CS_RESOURCE_MAX, &data, e);

	if (!r)
		r = add(&k->files, f->rel, seal_data(k, buf_span(&data), f->flags, e), e);
	buf_release(&data);
	return r;
}

static int seal_link(struct seal *k, const struct cs_found *f, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(f->path, target, sizeof(target) - 1);
	plist_t d;

	if (n < 0)
		return err_sys(e, "%s", f->path);
	target[n] = 0;
	d = plist_new_dict();
	if (f->flags & CS_RULE_OPTIONAL)
		plist_dict_set_item(d, "optional", plist_new_bool(1));
	plist_dict_set_item(d, "symlink", plist_new_string(target));
	return add(&k->files, f->rel, d, e);
}

static int seal_nested(struct seal *k, const struct cs_found *f, struct err *e)
{
	uint8_t cdhash[CS_CDHASH_LEN];
	struct buf req = BUF_INIT;
	plist_t d;
	int r = k->s->nested(k->s->ctx, f->path, &req, cdhash, e);

	if (!r) {
		d = plist_new_dict();
		plist_dict_set_item(d, "cdhash", plist_new_data((const char *)cdhash,
								sizeof(cdhash)));
		if (f->flags & CS_RULE_OPTIONAL)
			plist_dict_set_item(d, "optional", plist_new_bool(1));
		plist_dict_set_item(d, "requirement", plist_new_string(buf_str(&req)));
		r = add(&k->files, f->rel, d, e);
	}
	buf_release(&req);
	return r ? err_ctx(e, "%s", f->rel) : 0;
}

static int found(void *ctx, const struct cs_found *f, struct err *e)
{
	struct seal *k = ctx;

	/* Version 1 knows files alone. */
	if (k->version1)
		return f->is_link || (f->flags & CS_RULE_NESTED) ? 0
								 : seal_file(k, f, e);
	if (f->flags & CS_RULE_NESTED)
		return seal_nested(k, f, e);
	return f->is_link ? seal_link(k, f, e) : seal_file(k, f, e);
}

static int seal_by(const struct cs_code *c, struct seal *k, plist_t rules_dict,
		   plist_t *ret, struct err *e)
{
	struct cs_rules rules = {.n = 0};
	struct cs_walk w = {.ctx = k, .found = found};
	int status = CS_OK;
	int r = cs_rules_compile(rules_dict, &rules, e);

	if (!r)
		r = cs_rules_exclude_parts(&rules, c, e);
	if (!r)
		r = cs_resources_walk(c, &rules, &w, &status, e);
	if (!r && status)
		r = -(int)e->code;
	if (!r)
		*ret = to_dict(&k->files);
	release(&k->files);
	cs_rules_release(&rules);
	return r;
}

int cs_resources_seal(const struct cs_code *c, const struct cs_seal_spec *s,
		      struct buf *out, struct err *e)
{
	plist_t rules = cs_rules_default(c->has_resources), root = plist_new_dict();
	plist_t files = NULL, files2 = NULL;
	struct seal one = {.s = s, .version1 = true}, two = {.s = s};
	int r = rules && root ? 0 : err_set(e, E_NOMEM, "out of memory");

	if (!r)
		r = seal_by(c, &one, plist_dict_get_item(rules, "rules"), &files, e);
	if (!r)
		r = seal_by(c, &two, plist_dict_get_item(rules, "rules2"), &files2, e);
	if (!r) {
		plist_dict_set_item(root, "files", files);
		plist_dict_set_item(root, "files2", files2);
		plist_dict_set_item(root, "rules",
				    plist_copy(plist_dict_get_item(rules, "rules")));
		plist_dict_set_item(root, "rules2",
				    plist_copy(plist_dict_get_item(rules, "rules2")));
		files = files2 = NULL;
		r = pl_to_xml(root, out, e);
	}
	plist_free(files);
	plist_free(files2);
	plist_free(rules);
	plist_free(root);
	return r;
}
