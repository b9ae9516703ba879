/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "sim/formats/mkext/mkext.h"
#include "sim/formats/mkext/raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read lies inside. Length and sum are made right, or nothing else would be tried. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct mkext m = {.n = 0};
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (size >= sizeof(struct mkext_header_raw)) {
		put_be32(copy + 8, (uint32_t)size);
		put_be32(copy + 12, (uint32_t)adler32_z(1, copy + MKEXT_SUMMED_FROM,
							size - MKEXT_SUMMED_FROM));
	}
	if (!mkext_open(copy, size, &m, &e))
		for (size_t i = 0; i < m.n; i++)
			if (m.kext[i].exec &&
			    ((const uint8_t *)m.kext[i].exec < copy ||
			     (const uint8_t *)m.kext[i].exec + m.kext[i].exec_len >
				     copy + size))
				abort();
	mkext_release(&m);
	free(copy);
	return 0;
}
