/* SPDX-License-Identifier: MIT */
#include "components/common/os_return.h"

#include <stddef.h>

#define OS_RETURN_KEXT 0xdc008000u /* err_system(0x37), err_sub(2) */

/* err_libkern.sub */
static const char *const texts[KEXT_RET_MAX] = {
	[KEXT_RET_OK] = "(os/kern) successful",
	[KEXT_RET_INTERNAL] = "(libkern/kext) internal error",
	[KEXT_RET_NO_MEMORY] = "(libkern/kext) allocation failure",
	[KEXT_RET_NO_RESOURCES] = "(libkern/kext) resource shortage",
	[KEXT_RET_NOT_PRIVILEGED] = "(libkern/kext) not privileged",
	[KEXT_RET_INVALID_ARGUMENT] = "(libkern/kext) invalid argument",
	[KEXT_RET_NOT_FOUND] = "(libkern/kext) not found",
	[KEXT_RET_BAD_DATA] = "(libkern/kext) bad data (mkext/other)",
	[KEXT_RET_DISABLED] = "(libkern/kext) function disabled",
	[KEXT_RET_VALIDATION] = "(libkern/kext) validation failure (plist/executable)",
	[KEXT_RET_AUTHENTICATION] =
		"(libkern/kext) authentication failure (file ownership/permissions)",
	[KEXT_RET_DEPENDENCIES] = "(libkern/kext) dependency resolution failure",
	[KEXT_RET_ARCH_NOT_FOUND] =
		"(libkern/kext) requested architecture/executable not found",
	[KEXT_RET_NOT_LOADABLE] = "(libkern/kext) not loadable (reason unspecified)",
	[KEXT_RET_VERSION_DIFFERS] = "(libkern/kext) different version/uuid already loaded",
	[KEXT_RET_DEPENDENCY_LOAD] = "(libkern/kext) dependency load failed",
	[KEXT_RET_LINK] = "(libkern/kext) link error",
	[KEXT_RET_START_STOP] = "(libkern/kext) kext (kmod) start/stop routine failed",
	[KEXT_RET_IN_USE] = "(libkern/kext) kext is in use or retained (cannot unload)",
	[KEXT_RET_SYSTEM_POLICY] = "(libkern/kext) system policy prevents loading",
};

const char *kext_return_text(enum kext_return r)
{
	const char *text = (unsigned)r < KEXT_RET_MAX ? texts[r] : NULL;

	return text ? text : "(libkern/kext) unknown error";
}

uint32_t kext_return_code(enum kext_return r)
{
	return r == KEXT_RET_OK ? 0 : OS_RETURN_KEXT | (uint32_t)r;
}
