/* SPDX-License-Identifier: MIT */
/* OSReturn of libkern's kext code (libkern/OSKextLib.h), and what mach_error_string says. */
#ifndef COMPONENTS_COMMON_OS_RETURN_H
#define COMPONENTS_COMMON_OS_RETURN_H

#include <stdint.h>

/* The low bits of kOSKextReturn...; 0 is kOSReturnSuccess. */
enum kext_return {
	KEXT_RET_OK = 0,
	KEXT_RET_INTERNAL = 0x1,
	KEXT_RET_NO_MEMORY = 0x2,
	KEXT_RET_NO_RESOURCES = 0x3,
	KEXT_RET_NOT_PRIVILEGED = 0x4,
	KEXT_RET_INVALID_ARGUMENT = 0x5,
	KEXT_RET_NOT_FOUND = 0x6,
	KEXT_RET_BAD_DATA = 0x7,
	KEXT_RET_DISABLED = 0xa,
	KEXT_RET_VALIDATION = 0xc,
	KEXT_RET_AUTHENTICATION = 0xd,
	KEXT_RET_DEPENDENCIES = 0xe,
	KEXT_RET_ARCH_NOT_FOUND = 0xf,
	KEXT_RET_NOT_LOADABLE = 0x13,
	KEXT_RET_VERSION_DIFFERS = 0x14,
	KEXT_RET_DEPENDENCY_LOAD = 0x15,
	KEXT_RET_LINK = 0x16,
	KEXT_RET_START_STOP = 0x17,
	KEXT_RET_IN_USE = 0x18,
	KEXT_RET_SYSTEM_POLICY = 0x1b,
	KEXT_RET_MAX = 0x1c,
};

/* "(libkern/kext) not found"; of a number that is none: "(libkern/kext) unknown error". */
const char *kext_return_text(enum kext_return r);

/* The whole OSReturn, as the kernel's messages print it: 0xdc008006. */
uint32_t kext_return_code(enum kext_return r);

#endif
