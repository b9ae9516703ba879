/* SPDX-License-Identifier: MIT */
#ifndef IMAGES_SPARSE_H
#define IMAGES_SPARSE_H

#include "sim/base/err.h"

#define SPARSE_HASH_LEN 65

/* Copy the file @from to the new file @to; holes stay holes. */
int sparse_copy(const char *from, const char *to, struct err *e) MUST_CHECK;

/*
 * SHA-256, in hexadecimal, of the size of the file @path and of its blocks that are not
 * all zero, with their places; so it is the same for a copy with other holes.
 */
int sparse_hash(const char *path, char ret[static SPARSE_HASH_LEN],
		struct err *e) MUST_CHECK;

#endif
