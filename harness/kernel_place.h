/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_KERNEL_PLACE_H
#define HARNESS_KERNEL_PLACE_H

#include "harness/expect.h"
#include "harness/macfs.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

/*
 * The path, as the Mac has it, of the kernel that a normal start of @release on @machine
 * takes, or of the staged one: a prelinked kernel, or from macOS 11 on a collection on
 * Preboot. @group: volume group of the system, "" when unknown. E_NOTFOUND: there is no
 * such thing there.
 */
int kernel_place(struct macfs *fs, const struct release *release,
		 const struct machine_model *machine, const char *group,
		 enum kernel_which which, char out[static MACFS_PATH_MAX],
		 struct err *e) MUST_CHECK;

#endif
