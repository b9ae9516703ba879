/* SPDX-License-Identifier: MIT */
/* A map from inode numbers to strings, for walks that must not go anywhere twice. */
#ifndef SIM_FORMATS_APFS_INOSET_H
#define SIM_FORMATS_APFS_INOSET_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct apfs_inoset_entry {
	uint64_t ino; /* 0: empty */
	char *text;
};

/* Zero-initialise; release with apfs_inoset_release. */
struct apfs_inoset {
	struct apfs_inoset_entry *slots; /* owned */
	size_t n, cap;                   /* cap is 0 or a power of two */
};

void apfs_inoset_release(struct apfs_inoset *s);

/*
 * Add @ino (not 0) with a copy of @text (may be NULL). E_EXISTS when it is there
 * already; then *ret_old (may be NULL) is what it was added with, borrowed.
 */
int apfs_inoset_add(struct apfs_inoset *s, uint64_t ino, const char *text,
		    const char **ret_old, struct err *e) MUST_CHECK;

#endif
