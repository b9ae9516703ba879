/* SPDX-License-Identifier: MIT */
/* The name of a base disk in the cache: a digest of all that its bytes depend on. */
#ifndef IMAGES_CACHEKEY_H
#define IMAGES_CACHEKEY_H

#include "images/disk.h"

#define CACHE_KEY_LEN 33 /* hex digits and a NUL */

/*
 * Takes in this program itself (it holds the writer and the release and KPI tables),
 * the manifests, the guest's programs, the host's tools that are copied, and the spec
 * with the content of its kexts.
 */
int image_cache_key(const struct image_env *env, const struct disk_spec *spec,
		    char key[static CACHE_KEY_LEN], struct err *e) MUST_CHECK;

#endif
