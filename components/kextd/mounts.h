/* SPDX-License-Identifier: MIT */
/* Which volumes are mounted where: DiskArbitration's part, read from XNU_VOLUMES. */
#ifndef COMPONENTS_KEXTD_MOUNTS_H
#define COMPONENTS_KEXTD_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

#define MOUNTS_MAX 32

struct mounts {
	size_t n;
	struct {
		char *path; /* owned */
		bool read_only;
	} at[MOUNTS_MAX];
};

/* Read the list; volumes that are not mounted are left out. Release it in any case. */
int mounts_read(struct mounts *m, const char *list, struct err *e) MUST_CHECK;
void mounts_release(struct mounts *m);

/*
 * Does kextd care for what is mounted there? Writable ones, and the running system,
 * which is read-only (vol_appeared).
 */
bool mounts_qualifies(const struct mounts *m, size_t i);
bool mounts_has(const struct mounts *m, const char *path);

#endif
