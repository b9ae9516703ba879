/* SPDX-License-Identifier: MIT */
/* What can be asked of a kext. */
#include <stdio.h>
#include <string.h>

#include "components/kextfind/query.h"
#include "sim/formats/kext/resolve.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/plist/pl.h"

#define TEST(name)                                                                       \
	static bool name(struct kext *k, const struct query_node *n,                     \
			 const struct query_world *w)
#define UNUSED ((void)k, (void)n, (void)w)

TEST(bundle_id)
{
	UNUSED;
	return query_matches(k->id, n->arg[0], n->match);
}

TEST(bundle_name)
{
	const char *slash = strrchr(k->path, '/');

	UNUSED;
	return query_matches(slash ? slash + 1 : k->path, n->arg[0], n->match);
}

TEST(property_exists)
{
	UNUSED;
	return kext_info(k, n->arg[0]) != NULL;
}

/* Strings and booleans, as the command line can spell them. */
static const char *spelled(plist_t value)
{
	const char *text = pl_str(value);

	if (text || !value || plist_get_node_type(value) != PLIST_BOOLEAN)
		return text;
	return pl_true(value) ? "true" : "false";
}

TEST(property)
{
	UNUSED;
	return query_matches(spelled(kext_info(k, n->arg[0])), n->arg[1], n->match);
}

/* In one of its personalities. */
static bool in_personality(struct kext *k, const struct query_node *n, bool exists)
{
	plist_t all = kext_info(k, "IOKitPersonalities");
	bool found = false;
	struct pl_iter it;

	if (!all || plist_get_node_type(all) != PLIST_DICT)
		return false;
	for (pl_each(&it, all); pl_next(&it);) {
		plist_t v = plist_get_node_type(it.value) == PLIST_DICT
				    ? plist_dict_get_item(it.value, n->arg[0])
				    : NULL;

		found |= exists ? v != NULL
				: query_matches(spelled(v), n->arg[1], n->match);
	}
	return found;
}

TEST(match_property)
{
	UNUSED;
	return in_personality(k, n, false);
}

TEST(match_property_exists)
{
	UNUSED;
	return in_personality(k, n, true);
}

TEST(duplicate_id)
{
	UNUSED;
	for (size_t i = 0; i < w->all->n; i++)
		if (w->all->item[i] != k && !strcmp(w->all->item[i]->id, k->id))
			return true;
	return false;
}

TEST(valid)
{
	UNUSED;
	return kext_validate(k);
}

TEST(invalid)
{
	return !valid(k, n, w);
}

TEST(authentic)
{
	UNUSED;
	return kext_authenticate(k, w->auth);
}

TEST(inauthentic)
{
	return !authentic(k, n, w);
}

TEST(dependencies_met)
{
	const struct kext_resolver r = {.all = w->all};

	UNUSED;
	return kext_resolve(k, &r);
}

TEST(dependencies_missing)
{
	return !dependencies_met(k, n, w);
}

TEST(loadable)
{
	return valid(k, n, w) && authentic(k, n, w) && dependencies_met(k, n, w);
}

TEST(nonloadable)
{
	return !loadable(k, n, w);
}

TEST(loaded)
{
	UNUSED;
	for (size_t i = 0; w->loaded && w->loaded[i]; i++)
		if (!strcmp(w->loaded[i], k->id))
			return true;
	return false;
}

TEST(warnings)
{
	valid(k, n, w);
	for (size_t i = 0; i < k->diags.n; i++)
		if (kext_fault_class(k->diags.item[i].fault) == KEXT_DIAG_WARNING)
			return true;
	return false;
}

TEST(executable)
{
	UNUSED;
	return k->executable != NULL;
}

TEST(no_executable)
{
	return !executable(k, n, w);
}

TEST(library)
{
	UNUSED;
	return k->compatible > 0;
}

TEST(kernel_resource)
{
	UNUSED;
	return k->kernel_component;
}

TEST(plugin)
{
	UNUSED;
	return strstr(k->path, "/PlugIns/") != NULL;
}

TEST(has_plugins)
{
	UNUSED;
	for (size_t i = 0; i < w->all->n; i++) {
		const char *path = w->all->item[i]->path;
		size_t len = strlen(k->path);

		if (!strncmp(path, k->path, len) && strstr(path + len, "/PlugIns/"))
			return true;
	}
	return false;
}

TEST(arch)
{
	UNUSED;
	return strstr(n->arg[0], KEXT_ARCH) && kext_arch(k) == KEXT_ARCH_YES;
}

/* Is there a symbol of this name that is defined, or is referred to? */
static bool has_symbol(struct kext *k, const char *name, bool defined)
{
	struct err e = ERR_INIT;
	struct macho_symbol s;
	bool found = false;
	struct macho m;

	if (!k->executable || kext_load_executable(k, &e) ||
	    macho_open(k->exe.data, k->exe.len, &m, &e))
		return false;
	for (uint32_t i = 0; i < m.nsyms && !found; i++)
		found = !macho_symbol(&m, i, &s, &e) && !macho_sym_is_stab(&s) &&
			!strcmp(s.name, name) &&
			(k->interface || macho_sym_is_undefined(&s) != defined);
	macho_release(&m);
	return found;
}

TEST(defines_symbol)
{
	UNUSED;
	return has_symbol(k, n->arg[0], true);
}

TEST(references_symbol)
{
	UNUSED;
	return !k->interface && has_symbol(k, n->arg[0], false);
}

TEST(compatible_with)
{
	int64_t want = kext_version_parse_user(n->arg[0]);

	UNUSED;
	return k->compatible > 0 && want > 0 && k->compatible <= want &&
	       want <= k->version;
}

/* "gt2.0", "ge", "lt", "le", "ne", "eq", or a version alone. */
TEST(version)
{
	static const struct {
		char op[3];
		bool less, same, more;
	} ops[] = {{"gt", false, false, true}, {"ge", false, true, true},
		   {"lt", true, false, false}, {"le", true, true, false},
		   {"ne", true, false, true},  {"eq", false, true, false}};
	const char *text = n->arg[0];
	size_t i = 5; /* eq */
	int64_t want;

	UNUSED;
	for (size_t j = 0; j < 6; j++) {
		if (!strncmp(text, ops[j].op, 2)) {
			i = j;
			text += 2;
			break;
		}
	}
	want = kext_version_parse_user(text);
	if (want <= 0 || k->version <= 0)
		return false;
	return k->version < want   ? ops[i].less
	       : k->version > want ? ops[i].more
				   : ops[i].same;
}

/* OSBundleRequired: which value is asked for stands in the predicate's row. */
TEST(required)
{
	UNUSED;
	return k->required == n->test->required;
}

static const struct query_predicate predicates[] = {
	{"bundle-id", "b", 1, true, bundle_id, 0},
	{"bundle-name", "B", 1, true, bundle_name, 0},
	{"property", "p", 2, true, property, 0},
	{"property-exists", "pe", 1, false, property_exists, 0},
	{"match-property", "m", 2, true, match_property, 0},
	{"match-property-exists", "me", 1, false, match_property_exists, 0},
	{"duplicate-id", "dup", 0, false, duplicate_id, 0},
	{"authentic", "a", 0, false, authentic, 0},
	{"inauthentic", "na", 0, false, inauthentic, 0},
	{"valid", "v", 0, false, valid, 0},
	{"invalid", "nv", 0, false, invalid, 0},
	{"dependencies-met", "d", 0, false, dependencies_met, 0},
	{"dependencies-missing", "nd", 0, false, dependencies_missing, 0},
	{"loadable", "l", 0, false, loadable, 0},
	{"nonloadable", "nl", 0, false, nonloadable, 0},
	{"loaded", NULL, 0, false, loaded, 0},
	{"warnings", "w", 0, false, warnings, 0},
	{"executable", "x", 0, false, executable, 0},
	{"no-executable", "nx", 0, false, no_executable, 0},
	{"library", "lib", 0, false, library, 0},
	{"kernel-resource", NULL, 0, false, kernel_resource, 0},
	{"plugin", NULL, 0, false, plugin, 0},
	{"has-plugins", NULL, 0, false, has_plugins, 0},
	{"arch", NULL, 1, false, arch, 0},
	{"defines-symbol", "dsym", 1, false, defines_symbol, 0},
	{"references-symbol", "rsym", 1, false, references_symbol, 0},
	{"compatible-with-version", NULL, 1, false, compatible_with, 0},
	{"version", "V", 1, false, version, 0},
	{"root", "R", 0, false, required, KEXT_REQ_ROOT},
	{"local-root", "L", 0, false, required, KEXT_REQ_LOCAL_ROOT},
	{"network-root", "N", 0, false, required, KEXT_REQ_NETWORK_ROOT},
	{"console", "C", 0, false, required, KEXT_REQ_CONSOLE},
	{"safe-boot", "S", 0, false, required, KEXT_REQ_SAFE_BOOT},
};

const struct query_predicate *query_predicate(const char *text)
{
	for (size_t i = 0; i < sizeof(predicates) / sizeof(predicates[0]); i++)
		if (!strcmp(predicates[i].name, text) ||
		    (predicates[i].letter && !strcmp(predicates[i].letter, text)))
			return &predicates[i];
	return NULL;
}
