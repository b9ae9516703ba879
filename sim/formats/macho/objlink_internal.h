/* SPDX-License-Identifier: MIT */
/* State of one run of objlink, shared by its files. */
#ifndef SIM_FORMATS_MACHO_OBJLINK_INTERNAL_H
#define SIM_FORMATS_MACHO_OBJLINK_INTERNAL_H

#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/splitinfo.h"
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
	const struct macho_arch *arch;
	bool split;
	struct split_refs refs; /* between sections, when @split */
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

/* One relocation at work. */
struct ol_fixup {
	struct ol *l;
	const struct ol_object *o;
	const struct macho_section *in; /* the input section it is in */
	uint32_t out;			/* the output section */
	struct macho_reloc r;
	uint64_t old_addr, addr; /* of the place, in the input and in the output */
	uint8_t *at;		 /* its bytes */
	size_t before;		 /* bytes of the section before @at */
};

/* What a relocation points to. */
struct ol_target {
	bool undefined;
	uint32_t global; /* NOT_PLACED when it is no global */
	uint64_t addr;	 /* of an extern one, in the output */
	uint64_t delta;	 /* of a section: how far it moved */
	uint32_t out;	 /* output section, or NOT_PLACED for an absolute value */
};

int ol_find_target(const struct ol_fixup *f, const struct macho_reloc *r,
		   struct ol_target *t, struct err *e) MUST_CHECK;
/* Leave @r, against the global @t, to kxld. */
int ol_keep_external(struct ol_fixup *f, const struct macho_reloc *r,
		     const struct ol_target *t, struct err *e) MUST_CHECK;
/* Note that the place refers to @t, of another section, in the way of @kind. */
int ol_note(struct ol_fixup *f, const struct ol_target *t, enum split_kind kind,
	    struct err *e) MUST_CHECK;
/* A pointer; the difference of what f->r and @second name. */
int ol_fix_pointer(struct ol_fixup *f, struct err *e) MUST_CHECK;
int ol_fix_difference(struct ol_fixup *f, const struct macho_reloc *second,
		      struct err *e) MUST_CHECK;
/* An address that does not reach. */
int ol_too_far(const struct ol_fixup *f, struct err *e);
int ol_unknown(const struct ol_fixup *f, struct err *e);

/* Settle relocation @i of f->in; *used says how many entries it was. */
int ol_fix_x86_64(struct ol_fixup *f, uint32_t i, uint32_t *used,
		  struct err *e) MUST_CHECK;
int ol_fix_arm64(struct ol_fixup *f, uint32_t i, uint32_t *used,
		 struct err *e) MUST_CHECK;

/* Address of @sym, which object @o defines. */
uint64_t ol_symbol_addr(const struct ol *l, const struct ol_object *o,
			const struct macho_symbol *sym);
/* Address of the start of section number @n (from 1) of @o, in the output. */
uint64_t ol_section_addr(const struct ol *l, const struct ol_object *o, unsigned n);

int ol_collect_symbols(struct ol *l, struct err *e) MUST_CHECK;
int ol_write_symbols(struct ol *l, struct err *e) MUST_CHECK;
int ol_relocate(struct ol *l, struct err *e) MUST_CHECK;

#endif
