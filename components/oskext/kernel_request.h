/* SPDX-License-Identifier: MIT */
/* kext_request() over the kernel's socket (components/boot/service.h). */
#ifndef COMPONENTS_OSKEXT_KERNEL_REQUEST_H
#define COMPONENTS_OSKEXT_KERNEL_REQUEST_H

#include "components/common/os_return.h"
#include "sim/base/buf.h"
#include "sim/base/component_log.h"

/* What the kernel says, up to the level of @log, is said there with "(kernel) " in front. */
enum kext_return kernel_request_load(const char *socket, const struct buf *mkext,
				     const struct component_log *log);
enum kext_return kernel_request_unload(const char *socket, const char *id,
				       const struct component_log *log);

/*
 * IOCatalogueTerminate of all services of @class_, or (NULL) of the kext @id, with its
 * personalities. 0, or an errno.
 */
int kernel_request_terminate(const char *socket, const char *class_, const char *id);

#endif
