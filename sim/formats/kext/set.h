/* SPDX-License-Identifier: MIT */
/* Many kexts: reading folders of them, and choosing. */
#ifndef SIM_FORMATS_KEXT_SET_H
#define SIM_FORMATS_KEXT_SET_H

#include "sim/base/component_log.h"
#include "sim/formats/kext/kext.h"

#define KEXT_SET_MAX 8192

/* Kexts in the order of their discovery. Zero-initialise; owns them if @owns. */
struct kext_set {
	struct kext **item;
	size_t n, cap;
	bool owns;
};

void kext_set_release(struct kext_set *s);
int kext_set_add(struct kext_set *s, struct kext *k, struct err *e) MUST_CHECK;
bool kext_set_has(const struct kext_set *s, const struct kext *k);

/*
 * Add the bundles of @folder (*.kext, *.dext, sorted by name) and those in their
 * Contents/PlugIns, one level deep; not other folders. A folder that is not there adds
 * nothing. A bundle that cannot be read is logged and left out. With @folder itself a
 * bundle, adds that one and its PlugIns. Paths are resolved. A bundle that @s has
 * already is not read twice.
 */
int kext_set_scan(struct kext_set *s, const char *folder, const struct component_log *log,
		  struct err *e) MUST_CHECK;
/* The one at the (resolved) @path, or NULL. */
struct kext *kext_set_at_path(const struct kext_set *s, const char *path);
/* The highest version of @id, the first one found among equals; NULL for none. */
struct kext *kext_set_newest(const struct kext_set *s, const char *id);

/*
 * Add @k, but only one kext per identifier stays: the highest version, the first one
 * among equals. One whose version does not parse is not added. (kextcache
 * _appendIfNewest)
 */
int kext_set_add_newest(struct kext_set *s, struct kext *k,
			const struct component_log *log, struct err *e) MUST_CHECK;

#endif
