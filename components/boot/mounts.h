/* SPDX-License-Identifier: MIT */
#ifndef COMPONENTS_BOOT_MOUNTS_H
#define COMPONENTS_BOOT_MOUNTS_H

#include "components/boot/boot.h"

/* The line of the log for a volume that the kernel mounts. */
void mounts_say(struct boot *b, const struct boot_volume *v);

/*
 * When userspace starts again: a Data volume that was locked when the system started, and
 * is not any more, takes its place. Nothing else has files open there.
 */
int mounts_complete(struct boot *b, struct err *e) MUST_CHECK;

#endif
