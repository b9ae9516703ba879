/* SPDX-License-Identifier: MIT */
/* The .tsv files as they are, inside the program. */
#ifndef SIM_PLATFORM_KPI_TABLES_H
#define SIM_PLATFORM_KPI_TABLES_H

extern const char kpi_10_15_0_symbols[], kpi_10_15_0_symbols_end[];
extern const char kpi_10_15_0_bundles[], kpi_10_15_0_bundles_end[];

extern const char kpi_11_0_1_symbols[], kpi_11_0_1_symbols_end[];
extern const char kpi_11_0_1_bundles[], kpi_11_0_1_bundles_end[];
extern const char kpi_12_1_symbols[], kpi_12_1_symbols_end[];
extern const char kpi_12_1_bundles[], kpi_12_1_bundles_end[];

extern const char kpi_10_15_0_vtables[], kpi_10_15_0_vtables_end[];
extern const char kpi_11_0_1_vtables[], kpi_11_0_1_vtables_end[];
extern const char kpi_12_1_vtables[], kpi_12_1_vtables_end[];

#endif
