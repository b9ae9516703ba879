/* SPDX-License-Identifier: MIT */
/*
 * The static trust cache: which programs the kernel takes for Apple's without asking
 * further. Form as in XNU (osfmk/kern/trustcache.h, version 1): u32 version, UUID, u32
 * number of entries, and sorted by hash entries of 20 bytes of hash, u8 hash type, u8
 * flags.
 *
 * The hash stands for that of a program's code directory; here it is the SHA-256 of the
 * whole file, cut to 20 bytes.
 */
#ifndef IMAGES_TRUST_CACHE_H
#define IMAGES_TRUST_CACHE_H

#include "sim/base/buf.h"
#include "sim/formats/fstree/fstree.h"

/* Of the executable files of @t, appended to @out. */
int trust_cache_build(const struct fs_tree *t, struct buf *out, struct err *e) MUST_CHECK;

#endif
