/* SPDX-License-Identifier: MIT */
/* The list of kexts that must not load: OSKext.c OSKextIsInExcludeList. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/plist/pl.h"

#define EXCLUDE_KEXT "com.apple.driver.KextExcludeList"
#define SPEC_MAX     1024

static bool in_range(const char *item, int64_t version)
{
	char from[KEXT_NAME_MAX], to[KEXT_NAME_MAX];

	if (sscanf(item, " %63s thru %63s", from, to) == 2)
		return kext_version_parse_user(from) <= version &&
		       version <= kext_version_parse_user(to);
	return sscanf(item, " %63s", from) == 1 &&
	       kext_version_parse_user(from) == version;
}

/* LE and LT are looked for in front of the whole text only. */
static bool below(const char *item, int64_t version)
{
	char op[3], limit[KEXT_NAME_MAX];
	int64_t max;

	if (sscanf(item, " %2s %63s", op, limit) != 2)
		return false;
	max = kext_version_parse_user(limit);
	return (!strcmp(op, "LE") && version <= max) ||
	       (!strcmp(op, "LT") && version < max);
}

bool kext_exclude_matches(const char *spec, int64_t version)
{
	char text[SPEC_MAX], *rest = NULL, *item;
	bool first = true;

	if (version <= 0 || snprintf(text, sizeof(text), "%s", spec) >= (int)sizeof(text))
		return false;
	for (item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		if ((first && below(item, version)) || in_range(item, version))
			return true;
		first = false;
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
