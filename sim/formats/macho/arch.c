/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/arch.h"

#include "sim/formats/macho/raw.h"

static const struct macho_arch archs[] = {
	[MACHO_X86_64] = {"x86_64", CPU_TYPE_X86_64, CPU_SUBTYPE_X86_64_ALL, MACHO_PAGE},
	[MACHO_ARM64E] = {"arm64e", CPU_TYPE_ARM64, CPU_SUBTYPE_ARM64E_KERNEL,
			  MACHO_PAGE_ARM64},
};

const struct macho_arch *macho_arch(enum macho_cpu cpu)
{
	return &archs[cpu];
}

const struct macho_arch *macho_arch_of(const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len < sizeof(struct macho_header_raw) || get_le32(p) != MACHO_MAGIC_64)
		return NULL;
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (get_le32(p + 4) == archs[i].cputype)
			return &archs[i];
	return NULL;
}
