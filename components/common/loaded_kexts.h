/* SPDX-License-Identifier: MIT */
/* The running kernel's list of its kexts, XNU_LOADED_KEXTS (OSKextCopyLoadedKextInfo). */
#ifndef COMPONENTS_COMMON_LOADED_KEXTS_H
#define COMPONENTS_COMMON_LOADED_KEXTS_H

#include <plist/plist.h>

#include "sim/base/err.h"

#define LOADED_KEXTS_MAX (16u << 20) /* bytes of the list */

/* An array, of dictionaries if all is well, which the caller owns (plist_free). E_CORRUPT. */
int loaded_kexts_read(const char *path, plist_t *ret, struct err *e) MUST_CHECK;

/* The entry of @id, or NULL. Borrowed from @list, which may be NULL. */
plist_t loaded_kexts_find(plist_t list, const char *id);

#endif
