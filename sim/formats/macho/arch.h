/* SPDX-License-Identifier: MIT */
/* The two architectures of Macs, as far as Mach-O files and linkers tell them apart. */
#ifndef SIM_FORMATS_MACHO_ARCH_H
#define SIM_FORMATS_MACHO_ARCH_H

#include <stddef.h>
#include <stdint.h>

enum macho_cpu { MACHO_X86_64, MACHO_ARM64E };

struct macho_arch {
	const char *name;	      /* "x86_64", "arm64e" */
	uint32_t cputype, cpusubtype; /* of what is written; any subtype is read */
	uint32_t page;		      /* bytes that segments of a kext are aligned to */
};

const struct macho_arch *macho_arch(enum macho_cpu cpu);
/* That of the thin Mach-O file @data; NULL when it is none, or of another CPU. */
const struct macho_arch *macho_arch_of(const void *data, size_t len);

#endif
