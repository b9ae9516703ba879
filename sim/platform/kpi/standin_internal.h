/* SPDX-License-Identifier: MIT */
/* The stand-in kernel at work, shared by the files that build it. */
#ifndef SIM_PLATFORM_KPI_STANDIN_INTERNAL_H
#define SIM_PLATFORM_KPI_STANDIN_INTERNAL_H

#include "sim/formats/macho/splitinfo.h"
#include "sim/formats/macho/write.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/kpi/standin_cpu.h"

/* Sections of the file, in their order; the first three segments own them. */
enum sect {
	SECT_TEXT,
	SECT_TEXT_CONST,
	SECT_DATA,
	SECT_DATA_CONST,
	SECT_COMMON,
	SECT_PRELINK_TEXT,
	SECT_PRELINK_INFO,
	N_SECTS
};

enum seg { SEG_TEXT, SEG_DATA, SEG_PRELINK_TEXT, SEG_PRELINK_INFO, SEG_LINKEDIT, N_SEGS };

/* Symbols with content: what config/version.c would hold. */
enum content {
	CONTENT_NONE,
	CONTENT_VERSION,
	CONTENT_DARWIN,
	CONTENT_OSTYPE,
	CONTENT_MAJOR,
	CONTENT_MINOR,
	CONTENT_REVISION,
};

#define HEADER_SYMBOL "__mh_execute_header" /* the linker's: start of __TEXT */

struct placed {
	const struct kpi_symbol *sym;
	enum sect sect;
	enum content content;
	uint64_t off; /* in its section */
	bool named;   /* has a name in a RELEASE kernel */
};

struct kernel {
	const struct release *release;
	const struct machine_model *machine;
	const struct standin_cpu *cpu;
	const struct macho_arch *arch;
	const struct kpi_table *table;
	struct placed *placed; /* sorted by name */
	size_t n;
	struct symdict names;	/* of placed: index */
	struct symdict vtables; /* name of a vtable -> index of its row */
	struct macho_section sect[N_SECTS];
	struct macho_segment seg[N_SEGS];
	bool prelink; /* has room for a prelinked kernel; else it is for collections */
	struct macho_symw syms;
	struct buf relocs; /* of pointers, for who moves the kernel */
	uint32_t n_relocs;
	struct split_refs
		refs; /* of the same pointers, for who moves its segments apart */
	struct buf file;
};

extern const struct macho_section standin_sections[N_SECTS];

/* standin_place.c: which symbol is where in its section; and, when sections have
 * addresses, the symbols' bytes and names. */
int standin_place(struct kernel *k, struct err *e) MUST_CHECK;
uint64_t standin_address(const struct kernel *k, const struct placed *p);
int standin_add_symbols(struct kernel *k, struct err *e) MUST_CHECK;
void standin_fill(struct kernel *k);

/* standin_pointers.c: vtables, and what leads from a class to its parent. */
int standin_index_vtables(struct kernel *k, struct err *e) MUST_CHECK;
uint64_t standin_vtable_size(const struct kernel *k, const char *symbol); /* 0: is none */
int standin_put_pointers(struct kernel *k, struct err *e) MUST_CHECK;

#endif
