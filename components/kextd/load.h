/* SPDX-License-Identifier: MIT */
/*
 * A request to load a kext (kext_tools kextd_request.c, kextdProcessUserLoadRequest):
 * kextd reads it, has it staged, judges it and hands it to the kernel, for programs that
 * could not do that themselves.
 */
#ifndef COMPONENTS_KEXTD_LOAD_H
#define COMPONENTS_KEXTD_LOAD_H

#include <jansson.h>

#include "components/common/os_return.h"
#include "components/oskext/repository.h"

/* Who asks. */
struct kextd_load_caller {
	const char *name; /* of the program, for the log */
	unsigned uid;
};

/* @request as in protocol.h. What went wrong is in the log of @w. */
enum kext_return kextd_load(const struct oskext_world *w, const json_t *request,
			    const struct kextd_load_caller *who);

#endif
