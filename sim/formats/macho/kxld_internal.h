/* SPDX-License-Identifier: MIT */
/* State of one link, shared by kxld's files. */
#ifndef SIM_FORMATS_MACHO_KXLD_INTERNAL_H
#define SIM_FORMATS_MACHO_KXLD_INTERNAL_H

#include "sim/formats/macho/kxld.h"
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
	uint64_t slide;	       /* what a defined address grows by */
	unsigned linkedit;     /* index of __LINKEDIT, or m.nsegs */
	uint64_t code_end;     /* size of the segments before __LINKEDIT and the GOT */
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

/* Find how many GOT slots the relocations need. */
int kx_count_got(struct kx *k, struct err *e) MUST_CHECK;
int kx_relocate(struct kx *k, struct err *e) MUST_CHECK;

/* Bytes at @addr of the image, an address of the input file; NULL when outside. */
uint8_t *kx_at(struct kx *k, uint64_t addr, size_t len);

#endif
