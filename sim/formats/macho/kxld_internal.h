/* SPDX-License-Identifier: MIT */
/* State of one link, shared by kxld's files. */
#ifndef SIM_FORMATS_MACHO_KXLD_INTERNAL_H
#define SIM_FORMATS_MACHO_KXLD_INTERNAL_H

#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/splitinfo.h"
#include "sim/formats/macho/write.h"

/* kx_symbol.state */
enum kx_state {
	KX_SKIPPED, /* stab, alias: nothing to link */
	KX_DEFINED, /* in this kext */
	KX_BOUND,   /* by a dependency */
	KX_WEAK,    /* weak reference that nothing defines */
	KX_UNRESOLVED,
};

struct kx_symbol {
	struct macho_symbol s;
	uint64_t value; /* its final address */
	enum kx_state state;
	uint32_t got; /* slot in __kxld_got + 1; 0 for none */
};

struct kx {
	const struct kxld_request *rq;
	struct macho m;
	struct kx_symbol *sym; /* m.nsyms */
	uint64_t base;	       /* lowest address in the file */
	/* What defined addresses of a segment grow by: all by the same without @refs */
	uint64_t slide[MACHO_SEGS_MAX];
	struct split_refs refs;
	unsigned linkedit; /* index of __LINKEDIT, or m.nsegs */
	uint64_t code_end; /* size of the segments before __LINKEDIT and the GOT */
	uint32_t n_got;
	uint64_t got_addr; /* of __kxld_got, final */
	struct buf image;  /* from load_addr to the GOT's end */
	struct buf relocs; /* what is left: local, for sliding */
	uint32_t n_relocs;
	struct macho_symw out;
	uint32_t n_locals; /* of out: symbols that are not external */
};

int kx_index_symbols(struct kx *k, struct err *e) MUST_CHECK;
int kx_resolve(struct kx *k, struct err *e) MUST_CHECK;

/* How far a place of the input moves, and section @n (from 1) of it. */
uint64_t kx_slide_at(const struct kx *k, uint64_t addr);
int kx_section_slide(const struct kx *k, uint32_t n, uint64_t *ret,
		     struct err *e) MUST_CHECK;
/* Read the table of LC_SEGMENT_SPLIT_INFO; E_UNSUPPORTED when there is none. */
int kx_read_split(struct kx *k, struct err *e) MUST_CHECK;
/* Set right what refers to another segment, when segments move apart. */
int kx_adjust_split(struct kx *k, struct err *e) MUST_CHECK;

/* The symbol that @r is against; it has a value. */
int kx_symbol_of(struct kx *k, const struct macho_reloc *r, struct kx_symbol **ret,
		 struct err *e) MUST_CHECK;
bool kx_is_got(const struct kx *k, const struct macho_reloc *r);
int kx_overflow(struct err *e);
/* An instruction of arm64; @addend is the entry in front of @r, or NULL. */
int kx_fix_arm64(struct kx *k, uint64_t addr, uint8_t *at, const struct macho_reloc *r,
		 const struct macho_reloc *addend, struct err *e) MUST_CHECK;

/* Find how many GOT slots the relocations need. */
int kx_count_got(struct kx *k, struct err *e) MUST_CHECK;
int kx_relocate(struct kx *k, struct err *e) MUST_CHECK;

/* Bytes at @addr of the image, an address of the input file; NULL when outside. */
uint8_t *kx_at(struct kx *k, uint64_t addr, size_t len);

#endif
