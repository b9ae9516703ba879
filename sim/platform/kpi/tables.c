/* SPDX-License-Identifier: MIT */
#include "sim/platform/kpi/tables.h"

#define EMBED(name, path)                                                                \
	__asm__(".pushsection .rodata\n"                                                 \
		".globl " #name ", " #name "_end\n" #name ":\n"                          \
		".incbin \"sim/platform/kpi/" path "\"\n" #name "_end:\n"                \
		".byte 0\n"                                                              \
		".popsection\n")

EMBED(kpi_10_15_0_symbols, "10.15.0/kernel_symbols.tsv");
EMBED(kpi_10_15_0_bundles, "10.15.0/bundles.tsv");
EMBED(kpi_11_0_1_symbols, "11.0.1/kernel_symbols.tsv");
EMBED(kpi_11_0_1_bundles, "11.0.1/bundles.tsv");
EMBED(kpi_12_1_symbols, "12.1/kernel_symbols.tsv");
EMBED(kpi_12_1_bundles, "12.1/bundles.tsv");
EMBED(kpi_10_15_0_vtables, "10.15.0/vtables.tsv");
EMBED(kpi_11_0_1_vtables, "11.0.1/vtables.tsv");
EMBED(kpi_12_1_vtables, "12.1/vtables.tsv");
