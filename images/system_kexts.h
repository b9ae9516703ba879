/* SPDX-License-Identifier: MIT */
/* The kexts of a new system that are Apple's, signed as such. */
#ifndef IMAGES_SYSTEM_KEXTS_H
#define IMAGES_SYSTEM_KEXTS_H

#include "images/disk.h"
#include "images/scratch.h"
#include "sim/platform/signing/authority.h"

/* The laboratory's authority for code, from the folder of keys below the build folder. */
int image_authority_load(const struct image_env *env, struct signing_authority *ret,
			 struct err *e) MUST_CHECK;

/*
 * Copy the bundle @from to @to and sign it as the vendor's, the bundles in its PlugIns
 * first. What was there already is signed where it is, when @from is NULL.
 */
int system_kext_sign(struct signing_authority *a, const char *from, const char *to,
		     struct err *e) MUST_CHECK;

#endif
