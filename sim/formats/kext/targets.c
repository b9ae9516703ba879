/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/targets.h"

#include <stdio.h>

#include "sim/formats/plist/pl.h"

#define SUBJECT_MAX 512

/* OSKextIsLoadable */
static bool is_loadable(struct kext *k, const struct kext_resolver *r)
{
	return kext_validate(k) && (!r->auth || kext_authenticate(k, r->auth)) &&
	       kext_resolve(k, r);
}

static void warn(struct kext *k, enum kext_fault fault, const char *from, const char *to)
{
	char subject[SUBJECT_MAX];

	snprintf(subject, sizeof(subject), "'%s' -> '%s'", from, to);
	kext_diag_add(&k->diags, fault, subject);
}

static void check_target(struct kext *k, const char *personality, const char *id,
			 const struct kext_resolver *r)
{
	struct kext *target = kext_set_newest(r->all, id);

	if (!target) {
		warn(k, KEXT_F_WARN_TARGET_UNKNOWN, personality, id);
		return;
	}
	if (!target->executable || target->dext)
		warn(k, KEXT_F_WARN_TARGET_NO_CODE, personality, id);
	if (target != k && !is_loadable(target, r))
		warn(k, KEXT_F_WARN_TARGET_NOT_LOADABLE, id, target->path);
}

void kext_check_targets(struct kext *k, const struct kext_resolver *r)
{
	plist_t all = kext_info(k, "IOKitPersonalities");
	struct pl_iter it;

	if (!all || plist_get_node_type(all) != PLIST_DICT)
		return;
	for (pl_each(&it, all); pl_next(&it);) {
		const char *id = plist_get_node_type(it.value) == PLIST_DICT
					 ? pl_str(plist_dict_get_item(
						   it.value, "CFBundleIdentifier"))
					 : NULL;

		if (id)
			check_target(k, it.key, id, r);
	}
}
