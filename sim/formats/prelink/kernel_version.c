/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <string.h>

#include "sim/formats/prelink/prelink.h"

void prelink_kernel_version(const void *macho, size_t size,
			    char out[static PRELINK_VERSION_MAX])
{
	static const char mark[] = "Darwin Kernel Version ";
	const char *at = size ? memmem(macho, size, mark, sizeof(mark) - 1) : NULL;
	const char *end = (const char *)macho + size;
	size_t len = at ? strnlen(at, (size_t)(end - at)) : 0;

	if (len > PRELINK_VERSION_MAX - 1)
		len = PRELINK_VERSION_MAX - 1;
	if (at)
		memcpy(out, at, len);
	out[len] = '\0';
}
