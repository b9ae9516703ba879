/* SPDX-License-Identifier: MIT */
#include <stdint.h>

#include "sim/formats/fileset/fileset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Open as a collection of either architecture, then use what was believed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (enum macho_cpu cpu = MACHO_X86_64; cpu <= MACHO_ARM64E; cpu++) {
		static const uint8_t kcid[UUID_LEN];
		struct err e = ERR_INIT;
		struct fileset f;

		if (fileset_open(data, size, macho_arch(cpu), &f, &e))
			continue;
		for (size_t i = 0; i < f.n_kexts; i++) {
			struct macho_symbol s;
			struct macho m;

			if (!f.kext[i].has_code ||
			    fileset_kext_macho(&f, &f.kext[i], &m, &e))
				continue;
			(void)!macho_find_defined(&m, "_kmod_info", &s, &e);
			macho_release(&m);
		}
		(void)!fileset_check_links(&f, kcid, kcid, &e);
		fileset_release(&f);
	}
	return 0;
}
