/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/rules.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/plist/pl.h"

struct cs_rule {
	regex_t re;
	uint64_t weight;
	unsigned flags;
};

void cs_rules_release(struct cs_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		regfree(&r->rule[i].re);
	free(r->rule);
	*r = (struct cs_rules){.n = 0};
}

/*
 * glibc's matcher is linear but for back references, and its compiler unrolls counts:
 * neither is in any rule that codesign writes.
 */
static int check_pattern(const char *p, struct err *e)
{
	size_t len = strlen(p);

	if (!len || len > CS_PATTERN_MAX)
		return err_set(e, E_OVERFLOW, "a rule of %zu characters", len);
	for (; *p; p++) {
		if (*p == '\\' && isdigit((unsigned char)p[1]))
			return err_set(e, E_UNSUPPORTED, "a rule with back references");
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '{')
			return err_set(e, E_UNSUPPORTED,
				       "a rule with repetition counts");
	}
	return 0;
}

static int add(struct cs_rules *r, const char *pattern, uint64_t weight, unsigned flags,
	       struct err *e)
{
	struct cs_rule *rule;

	if (check_pattern(pattern, e))
		return err_ctx(e, "rule '%s'", pattern);
	if (r->n == CS_RULES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d rules", CS_RULES_MAX);
	if (!r->rule && !(r->rule = calloc(CS_RULES_MAX, sizeof(*r->rule))))
		return err_set(e, E_NOMEM, "out of memory");
	rule = &r->rule[r->n];
	if (regcomp(&rule->re, pattern, REG_EXTENDED | REG_NOSUB))
		return err_set(e, E_CORRUPT, "rule '%s' is no regular expression",
			       pattern);
	rule->weight = weight;
	rule->flags = flags;
	r->n++;
	return 0;
}

/* Weights are written as real numbers; integers count as well. */
static uint64_t weight_of(plist_t dict)
{
	plist_t w = plist_dict_get_item(dict, "weight");
	uint64_t n = 1;
	double d = 0;

	if (w && plist_get_node_type(w) == PLIST_UINT)
		plist_get_uint_val(w, &n);
	if (w && plist_get_node_type(w) == PLIST_REAL) {
		plist_get_real_val(w, &d);
		n = d > 0 && d < 1e9 ? (uint64_t)d : 0;
	}
	return n;
}

static bool is_true(plist_t node)
{
	uint8_t on = 0;

	if (node && plist_get_node_type(node) == PLIST_BOOLEAN)
		plist_get_bool_val(node, &on);
	return on;
}

static int add_row(struct cs_rules *r, const char *pattern, plist_t value, struct err *e)
{
	static const struct {
		const char *key;
		unsigned flag;
	} keys[] = {
		{"omit", CS_RULE_OMITTED},
		{"optional", CS_RULE_OPTIONAL},
		{"nested", CS_RULE_NESTED},
	};
	unsigned flags = 0;

	if (plist_get_node_type(value) == PLIST_BOOLEAN)
		return add(r, pattern, 1, is_true(value) ? 0 : CS_RULE_OMITTED, e);
	if (plist_get_node_type(value) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "rule '%s': expected a dictionary, found %s",
			       pattern, pl_type_name(value));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (is_true(plist_dict_get_item(value, keys[i].key)))
			flags |= keys[i].flag;
	return add(r, pattern, weight_of(value), flags, e);
}

int cs_rules_compile(plist_t dict, struct cs_rules *ret, struct err *e)
{
	struct pl_iter it;
	int r = 0;

	for (pl_each(&it, dict); pl_next(&it);) {
		r = add_row(ret, it.key, it.value, e);
		if (r) {
			pl_iter_release(&it);
			return r;
		}
	}
	return 0;
}

int cs_rules_exclude(struct cs_rules *r, const char *rel, struct err *e)
{
	char pattern[2 * CS_PATTERN_MAX];
	size_t n = 0;

	pattern[n++] = '^';
	for (; *rel && n + 4 < sizeof(pattern); rel++) {
		if (strchr("\\[]{}().+*?^$|", *rel))
			pattern[n++] = '\\';
		pattern[n++] = *rel;
	}
	if (*rel)
		return err_set(e, E_OVERFLOW, "'%s' is too long", rel);
	pattern[n++] = '$';
	pattern[n] = 0;
	return add(r, pattern, 0, CS_RULE_EXCLUDED, e);
}

bool cs_rules_find(const struct cs_rules *r, const char *rel, unsigned *ret_flags)
{
	const struct cs_rule *best = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct cs_rule *rule = &r->rule[i];

		if (best && !(rule->flags & CS_RULE_EXCLUDED) &&
		    rule->weight <= best->weight)
			continue;
		if (regexec(&rule->re, rel, 0, NULL, 0))
			continue;
		best = rule;
		if (rule->flags & CS_RULE_EXCLUDED)
			break;
	}
	if (best)
		*ret_flags = best->flags;
	return best;
}

/* ---- the rules that codesign writes ---- */

struct row {
	const char *with, *without; /* pattern with a folder Resources, and without one;
				       NULL: no such rule */
	unsigned flags;
	unsigned weight; /* 0: the rule is simply true */
};

#define BOTH(p) p, p
#define NESTED_FOLDERS                                                                   \
	"^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|"      \
	"Library/(Automator|Spotlight|LoginItems))/"

/* Sorted by pattern, as CoreFoundation writes dictionaries. */
static const struct row rules1[] = {
	{NULL, "^.*", 0, 0},
	{NULL, "^.*\\.lproj/", CS_RULE_OPTIONAL, 1000},
	{NULL, "^.*\\.lproj/locversion.plist$", CS_RULE_OMITTED, 1100},
	{NULL, "^Base\\.lproj/", 0, 1010},
	{"^Resources/", NULL, 0, 0},
	{"^Resources/.*\\.lproj/", NULL, CS_RULE_OPTIONAL, 1000},
	{"^Resources/.*\\.lproj/locversion.plist$", NULL, CS_RULE_OMITTED, 1100},
	{"^Resources/Base\\.lproj/", NULL, 0, 1010},
	{BOTH("^version.plist$"), 0, 0},
};

static const struct row rules2[] = {
	{BOTH(".*\\.dSYM($|/)"), 0, 11},
	{BOTH("^(.*/)?\\.DS_Store$"), CS_RULE_OMITTED, 2000},
	{NESTED_FOLDERS, NULL, CS_RULE_NESTED, 10},
	{BOTH("^.*"), 0, 0},
	{NULL, "^.*\\.lproj/", CS_RULE_OPTIONAL, 1000},
	{NULL, "^.*\\.lproj/locversion.plist$", CS_RULE_OMITTED, 1100},
	{NULL, "^Base\\.lproj/", 0, 1010},
	{BOTH("^Info\\.plist$"), CS_RULE_OMITTED, 20},
	{BOTH("^PkgInfo$"), CS_RULE_OMITTED, 20},
	{"^Resources/", NULL, 0, 20},
	{"^Resources/.*\\.lproj/", NULL, CS_RULE_OPTIONAL, 1000},
	{"^Resources/.*\\.lproj/locversion.plist$", NULL, CS_RULE_OMITTED, 1100},
	{"^Resources/Base\\.lproj/", NULL, 0, 1010},
	{"^[^/]+$", NULL, CS_RULE_NESTED, 10},
	{BOTH("^embedded\\.provisionprofile$"), 0, 20},
	{BOTH("^version\\.plist$"), 0, 20},
};

static plist_t rule_value(const struct row *row)
{
	plist_t d;

	if (!row->weight)
		return plist_new_bool(1);
	d = plist_new_dict();
	if (row->flags & CS_RULE_NESTED)
		plist_dict_set_item(d, "nested", plist_new_bool(1));
	if (row->flags & CS_RULE_OMITTED)
		plist_dict_set_item(d, "omit", plist_new_bool(1));
	if (row->flags & CS_RULE_OPTIONAL)
		plist_dict_set_item(d, "optional", plist_new_bool(1));
	plist_dict_set_item(d, "weight", plist_new_real(row->weight));
	return d;
}

static plist_t make_dict(const struct row *rows, size_t n, bool resources)
{
	plist_t d = plist_new_dict();

	for (size_t i = 0; i < n; i++) {
		const char *pattern = resources ? rows[i].with : rows[i].without;

		if (pattern)
			plist_dict_set_item(d, pattern, rule_value(&rows[i]));
	}
	return d;
}

plist_t cs_rules_default(bool resources)
{
	plist_t both = plist_new_dict();

	if (!both)
		return NULL;
	plist_dict_set_item(
		both, "rules",
		make_dict(rules1, sizeof(rules1) / sizeof(rules1[0]), resources));
	plist_dict_set_item(
		both, "rules2",
		make_dict(rules2, sizeof(rules2) / sizeof(rules2[0]), resources));
	return both;
}

const char *const *cs_rules_allowed_omissions(bool resources)
{
	static const char *const with[] = {
		"^(.*/)?\\.DS_Store$",
		"^Info\\.plist$",
		"^PkgInfo$",
		"^Resources/.*\\.lproj/locversion.plist$",
		NULL,
	};
	static const char *const without[] = {
		"^(.*/)?\\.DS_Store$",
		"^Info\\.plist$",
		"^PkgInfo$",
		"^.*\\.lproj/locversion.plist$",
		NULL,
	};

	return resources ? with : without;
}

static bool may_omit(const char *pattern, bool resources)
{
	for (const char *const *p = cs_rules_allowed_omissions(resources); *p; p++)
		if (!strcmp(*p, pattern))
			return true;
	return false;
}

static bool omits(plist_t value)
{
	if (plist_get_node_type(value) == PLIST_BOOLEAN)
		return !is_true(value);
	return is_true(plist_dict_get_item(value, "omit"));
}

bool cs_rules_are_weak(plist_t dict, const char *catch_all, bool resources)
{
	struct pl_iter it;
	bool covers_all = false, omits_more = false;

	for (pl_each(&it, dict); pl_next(&it);) {
		if (!strcmp(it.key, catch_all) && is_true(it.value))
			covers_all = true;
		else if (omits(it.value) && !may_omit(it.key, resources))
			omits_more = true;
	}
	return !covers_all || omits_more;
}
