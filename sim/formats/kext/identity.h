/* SPDX-License-Identifier: MIT */
/*
 * Which content is this? Two bundles with the same identity hold the same kext
 * (kext_tools staging.m copyIdentifierFromBundle). It is the cdhash of the signature, good
 * or not: what the signature does not seal any more does not count. For an unsigned bundle
 * it is on a Mac the cdhash that an ad-hoc signature would have; here a hash over names
 * and content of what such a signature would seal. PlugIns are bundles of their own.
 */
#ifndef SIM_FORMATS_KEXT_IDENTITY_H
#define SIM_FORMATS_KEXT_IDENTITY_H

#include "sim/base/err.h"

#define KEXT_CDHASH_LEN	   20
#define KEXT_IDENTITY_MAX  (2 * KEXT_CDHASH_LEN + 1) /* as text, with the NUL */
#define KEXT_CONTENT_FILES 65536 /* more files in a bundle are refused */
#define KEXT_CONTENT_MAX   (512ull << 20) /* bytes of one file */

/*
 * The identity of the bundle @path. Without a signature names, types, links' targets and
 * content count; links are not followed. E_NOTFOUND, E_OVERFLOW: too many or too large
 * files.
 */
int kext_identity(const char *path, char ret[static KEXT_IDENTITY_MAX], struct err *e)
	MUST_CHECK;

#endif
