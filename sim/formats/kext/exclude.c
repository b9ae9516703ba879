/* SPDX-License-Identifier: MIT */
/* The list of kexts that must not load: OSKext.c OSKextIsInExcludeList,
 * _excludeThisVersion. */
#include <string.h>

#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/plist/pl.h"

#define EXCLUDE_KEXT "com.apple.driver.KextExcludeList"
#define TEXT_MAX     32 /* of one version, NUL included; a longer one ends the reading */

/* Which versions an item means: its own, or those below, too. */
enum compare { EQUAL, UP_TO, BELOW };

struct item {
	char from[TEXT_MAX], to[TEXT_MAX];
	bool range;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool starts_thru(const char *p)
{
	return !strncmp(p, "thru", strlen("thru"));
}

/*
 * One item at *p, without its white space, which counts nowhere, and step behind what
 * ends it: a comma, the end, or a second "thru". False when a version is too long.
 */
static bool read_item(const char **p, struct item *ret)
{
	char *to = ret->from;
	size_t n = 0;

	*ret = (struct item){.range = false};
	for (; **p && **p != ','; (*p)++) {
		if (is_space(**p))
			continue;
		if (starts_thru(*p) && ret->range)
			break;
		if (starts_thru(*p)) {
			ret->range = true;
			to = ret->to;
			n = 0;
			*p += strlen("thru") - 1;
			continue;
		}
		if (n == TEXT_MAX - 1)
			return false;
		to[n++] = **p;
	}
	*p += **p != '\0';
	return true;
}

static bool names(const struct item *it, enum compare how, int64_t version)
{
	int64_t from = kext_version_parse(it->from);

	if (it->range)
		return from <= version && version <= kext_version_parse(it->to);
	switch (how) {
	case UP_TO:
		return version <= from;
	case BELOW:
		return version < from;
	default:
		return version == from;
	}
}

/* LE and LT are looked for at the very beginning, and count for the first item only. */
static enum compare read_compare(const char **p)
{
	enum compare how = !strncmp(*p, "LE", 2)   ? UP_TO
			   : !strncmp(*p, "LT", 2) ? BELOW
						   : EQUAL;

	*p += how == EQUAL ? 0 : 2;
	return how;
}

bool kext_exclude_matches(const char *spec, int64_t version)
{
	const char *p = spec;
	enum compare how = read_compare(&p);
	struct item it;

	while (*p) {
		if (!read_item(&p, &it))
			return false;
		if (names(&it, how, version))
			return true;
		how = EQUAL;
	}
	return false;
}

static bool wants_hardware(plist_t row, const char *key)
{
	plist_t matches = plist_dict_get_item(row, key);

	return matches && plist_get_node_type(matches) == PLIST_ARRAY &&
	       plist_array_get_size(matches) > 0;
}

bool kext_is_excluded(const struct kext *k, const struct kext_set *all)
{
	const struct kext *holder = all ? kext_set_newest(all, EXCLUDE_KEXT) : NULL;
	plist_t list = holder ? kext_info(holder, "OSKextExcludeList") : NULL, row;
	const char *spec;

	if (!list || plist_get_node_type(list) != PLIST_DICT)
		return false;
	row = plist_dict_get_item(list, k->id);
	if (!row)
		return false;
	if (plist_get_node_type(row) == PLIST_DICT) {
		if (wants_hardware(row, "Any_Match") || wants_hardware(row, "All_Match"))
			return false;
		row = plist_dict_get_item(row, "Versions");
	}
	spec = pl_str(row);
	return spec && kext_exclude_matches(spec, k->version);
}
