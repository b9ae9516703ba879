/* SPDX-License-Identifier: MIT */
/* Which kexts the user of a new disk has approved before: KextPolicy as it is then. */
#ifndef IMAGES_APPROVALS_H
#define IMAGES_APPROVALS_H

#include "images/disk.h"
#include "sim/base/buf.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/signer.h"

struct approval {
	struct kext_signer signer;
	char id[KEXT_NAME_MAX];
};

/* Sorted, each pair of team and id once. Release with approvals_release. */
struct approvals {
	struct approval *row; /* owned */
	size_t n;
};

/* Those that @spec names, with their PlugIns; without any, its kexts. */
int approvals_read(const struct disk_spec *spec, struct approvals *ret,
		   struct err *e) MUST_CHECK;
void approvals_release(struct approvals *a);

/* Append the database; @scratch is a folder for a moment. */
int approvals_database(const struct approvals *a, const char *scratch, struct buf *out,
		       struct err *e) MUST_CHECK;

#endif
