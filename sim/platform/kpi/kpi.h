/* SPDX-License-Identifier: MIT */
/*
 * What the kernel of a Mac offers to kexts: the symbols of each KPI bundle, and made
 * from them a kernel to link against and System.kext. The tables are facts about xnu,
 * one set for each major version of Darwin (10.15.0/README).
 */
#ifndef SIM_PLATFORM_KPI_KPI_H
#define SIM_PLATFORM_KPI_KPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/platform/kpi/vtables.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

/* One row of kernel_symbols.tsv. */
struct kpi_symbol {
	const char *name;
	char binding; /* G global, L local (no name in a RELEASE kernel), g assumed, P
			 private */
	const char *section;  /* "__TEXT,__text"; "-" for an alias or when unknown */
	const char *kpis;     /* "bsd", "private,unsupported", "-" */
	const char *alias_of; /* NULL unless it is an alias */
};

/* One row of bundles.tsv: System.kext and its PlugIns. */
struct kpi_bundle {
	const char *id, *version, *compatible; /* compatible: NULL when there is none */
	const char *plist; /* path below System.kext: "PlugIns/Mach.kext/Info.plist" */
	const char *executable; /* NULL for one without symbols */
	const char *name;	/* CFBundleName */
	const char *required;	/* OSBundleRequired */
};

struct kpi_table {
	struct kpi_table *next; /* of those that were read */
	char *text, *darwin; /* what rows point to */
	struct kpi_symbol *sym;
	size_t n_syms;
	struct kpi_bundle *bundle;
	size_t n_bundles;
	struct kpi_vtables vtables;
};

/*
 * The table for kernels of @darwin ("19.0.0"), read when it is wanted for the first time and
 * kept as long as the process. Not for threads. E_NOTFOUND when there is none.
 */
int kpi_table_of(const char *darwin, const struct kpi_table **ret,
		 struct err *e) MUST_CHECK;
/* Does the bundle @id (com.apple.kpi.*) export @s? */
bool kpi_exports(const struct kpi_symbol *s, const char *id);

/*
 * Append a stand-in for /System/Library/Kernels/kernel of @r to @out: a real Mach-O
 * with every symbol the KPIs name, each at its own address, with the vtables of the
 * kernel's classes, with empty __PRELINK_TEXT and __PRELINK_INFO segments, and with
 * Apple's version string. It exports what a linker needs and runs nothing. The same
 * release gives the same bytes; releases of one xnu build share kernel and UUID.
 */
int kernel_standin_build(const struct release *r, struct buf *out,
			 struct err *e) MUST_CHECK;
/*
 * The same for the kernel of @m (kernel_standin_build makes that of "intel"): of its
 * architecture and with its banner, names and symbols alike. From 11 on it has no prelink
 * segments, but LC_SEGMENT_SPLIT_INFO. E_INVAL when @m does not run @r.
 */
int kernel_standin_build_for(const struct release *r, const struct machine_model *m,
			     struct buf *out, struct err *e) MUST_CHECK;

/* Is that the LC_UUID of a stand-in kernel, of whatever release and machine? */
bool kernel_is_standin(const uint8_t uuid[static 16]);

/*
 * Give each file of System.kext to @emit, with its path relative to the bundle, parents
 * before children: Info.plist and, for each KPI, PlugIns/X.kext/{Info.plist,X}, the
 * old flat layout that Apple uses there.
 */
typedef int kpi_emit_fn(void *ctx, const char *path, const void *data, size_t len,
			struct err *e);
int kpi_system_kext(const struct release *r, kpi_emit_fn *emit, void *ctx,
		    struct err *e) MUST_CHECK;
/* The same as files below the folder @dir (".../System.kext"), which is made. */
int kpi_system_kext_write(const struct release *r, const char *dir,
			  struct err *e) MUST_CHECK;

/* Only the Mach-O of the KPI bundle @id, appended to @out. E_NOTFOUND. */
int kpi_interface_build(const struct release *r, const char *id, struct buf *out,
			struct err *e) MUST_CHECK;

#endif
