/* SPDX-License-Identifier: MIT */
/*
 * What a kext depends on (IOKitUser OSKext.c, OSKextResolveDependencies): for each entry
 * of OSBundleLibraries the highest version whose range, from OSBundleCompatibleVersion to
 * CFBundleVersion, holds the requested one.
 */
#ifndef SIM_FORMATS_KEXT_RESOLVE_H
#define SIM_FORMATS_KEXT_RESOLVE_H

#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/set.h"

#define KEXT_RESOLVE_DEPTH 64

struct kext_resolver {
	const struct kext_set *all;      /* the candidates */
	const struct kext_auth *auth;    /* NULL: candidates need not be authentic */
	const struct component_log *log; /* may be NULL */
};

/*
 * Find direct and indirect dependencies of @k. False when one is missing, unsuitable or
 * circular: the log says which and k->diags why. k->deps is filled even then with those
 * that were found.
 */
bool kext_resolve(struct kext *k, const struct kext_resolver *r);

/*
 * The kexts of @wanted and all they depend on, each once, dependencies first: the order
 * of the prelinked kernel. All have to be resolved. @ret has to be empty and not own.
 */
int kext_load_list(const struct kext_set *wanted, struct kext_set *ret, struct err *e)
	MUST_CHECK;

#endif
