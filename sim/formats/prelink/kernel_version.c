/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <string.h>

#include "sim/formats/prelink/prelink.h"

void prelink_kernel_version(const struct prelink *p, char out[static PRELINK_VERSION_MAX])
{
	static const char mark[] = "Darwin Kernel Version ";
	const char *end = (const char *)p->macho.data + p->macho.len;
	const char *at = memmem(p->macho.data, p->macho.len, mark, sizeof(mark) - 1);
	size_t len = at ? strnlen(at, (size_t)(end - at)) : 0;

	if (len > PRELINK_VERSION_MAX - 1)
		len = PRELINK_VERSION_MAX - 1;
	if (at)
		memcpy(out, at, len);
	out[len] = '\0';
}
