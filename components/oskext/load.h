/* SPDX-License-Identifier: MIT */
/*
 * Loading into the running kernel: IOKitUser OSKext.c, OSKextLoadWithOptions and
 * __OSKextUnload. What went wrong is in the repository's log, in Apple's words; what the
 * kernel said to it comes with "(kernel) " in front.
 */
#ifndef COMPONENTS_OSKEXT_LOAD_H
#define COMPONENTS_OSKEXT_LOAD_H

#include "components/common/os_return.h"
#include "components/oskext/repository.h"

/* The kext @k of @r, with all that it depends on. A kext that is loaded is no failure. */
enum kext_return oskext_load(struct kext_repository *r, struct kext *k);

/* @log: of the caller. */
enum kext_return oskext_unload(const char *kernel_socket, const char *id,
			       const struct component_log *log);

#endif
