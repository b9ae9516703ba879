/* SPDX-License-Identifier: MIT */
/* State of one run of objlink, shared by its three files. */
#ifndef SIM_FORMATS_MACHO_OBJLINK_INTERNAL_H
#define SIM_FORMATS_MACHO_OBJLINK_INTERNAL_H

#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/symdict.h"
#include "sim/formats/macho/write.h"

#define NOT_PLACED UINT32_MAX

/* Where a section of an input went. */
struct ol_place {
	uint32_t out;	 /* index of the output section, or NOT_PLACED */
	uint64_t offset; /* in it */
};

struct ol_object {
	const char *name;
	struct macho m;
	struct ol_place *place; /* one per section */
	uint32_t *global;	/* per symbol: index in ol.global, or NOT_PLACED */
};

/* A name that several inputs may share. */
struct ol_global {
	const char *name;
	bool defined;
	bool weak;    /* all references are weak, or the definition is */
	bool hidden;  /* private extern: local in the output */
	uint32_t obj; /* of the definition */
	struct macho_symbol sym;
	uint32_t out_index; /* in the output's symbol table */
};

struct ol_section {
	struct macho_section s;
	unsigned seg_rank, order;
	uint32_t index; /* as first seen; places point to it until the sections are sorted
			 */
};

/* An output relocation; symbolnum of an external one is an index in ol.global. */
struct ol_relocs {
	struct macho_reloc *r;
	size_t n, cap;
};

struct ol {
	struct ol_object *obj;
	size_t n_objs;
	struct ol_section *sect;
	size_t n_sects;
	struct ol_global *global;
	size_t n_globals, cap_globals;
	struct symdict names; /* value: index in global */
	struct macho_segment seg[MACHO_SEGS_MAX];
	unsigned n_segs; /* without __LINKEDIT */
	struct buf file; /* from offset 0 to __LINKEDIT */
	struct ol_relocs ext, loc;
	struct macho_symw syms;
	struct macho_dysymtab dysym;
};

/* Address of @sym, which object @o defines. */
uint64_t ol_symbol_addr(const struct ol *l, const struct ol_object *o,
			const struct macho_symbol *sym);
/* Address of the start of section number @n (from 1) of @o, in the output. */
uint64_t ol_section_addr(const struct ol *l, const struct ol_object *o, unsigned n);

int ol_collect_symbols(struct ol *l, struct err *e) MUST_CHECK;
int ol_write_symbols(struct ol *l, struct err *e) MUST_CHECK;
int ol_relocate(struct ol *l, struct err *e) MUST_CHECK;

#endif
