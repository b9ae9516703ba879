/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for Apple's driver families (IOPCIFamily ...), from the tables in
 * <release>/families: every symbol that such a kext defines, functions that return 0,
 * and the vtables of its classes, which derive from the kernel's. They run nothing, and
 * say what they are in their property list and in a string.
 */
#ifndef SIM_PLATFORM_KPI_FAMILY_H
#define SIM_PLATFORM_KPI_FAMILY_H

#include "sim/base/buf.h"
#include "sim/platform/kpi/kpi.h"

/* Zero-initialise. */
struct kpi_families {
	const struct kpi_table *kernel;
	struct symdict kernel_names;
	struct buf symbols, bundles; /* text; symbols: a string for each line */
	struct kpi_vtables vtables;
};
void kpi_families_release(struct kpi_families *f);

/* From @folder with {bundles,symbols,vtables}.tsv; classes derive from those of @darwin.
 */
int kpi_families_read(const char *folder, const char *darwin, struct kpi_families *f,
		      struct err *e) MUST_CHECK;

/* Append Info.plist of the bundle @id. E_NOTFOUND. */
int kpi_family_info(const struct kpi_families *f, const char *id, struct buf *out,
		    struct err *e) MUST_CHECK;
/* Append the source of its executable for the assembler, x86_64. E_NOTFOUND. */
int kpi_family_source(const struct kpi_families *f, const char *id, struct buf *out,
		      struct err *e) MUST_CHECK;

#endif
