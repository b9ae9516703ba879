/* SPDX-License-Identifier: MIT */
/* Comparing a bundle with its CodeResources. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/formats/codesign/osstatus.h"
#include "sim/formats/codesign/resources.h"
#include "sim/formats/plist/pl.h"

struct check {
	const struct cs_code *c;
	const struct cs_check_spec *s;
	plist_t files; /* what was sealed */
	plist_t seen;  /* keys of files that are there */
	unsigned version;
	const struct cs_rules *rules;
	struct cs_problems *problems;
	int *status; /* of what ends the check at once */
};

static int report(struct check *k, enum cs_problem_kind kind, int status, const char *rel,
		  struct err *e)
{
	return cs_problems_add(k->problems, kind, status, rel, e);
}

/* What a seal says about a hash: of that kind, or as in old days the SHA-1 alone. */
static plist_t sealed_hash(plist_t seal, const struct cs_hash **h)
{
	plist_t v = plist_get_node_type(seal) == PLIST_DATA
			    ? NULL
			    : plist_dict_get_item(seal, (*h)->seal_key);

	if (v)
		return v;
	return plist_get_node_type(seal) == PLIST_DATA
		       ? seal
		       : plist_dict_get_item(seal, "hash");
}

static bool data_is(plist_t node, const uint8_t *bytes, size_t len)
{
	uint64_t n = 0;
	const char *p = node && plist_get_node_type(node) == PLIST_DATA
				? plist_get_data_ptr(node, &n)
				: NULL;

	return p && n == len && !memcmp(p, bytes, len);
}

/* Every hash that a code directory uses has to fit. */
static int compare_hashes(const struct check *k, plist_t seal, struct span data,
			  bool *ret_same, struct err *e)
{
	*ret_same = true;
	for (size_t i = 0; i < k->s->n_hashes && *ret_same; i++) {
		const struct cs_hash *h = k->s->hash[i];
		uint8_t hash[CS_HASH_MAX];
		plist_t want = sealed_hash(seal, &h);
		int r = cs_hash_of(h, data, hash, e);

		if (r)
			return r;
		*ret_same = data_is(want, hash, h->len);
	}
	return 0;
}

static int check_file(struct check *k, const struct cs_found *f, plist_t seal,
		      struct err *e)
{
	struct buf data = BUF_INIT;
	bool same = false;
	int r;

	if (f->is_link)
		return report(k, CS_ALTERED, CS_BAD_RESOURCE, f->rel, e);
	r = fsio_read(f->path, CS_RESOURCE_MAX, &data, e);
	if (!r)
		r = compare_hashes(k, seal, buf_span(&data), &same, e);
	buf_release(&data);
	return r || same ? r : report(k, CS_ALTERED, CS_BAD_RESOURCE, f->rel, e);
}

/* Does @resolved lie in the bundle, where the rules cover it? */
static bool is_covered(const struct check *k, const char *resolved)
{
	char base[PATH_MAX];
	size_t below;
	unsigned flags = 0;

	if (!realpath(k->c->base, base) || !(below = fsio_below(resolved, base)) ||
	    !resolved[below])
		return false;
	return cs_rules_find(k->rules, resolved + below + 1, &flags) &&
	       !(flags & CS_RULE_OMITTED);
}

/* A link may lead into the bundle or, when it is absolute, to where the system is. */
static bool is_link_allowed(const struct check *k, const struct cs_found *f,
			    const char *target)
{
	char resolved[PATH_MAX];

	if (*target == '/')
		return !strstr(target, "/..") && (fsio_below(target, "/System") ||
						  fsio_below(target, "/Library"));
	return realpath(f->path, resolved) && is_covered(k, resolved);
}

static int check_link(struct check *k, const struct cs_found *f, const char *want,
		      struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = f->is_link ? readlink(f->path, target, sizeof(target) - 1) : -1;

	if (n >= 0)
		target[n] = 0;
	if (n < 0 || strcmp(target, want) != 0)
		return report(k, CS_ALTERED, CS_BAD_RESOURCE, f->rel, e);
	return is_link_allowed(k, f, target)
		       ? 0
		       : report(k, CS_ALTERED, CS_INVALID_SYMLINK, f->rel, e);
}

static int check_nested(struct check *k, const struct cs_found *f, const char *req,
			struct err *e)
{
	int status = CS_OK, r;

	if (f->is_link)
		return report(k, CS_ALTERED, CS_BAD_RESOURCE, f->rel, e);
	r = k->s->nested(k->s->ctx, f->path, req, &status, e);
	if (r || !status)
		return r;
	/* One that is signed by somebody else is a resource that was changed; of one that is
	   broken it is that fault that counts. */
	if (status == CS_REQ_FAILED)
		return report(k, CS_ALTERED, CS_BAD_NESTED_CODE, f->rel, e);
	*k->status = status;
	err_ctx(e, "in subcomponent %s", f->rel);
	return 0;
}

static int check_sealed(struct check *k, const struct cs_found *f, plist_t seal,
			struct err *e)
{
	const char *req = NULL, *link = NULL;

	if (plist_get_node_type(seal) == PLIST_DICT) {
		req = pl_str(plist_dict_get_item(seal, "requirement"));
		link = pl_str(plist_dict_get_item(seal, "symlink"));
	} else if (plist_get_node_type(seal) != PLIST_DATA) {
		*k->status = CS_RESOURCES_INVALID;
		err_set(e, E_CORRUPT, "%s is sealed by %s", f->rel, pl_type_name(seal));
		return 0;
	}
	if (req)
		return check_nested(k, f, req, e);
	return link ? check_link(k, f, link, e) : check_file(k, f, seal, e);
}

static int found(void *ctx, const struct cs_found *f, struct err *e)
{
	struct check *k = ctx;
	plist_t seal = plist_dict_get_item(k->files, f->rel);

	if (*k->status)
		return 0;
	if (seal) {
		plist_dict_set_item(k->seen, f->rel, plist_new_bool(1));
		return check_sealed(k, f, seal, e);
	}
	if (k->version == 1 && f->is_link)
		return 0;
	return report(k, CS_ADDED, CS_BAD_RESOURCE, f->rel, e);
}

static bool is_optional(plist_t seal)
{
	plist_t v = plist_get_node_type(seal) == PLIST_DICT
			    ? plist_dict_get_item(seal, "optional")
			    : NULL;
	uint8_t on = 0;

	if (v && plist_get_node_type(v) == PLIST_BOOLEAN)
		plist_get_bool_val(v, &on);
	return on;
}

static int report_missing(struct check *k, struct err *e)
{
	struct pl_iter it;
	int r = 0;

	for (pl_each(&it, k->files); pl_next(&it);) {
		if (is_optional(it.value) || plist_dict_get_item(k->seen, it.key))
			continue;
		r = report(k, CS_MISSING, CS_BAD_RESOURCE, it.key, e);
		if (r) {
			pl_iter_release(&it);
			return r;
		}
	}
	return 0;
}

static int refuse(struct check *k, int status, const char *why, struct err *e)
{
	*k->status = status;
	err_set(e, E_CORRUPT, "%s: %s", CS_RESOURCES_FILE, why);
	return 0;
}

static int walk(struct check *k, plist_t rules_dict, struct err *e)
{
	struct cs_rules rules = {.n = 0};
	struct cs_walk w = {.ctx = k, .found = found};
	int status = CS_OK;
	int r = cs_rules_compile(rules_dict, &rules, e);

	k->rules = &rules;
	if (!r)
		r = cs_rules_exclude_parts(&rules, k->c, e);
	if (r && r != -(int)E_NOMEM) {
		*k->status = CS_RESOURCE_RULES_INVALID;
		r = 0;
	} else if (!r) {
		r = cs_resources_walk(k->c, &rules, &w, &status, e);
		if (!*k->status)
			*k->status = status;
	}
	cs_rules_release(&rules);
	return r;
}

static int check_root(struct check *k, plist_t root, struct err *e)
{
	plist_t rules;
	bool two = plist_dict_get_item(root, "files2");
	int r;

	k->version = two ? 2 : 1;
	rules = plist_dict_get_item(root, two ? "rules2" : "rules");
	k->files = plist_dict_get_item(root, two ? "files2" : "files");
	if (!rules || !k->files || plist_get_node_type(rules) != PLIST_DICT ||
	    plist_get_node_type(k->files) != PLIST_DICT)
		return refuse(k, CS_RESOURCES_INVALID, "no rules or no files", e);
	if (cs_rules_are_weak(rules, two ? "^.*" : "^Resources/", k->c->has_resources))
		return refuse(k, CS_WEAK_RESOURCE_RULES, "rules leave files out", e);
	if (!two)
		return refuse(k, CS_WEAK_RESOURCE_ENVELOPE, "version 1", e);
	r = walk(k, rules, e);
	return r || *k->status ? r : report_missing(k, e);
}

int cs_resources_check(const struct cs_code *c, const struct cs_check_spec *s,
		       struct cs_problems *problems, int *ret_status, struct err *e)
{
	struct check k = {.c = c, .s = s, .problems = problems, .status = ret_status};
	plist_t root = NULL;
	int r;

	*ret_status = CS_OK;
	r = pl_parse(s->resources.p, s->resources.len, CS_RESOURCES_FILE, &root, e);
	if (r == -(int)E_NOMEM)
		return r;
	if (r || plist_get_node_type(root) != PLIST_DICT) {
		plist_free(root);
		return refuse(&k, CS_RESOURCES_NOT_FOUND, "no property list", e);
	}
	k.seen = plist_new_dict();
	r = check_root(&k, root, e);
	plist_free(k.seen);
	plist_free(root);
	if (r || *ret_status || !problems->n)
		return r;
	*ret_status = problems->item[0].status;
	err_set(e, E_CORRUPT, "%s: %s", cs_problem_text(problems->item[0].kind),
		problems->item[0].rel);
	return 0;
}
